//! What comes before the commit, what after it, and what is undone when the kernel refuses.

use super::*;

#[test]
fn a_device_passes_only_after_the_commit_and_is_stopped_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 1).unwrap();
    bench.log();
    bench.redeem("a", 1).unwrap();
    assert_eq!(bench.log(), ["commit", "deadline 61000", "open 1"]);
    bench.release(1);
    assert_eq!(bench.log(), ["close 1", "commit"]);
}

/// "A deadline is shortened before the joining device is inserted, and lengthened only after the leaver's entry is gone
/// and its charge is durable: a crash in between never gives time away."
#[test]
fn a_deadline_is_shortened_before_the_joiner_passes_and_lengthened_after_the_leavers_charge_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 2).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.log();
    bench.redeem("A", 2).unwrap();
    assert_eq!(
        bench.log(),
        ["deadline 31000", "commit", "deadline 31000", "open 2"]
    );
    bench.release(2);
    assert_eq!(bench.log(), ["close 2", "commit", "deadline 61000"]);
}

#[test]
fn what_waits_together_is_one_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 3).unwrap();
    bench.log();
    let (messages, mut replies): (Vec<_>, Vec<_>) = (1..=4)
        .map(|who| {
            let (answer, reply) = oneshot::channel();
            (Message::Redeem(redemption("A", who), answer), reply)
        })
        .unzip();
    bench.core.round(bench.now, messages).unwrap();
    let answers: Vec<_> = replies
        .iter_mut()
        .map(|reply| reply.try_recv().unwrap())
        .collect();
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert_eq!(
        answers[3],
        Err(Refusal::Ledger(RedeemError::NoSeat {
            user_limit: 3,
            seats_used: 3,
            retry_after_s: None
        }))
    );
    assert_eq!(
        bench.log(),
        ["commit", "deadline 21000", "open 1", "open 2", "open 3"]
    );
}

/// "On a refusal a compensating commit voids the session and restores what it had displaced or switched, before the
/// reply."
#[test]
fn a_refusal_of_the_kernel_charges_nothing_and_restores_what_was_switched() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 1, 1).unwrap().id;
    let b = bench.create("B", 1, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(10_000);
    // The first call on the device is the closing of the old session; the second is the opening.
    bench.core.gate.0.lock().unwrap().refuse_open.insert(device(1));
    assert_eq!(bench.redeem("B", 1), Err(Refusal::Ledger(RedeemError::GateFull)));
    assert_eq!((bench.left(a), bench.left(b)), (50_000, 60_000));
    assert!(bench.admits(1));
    assert_eq!(bench.core.store.0.usage().unwrap(), []);
    bench.tick(50_000);
    bench.core.round(bench.now, Vec::new()).unwrap();
    assert!(!bench.admits(1));
    assert_eq!((bench.left(a), bench.left(b)), (0, 60_000));
}

#[test]
fn a_device_that_the_kernel_does_not_let_go_of_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.core.gate.0.lock().unwrap().refuse_close.insert(device(1));
    bench.release(1);
    assert!(bench.admits(1), "the kernel refused");
    bench.core.round(bench.now, Vec::new()).unwrap();
    assert!(!bench.admits(1));
}

#[test]
fn a_code_is_taken_once_however_it_is_spelt() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("ABC-D0", 1, 1).unwrap();
    assert_eq!(
        bench.create("abcdo", 1, 1),
        Err(Refusal::Ledger(CreateError::CodeInUse))
    );
}
