//! The simulator itself: a seed is a run, and what is wrong is found.

use accounting_simulator::{Failure, Options, SMOKE, Summary, run};

const STEPS: u64 = 400;

fn run_seed(seed: u64, canary: bool) -> Result<Summary, Box<Failure>> {
    run(Options {
        seed,
        steps: STEPS,
        canary,
    })
}

#[test]
fn daemon_and_auditor_agree_on_the_fixed_seeds() {
    let mut records = 0;
    for seed in SMOKE {
        match run_seed(seed, false) {
            Ok(summary) => records += summary.records,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(
        records > 1_000,
        "only {records} records: nothing happens in these runs"
    );
}

#[test]
fn a_seed_is_a_run() {
    for seed in SMOKE.take(5) {
        let traces: Vec<u64> = (0..2).map(|_| run_seed(seed, false).unwrap().trace).collect();
        assert_eq!(traces[0], traces[1], "seed {seed}");
    }
    assert_ne!(
        run_seed(1, false).unwrap().trace,
        run_seed(2, false).unwrap().trace
    );
}

#[test]
fn an_auditor_that_is_wrong_by_a_millisecond_is_noticed() {
    let failure = SMOKE.into_iter().find_map(|seed| run_seed(seed, true).err());
    let failure = failure.expect("nobody noticed");
    let text = failure.to_string();
    assert!(
        text.contains(&format!("cargo xtask sim --seed {}", failure.seed)),
        "{text}"
    );
    assert!(failure.last.len() <= 20 && !failure.last.is_empty());
}
