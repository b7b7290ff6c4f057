//! The demo passes, and fails at the step that is broken: it judges by what is seen.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use accounting_tests::demo::{Miss, Outcome, Paper, Profile, Screen, Step, Style, play};
use accounting_tests::lab::build_daemon;
use accounting_tests::needs_root;

/// Plays the demo, one at a time: the figures are of milliseconds.
fn demo(sabotage: Option<Step>) -> Outcome {
    static STAGE: Mutex<()> = Mutex::new(());
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    let _stage = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let binary = BINARY.get_or_init(|| build_daemon().unwrap());
    let paper = Paper::default();
    let screen = Screen::new(Style::Lines, Box::new(paper.clone()));
    let outcome = play(binary, Profile::QUICK, sabotage, &screen).unwrap();
    println!("{}", paper.text());
    outcome
}

#[test]
fn the_demo_sees_each_step() {
    needs_root!();
    let outcome = demo(None);
    assert!(outcome.is_success(), "{:?}", outcome.failed);
}

#[test]
fn a_broken_step_fails_at_that_step() {
    needs_root!();
    for (index, step) in Step::ALL.into_iter().enumerate() {
        let outcome = demo(Some(step));
        let (failed, error) = outcome.failed.as_ref().unwrap();
        assert_eq!(
            (*failed, &outcome.passed[..]),
            (step, &Step::ALL[..index]),
            "{error:#}"
        );
        // Because of what was seen, not because something else went wrong.
        assert!(error.downcast_ref::<Miss>().is_some(), "{step}: {error:#}");
        assert!(!outcome.is_success());
    }
}
