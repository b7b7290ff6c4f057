//! kill -9 at random moments under load; `cargo xtask soak` runs more of them.

use accounting_tests::kills::{Plan, run};
use accounting_tests::lab::build_daemon;
use accounting_tests::needs_root;

#[test]
fn thirty_kills_under_load_lose_nothing_that_was_acknowledged_and_no_packet() {
    needs_root!();
    let plan = Plan {
        rounds: 30,
        seed: std::process::id().into(),
    };
    let figures = run(plan, build_daemon().unwrap()).unwrap();
    println!("{figures:#?}");
    assert_eq!(figures.kills, 30);
    assert!(
        figures.admitted > 100 && figures.released > 100,
        "hardly any load"
    );
}
