//! `simulate`: daemon against auditor, from seeds. `cargo xtask sim` is the way to it.

use std::process::ExitCode;

use accounting_simulator::{Options, SMOKE, Summary, run};
use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

#[derive(Parser)]
#[command(about = "Daemon against auditor, from seeds")]
struct Args {
    /// Run this seed only
    #[arg(long)]
    seed: Option<u64>,
    /// Events in each run
    #[arg(long, default_value_t = 1_500)]
    steps: u64,
    /// Fresh seeds after the fixed ones
    #[arg(long, default_value_t = 60)]
    seeds: u64,
    /// Begin no further seed after so many seconds
    #[arg(long, default_value_t = 60)]
    seconds: i64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let fresh = getrandom::u64().unwrap_or(0) >> 24;
    let seeds: Vec<u64> = match args.seed {
        Some(seed) => vec![seed],
        None => SMOKE.chain(fresh..fresh + args.seeds).collect(),
    };
    match args.seed {
        Some(seed) => println!("seed {seed}, {} steps", args.steps),
        None => println!("seeds {SMOKE:?} and from {fresh} on, {} steps each", args.steps),
    }
    let begun = monotonic();
    let mut done: Vec<Summary> = Vec::new();
    for seed in seeds {
        if monotonic() - begun >= args.seconds.saturating_mul(1_000) {
            break;
        }
        let options = Options {
            seed,
            steps: args.steps,
            canary: false,
        };
        match run(options) {
            Ok(summary) => done.push(summary),
            Err(failure) => {
                eprintln!("{failure}");
                return ExitCode::FAILURE;
            }
        }
    }
    let sum = |of: fn(&Summary) -> u64| done.iter().map(of).sum::<u64>();
    let ms = (monotonic() - begun).max(1);
    println!(
        "{} seeds, {} steps, {} records, {} starts of the daemon in {} ms; trace {:016x}",
        done.len(),
        sum(|summary| summary.steps),
        sum(|summary| summary.records),
        sum(|summary| summary.starts),
        ms,
        done.iter()
            .fold(0, |all: u64, summary| all.rotate_left(1) ^ summary.trace),
    );
    ExitCode::SUCCESS
}

/// Milliseconds, to stop in time; nothing in a run depends on it.
fn monotonic() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}
