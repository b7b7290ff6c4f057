//! `cargo xtask soak`: the long form of the tests that draw their moments at random.

use std::process::Command;
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::kills::{self, Figures, Plan};
use accounting_tests::lab::build_daemon;
use anyhow::{Context, Result, bail};

use crate::{contract, root::root};

mod seeds;

/// Kill the daemon at random moments under load, again and again; or ask its API, or run seeds, for long
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Draws the moments; the time of day where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Instead, ask the API whatever its description allows and forbids, for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600", conflicts_with = "kills")]
    api: Option<u32>,
    /// Instead, run fresh seeds of the simulator, from --seed on, for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "3600", conflicts_with_all = ["kills", "api"])]
    seeds: Option<u32>,
    /// Write the figures to docs/soak/<date>.md, or <date>-api.md, or <date>-seeds.md
    #[arg(long)]
    log: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let seed = args.seed.unwrap_or_else(|| clock::wall().as_secs());
    // What is built now is what runs, whatever happens to the sources meanwhile.
    let commit = said(
        Command::new("git")
            .args(["describe", "--always", "--dirty"])
            .current_dir(root()?),
    )?;
    let begun = clock::monotonic();
    let mut agreed = Ok(());
    let (kind, page) = if let Some(seconds) = args.seeds {
        // Seeds follow one upon the other: so far apart, two runs share none.
        let first = args.seed.unwrap_or_else(|| seed.saturating_mul(1_000_000));
        let said = seeds::run(seconds, first)?;
        agreed = seeds::agreed(&said);
        let took = clock::monotonic() - begun;
        ("-seeds", seeds::page(&said, seconds, first, &commit, took)?)
    } else if let Some(seconds) = args.api {
        let figures = contract::run(seconds, seed)?;
        let took = clock::monotonic() - begun;
        ("-api", page_of_calls(seconds, seed, &commit, &figures, took)?)
    } else {
        println!("{} kills, seed {seed}", args.kills);
        let plan = Plan {
            rounds: args.kills,
            seed,
        };
        let figures = kills::run(plan, build_daemon()?)?;
        ("", page(plan, &commit, &figures, clock::monotonic() - begun)?)
    };
    println!("{page}");
    if args.log {
        let date = said(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let folder = root()?.join("docs/soak");
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(format!("{date}{kind}.md"));
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("written to docs/soak/{date}{kind}.md");
    }
    agreed
}

/// What every run is told with.
fn machine() -> Result<String> {
    let kernel = said(Command::new("uname").arg("-r"))?;
    let kernel = kernel.split('-').next().unwrap_or_default();
    let machine = said(Command::new("uname").arg("-m"))?;
    let cpus = std::thread::available_parallelism()?;
    Ok(format!("{machine}, {cpus} CPUs, Linux {kernel}"))
}

fn page_of_calls(
    seconds: u32,
    seed: u64,
    commit: &str,
    figures: &contract::Figures,
    took: Duration,
) -> Result<String> {
    let events = figures
        .events
        .iter()
        .map(|(name, count)| format!("{count} {name}"));
    let refusing = if figures.refusing.is_empty() {
        "none".to_owned()
    } else {
        figures.refusing.join(", ")
    };
    Ok(format!(
        "# Soak of the API\n\n\
         `cargo xtask soak --api {seconds} --seed {seed}`: requests made by schemathesis {version} from `/openapi.json`, also ones that it\n\
         forbids, against the daemon in the lab; the stream of sessions was read beside them. No answer was a 5xx, had a status or a\n\
         media type that is not described, or a body of another shape.\n\n\
         | what | figure |\n|---|---|\n\
         | commit | {commit} |\n\
         | machine | {machine} |\n\
         | took | {took} s |\n\
         | operations asked, besides the stream | {operations} |\n\
         | calls | {calls} |\n\
         | of them answered with a success | {successes} |\n\
         | operations without a success | {refusing} |\n\
         | events of the stream | {events} |\n",
        version = contract::VERSION,
        machine = machine()?,
        took = took.as_secs(),
        operations = figures.operations,
        calls = figures.calls,
        successes = figures.successes,
        events = events.collect::<Vec<_>>().join(", "),
    ))
}

fn page(plan: Plan, commit: &str, figures: &Figures, took: Duration) -> Result<String> {
    Ok(format!(
        "# Soak\n\n\
         `cargo xtask soak --kills {kills} --seed {seed}`: the daemon was killed by SIGKILL {kills} times under load.\n\
         After each start nothing acknowledged was missing, each balance was within its bounds, and the gate held exactly\n\
         the open sessions.\n\n\
         | what | figure |\n|---|---|\n\
         | commit | {commit} |\n\
         | machine | {machine} |\n\
         | took | {took} s |\n\
         | kills | {done} |\n\
         | redemptions acknowledged | {admitted} |\n\
         | releases acknowledged | {released} |\n\
         | requests that a kill left without an answer | {unanswered} |\n\
         | packets of the paying client, all arrived | {packets} |\n\
         | slowest start | {start} ms |\n",
        machine = machine()?,
        kills = plan.rounds,
        seed = plan.seed,
        took = took.as_secs(),
        done = figures.kills,
        admitted = figures.admitted,
        released = figures.released,
        unanswered = figures.unanswered,
        packets = figures.packets,
        start = figures.slowest_start.as_millis(),
    ))
}

fn said(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed");
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
