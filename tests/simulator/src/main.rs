//! `simulate`: daemon against auditor, from seeds. `cargo xtask sim` is the way to it.

use std::{
    num::NonZero,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use accounting_simulator::{Options, SMOKE, Summary, run};
use clap::Parser;
use rustix::time::{ClockId, clock_gettime};

#[derive(Parser)]
#[command(about = "Daemon against auditor, from seeds")]
struct Args {
    /// Run this seed only
    #[arg(long)]
    seed: Option<u64>,
    /// Events in each run; of several numbers each gets an equal part of the time
    #[arg(long, default_value = "1500", value_delimiter = ',')]
    steps: Vec<u64>,
    /// Fresh seeds after the fixed ones
    #[arg(long, default_value_t = 60)]
    seeds: u64,
    /// The first fresh seed, and no fixed ones
    #[arg(long, conflicts_with = "seed")]
    from: Option<u64>,
    /// Begin no further seed after so many seconds
    #[arg(long, default_value_t = 60)]
    seconds: i64,
    /// Runs at a time
    #[arg(long, default_value = "1")]
    threads: NonZero<usize>,
    /// Go on with the next seed after a failure
    #[arg(long)]
    go_on: bool,
}

/// What came of the runs with one number of events.
#[derive(Clone, Default)]
struct Tally {
    steps_each: u64,
    /// What they took together.
    ms: i64,
    seeds: u64,
    failures: u64,
    /// Of those without a failure; of the traces the exclusive or.
    sum: Summary,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let fresh = args.from.unwrap_or_else(|| getrandom::u64().unwrap_or(0) >> 24);
    let all = fresh..fresh.saturating_add(args.seeds);
    let steps: Vec<String> = args.steps.iter().map(u64::to_string).collect();
    let steps = steps.join(" or ");
    let seeds: Box<dyn Iterator<Item = u64> + Send> = match (args.seed, args.from) {
        (Some(seed), _) => {
            println!("seed {seed}, {steps} steps");
            Box::new(std::iter::once(seed))
        }
        (None, Some(from)) => {
            println!("seeds from {from} on, {steps} steps each");
            Box::new(all)
        }
        (None, None) => {
            println!("seeds {SMOKE:?} and from {fresh} on, {steps} steps each");
            Box::new(SMOKE.chain(all))
        }
    };
    let (seeds, stop) = (Mutex::new(seeds), AtomicBool::new(false));
    let next = || seeds.lock().unwrap_or_else(PoisonError::into_inner).next();
    let begun = monotonic();
    let work = || {
        let tally = |steps: &u64| Tally {
            steps_each: *steps,
            ..Tally::default()
        };
        let mut tallies: Vec<Tally> = args.steps.iter().map(tally).collect();
        let goes_on =
            || !stop.load(Ordering::Relaxed) && monotonic() - begun < args.seconds.saturating_mul(1_000);
        while goes_on()
            && let Some(seed) = next()
        {
            let Some(tally) = tallies.iter_mut().min_by_key(|tally| tally.ms) else {
                break;
            };
            if !tally.run(seed) && !args.go_on {
                stop.store(true, Ordering::Relaxed);
            }
        }
        tallies
    };
    let tallies = thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads.get()).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(thread::ScopedJoinHandle::join);
        ended.reduce(|all, more| Ok(added(all?, &more?)))
    });
    let Some(Ok(tallies)) = tallies else {
        eprintln!("the simulator itself panicked");
        return ExitCode::FAILURE;
    };
    let ms = (monotonic() - begun).max(1);
    for tally in &tallies {
        println!("{}", tally.line(ms));
    }
    if tallies.iter().any(|tally| tally.failures > 0) {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn added(mut all: Vec<Tally>, more: &[Tally]) -> Vec<Tally> {
    for (tally, more) in all.iter_mut().zip(more) {
        tally.seeds += more.seeds;
        tally.failures += more.failures;
        tally.add(more.sum);
    }
    all
}

impl Tally {
    /// Runs a seed; answers whether daemon and auditor agreed.
    fn run(&mut self, seed: u64) -> bool {
        let begun = monotonic();
        let result = run(Options {
            seed,
            steps: self.steps_each,
            canary: false,
        });
        self.ms += (monotonic() - begun).max(1);
        self.seeds += 1;
        match result {
            Ok(summary) => {
                self.add(summary);
                true
            }
            Err(failure) => {
                eprintln!("{failure}");
                self.failures += 1;
                false
            }
        }
    }

    fn add(&mut self, more: Summary) {
        self.sum.steps += more.steps;
        self.sum.records += more.records;
        self.sum.starts += more.starts;
        self.sum.trace ^= more.trace;
    }

    /// `cargo xtask soak` reads this line.
    fn line(&self, ms: i64) -> String {
        let Summary {
            steps,
            records,
            starts,
            trace,
        } = self.sum;
        format!(
            "{} steps each: {} seeds, {steps} steps, {records} records, {starts} starts of the daemon, {} failures in {ms} ms; \
             trace {trace:016x}",
            self.steps_each, self.seeds, self.failures
        )
    }
}

/// Milliseconds, to stop in time; nothing in a run depends on it.
fn monotonic() -> i64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
}
