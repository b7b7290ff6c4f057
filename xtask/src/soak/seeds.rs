//! An hour of seeds of the simulator: runs of the length that decides whether a change lands, longer ones, which get further, and
//! shorter ones, of which there are more.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};

use super::machine;

/// Events in a run. Each length gets a third of the time.
const STEPS: [u64; 3] = [1_500, 20_000, 300];

/// What the runs of one length came to.
struct Figures {
    steps_each: u64,
    seeds: u64,
    steps: u64,
    records: u64,
    starts: u64,
    failures: u64,
}

/// Runs seeds from one on for so many seconds, on all processors; answers what they came to, for [`page`].
///
/// # Errors
/// When the simulator cannot be built, or says nothing; failures of seeds are figures.
pub(super) fn run(seconds: u32, seed: u64) -> Result<String> {
    let steps = STEPS.map(|steps| steps.to_string()).join(",");
    let threads = std::thread::available_parallelism()?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["run", "--quiet", "--locked", "--package", "accounting-simulator"]);
    // Optimised, and what overflows is found all the same.
    cargo.args(["--config", "profile.dev.package.accounting-daemon.opt-level=2"]);
    cargo.args([
        "--bin",
        "simulate",
        "--",
        "--go-on",
        "--seeds",
        &u64::MAX.to_string(),
    ]);
    cargo.args(["--steps", &steps, "--threads", &threads.to_string()]);
    cargo.args(["--seconds", &seconds.to_string(), "--from", &seed.to_string()]);
    let output = cargo.stderr(Stdio::inherit()).output()?;
    Ok(String::from_utf8(output.stdout)?)
}

/// The page of such a run.
///
/// # Errors
/// When the simulator's figures are not there.
pub(super) fn page(said: &str, seconds: u32, seed: u64, commit: &str, took: Duration) -> Result<String> {
    let figures: Vec<Figures> = said.lines().filter_map(read).collect();
    ensure!(figures.len() == STEPS.len(), "the simulator said only: {said}");
    let row = |what: &str, of: fn(&Figures) -> u64| {
        let columns = figures.iter().map(|figures| of(figures).to_string());
        format!("| {what} | {} |\n", columns.collect::<Vec<_>>().join(" | "))
    };
    let all: u64 = figures.iter().map(|figures| figures.seeds).sum();
    Ok(format!(
        "# Soak of the simulator\n\n\
         `cargo xtask soak --seeds {seconds} --seed {seed}`: the daemon's engine against the auditor, from {all} fresh seeds; commit {commit},\n\
         {machine}, {took} s. A failure is a seed on which they disagreed.\n\n\
         {heads}|---|---|---|---|\n{seeds}{steps}{records}{starts}{failures}\n\
         The seeds were {seed} to {last}; a third of the time went to each length.\n",
        machine = machine()?,
        took = took.as_secs(),
        last = seed.saturating_add(all.saturating_sub(1)),
        heads = row("steps of a seed", |figures| figures.steps_each),
        seeds = row("seeds", |figures| figures.seeds),
        steps = row("steps", |figures| figures.steps),
        records = row("records of sessions and runs", |figures| figures.records),
        starts = row("starts of the daemon", |figures| figures.starts),
        failures = row("failures", |figures| figures.failures),
    ))
}

/// Whether all of them agreed.
pub(super) fn agreed(said: &str) -> Result<()> {
    let failures: u64 = said
        .lines()
        .filter_map(read)
        .map(|figures| figures.failures)
        .sum();
    ensure!(
        failures == 0,
        "daemon and auditor disagree on {failures} seeds, see above"
    );
    Ok(())
}

/// Reads "300 steps each: 5 seeds, 1500 steps, 70 records, 12 starts of the daemon, 0 failures in ...".
fn read(line: &str) -> Option<Figures> {
    let (steps_each, rest) = line.split_once(" steps each: ")?;
    let count = |what: &str| {
        let (before, _) = rest.split_once(what)?;
        before.rsplit(' ').next()?.parse().ok()
    };
    Some(Figures {
        steps_each: steps_each.parse().ok()?,
        seeds: count(" seeds,")?,
        steps: count(" steps,")?,
        records: count(" records,")?,
        starts: count(" starts of")?,
        failures: count(" failures")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_simulator_says_is_read() {
        let said = STEPS.map(|steps| {
            format!(
                "{steps} steps each: 5 seeds, 7500 steps, 70 records, 12 starts of the daemon, {} failures in 9 ms; trace 0",
                steps / 1_500
            )
        });
        let said = format!("seeds from 7 on, 1 steps each\n{}\n", said.join("\n"));
        let page = page(&said, 9, 7, "abc", Duration::from_secs(10)).unwrap();
        assert!(page.contains("| starts of the daemon | 12 | 12 | 12 |"), "{page}");
        assert!(page.contains("| failures | 1 | 13 | 0 |"), "{page}");
        assert!(
            page.contains("from 15 fresh seeds") && page.contains("7 to 21"),
            "{page}"
        );
        assert!(agreed(&said).unwrap_err().to_string().contains("14 seeds"));
        assert!(agreed("300 steps each: 5 seeds, 1 steps, 1 records, 1 starts of, 0 failures").is_ok());
    }
}
