//! `cargo xtask soak`: the long form of the tests that draw their moments at random.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::kills::{self, Figures, Plan};
use accounting_tests::lab::build_daemon;
use anyhow::{Context, Result, bail};

use crate::contract;

/// Kill the daemon at random moments under load, again and again
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How often
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    kills: u32,
    /// Draws the moments; the time of day where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// Instead, ask the API whatever its description allows and forbids, for so many seconds
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "600", conflicts_with_all = ["kills", "seed", "log"])]
    api: Option<u32>,
    /// Write the figures to docs/soak/<date>.md
    #[arg(long)]
    log: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if let Some(seconds) = args.api {
        return contract::run(seconds);
    }
    let seed = args.seed.unwrap_or_else(|| clock::wall().as_secs());
    println!("{} kills, seed {seed}", args.kills);
    let plan = Plan {
        rounds: args.kills,
        seed,
    };
    // What is built now is what runs, whatever happens to the sources meanwhile.
    let commit = said(
        Command::new("git")
            .args(["describe", "--always", "--dirty"])
            .current_dir(root()),
    )?;
    let begun = clock::monotonic();
    let figures = kills::run(plan, build_daemon()?)?;
    let page = page(plan, &commit, &figures, clock::monotonic() - begun)?;
    println!("{page}");
    if args.log {
        let date = said(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let path = root().join("docs/soak").join(format!("{date}.md"));
        std::fs::create_dir_all(root().join("docs/soak"))?;
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        println!("written to docs/soak/{date}.md");
    }
    Ok(())
}

fn page(plan: Plan, commit: &str, figures: &Figures, took: Duration) -> Result<String> {
    let kernel = said(Command::new("uname").arg("-r"))?;
    let kernel = kernel.split('-').next().unwrap_or_default();
    let machine = said(Command::new("uname").arg("-m"))?;
    let cpus = std::thread::available_parallelism()?;
    Ok(format!(
        "# Soak\n\n\
         `cargo xtask soak --kills {kills} --seed {seed}`: the daemon was killed by SIGKILL {kills} times under load.\n\
         After each start nothing acknowledged was missing, each balance was within its bounds, and the gate held exactly\n\
         the open sessions.\n\n\
         | what | figure |\n|---|---|\n\
         | commit | {commit} |\n\
         | machine | {machine}, {cpus} CPUs, Linux {kernel} |\n\
         | took | {took} s |\n\
         | kills | {done} |\n\
         | redemptions acknowledged | {admitted} |\n\
         | releases acknowledged | {released} |\n\
         | requests that a kill left without an answer | {unanswered} |\n\
         | packets of the paying client, all arrived | {packets} |\n\
         | slowest start | {start} ms |\n",
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

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
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
