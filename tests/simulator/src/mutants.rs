//! `mutants`: breaks each rule of the ledger in turn; the fixed seeds must notice every one.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use accounting_daemon::ledger::mutant::{Mutant, break_rule};
use accounting_simulator::{Options, SMOKE, run};

/// Events in each run.
const STEPS: u64 = 1_500;

/// How a broken rule was noticed.
struct Found {
    mutant: Mutant,
    by: Option<(u64, String)>,
}

fn main() -> ExitCode {
    println!(
        "seeds {SMOKE:?}, {STEPS} steps each, {} mutants",
        Mutant::ALL.len()
    );
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut found = Vec::new();
        while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found_it = Found {
                mutant: *mutant,
                by: hunt(*mutant),
            };
            println!("{}", line(&found_it));
            found.push(found_it);
        }
        found
    };
    let found: Vec<Found> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let found = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_default());
        found.flatten().collect()
    });
    let survivors = found.iter().filter(|found| found.by.is_none()).count();
    if survivors > 0 || found.len() < Mutant::ALL.len() {
        eprintln!("{survivors} rules can be broken and nobody notices");
        return ExitCode::FAILURE;
    }
    println!("every broken rule was noticed");
    ExitCode::SUCCESS
}

/// The first fixed seed that notices, and at what.
fn hunt(mutant: Mutant) -> Option<(u64, String)> {
    break_rule(Some(mutant));
    let noticed = SMOKE.into_iter().find_map(|seed| {
        let options = Options {
            seed,
            steps: STEPS,
            canary: false,
        };
        let failure = run(options).err()?;
        let what = failure.what.lines().next().unwrap_or_default().to_owned();
        Some((seed, format!("step {}: {what}", failure.step)))
    });
    break_rule(None);
    noticed
}

fn line(found: &Found) -> String {
    let name = format!("{:?}", found.mutant);
    match &found.by {
        Some((seed, what)) => format!(
            "{name:<28} seed {seed:>2}, {}",
            what.chars().take(90).collect::<String>()
        ),
        None => format!("{name:<28} SURVIVED"),
    }
}
