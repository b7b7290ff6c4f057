//! What a restart and a reboot keep, end and charge.

use super::*;

/// "Before any command is handled, and at start, everything due is booked first."
#[test]
fn after_a_kill_sessions_go_on_and_what_ended_meanwhile_ended_when_it_was_due() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 1).unwrap().id;
    let b = bench.create("B", 1, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.redeem("B", 2).unwrap();
    let mut bench = bench.restart(folder.path(), 120_000, BOOT);
    assert_eq!(
        bench.log().iter().filter(|step| step.starts_with("open")).count(),
        2,
        "both opened before, none after"
    );
    assert!(bench.admits(1) && !bench.admits(2));
    assert_eq!((bench.left(a), bench.left(b)), (180_000, 0));
    let records = bench.core.store.0.usage().unwrap();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].cause, records[0].charged), (Cause::Depleted, 60_000));
    assert_eq!(records[0].released_on - records[0].opened_on, 60_000);
}

/// "Charged from admission until release, never for time the kernel refused the device."
/// "Devices missing from the kernel at a restart are charged from their insertion."
#[test]
fn after_a_restart_strangers_are_out_and_the_missing_are_in_and_not_charged_for_the_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 2).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(10_000);
    bench.redeem("A", 2).unwrap();
    {
        let mut gate = bench.gate.0.lock().unwrap();
        gate.close(device(2)).unwrap();
        gate.open(&Entry {
            device: device(9),
            session: 99,
            token: a,
            deadline: u64::MAX,
        })
        .unwrap();
    }
    let mut bench = bench.restart(folder.path(), 60_000, BOOT);
    assert!(bench.admits(1) && bench.admits(2) && !bench.admits(9));
    assert_eq!(
        bench.left(a),
        300_000 - 10_000 - 60_000,
        "only the device that passed"
    );
    bench.tick(10_000);
    assert_eq!(bench.left(a), 300_000 - 10_000 - 60_000 - 20_000);
    bench.release(2);
    assert_eq!(bench.core.store.0.usage().unwrap()[0].charged, 10_000);
}

/// "Balances are stored, deadlines never."
#[test]
fn after_a_reboot_sessions_are_parked_and_charged_up_to_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(30_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    let mut bench = bench.reboot(folder.path(), 900_000, 5_000);
    assert!(bench.admits(1));
    assert_eq!(bench.left(a), 270_000);
    bench.tick(1_800_000);
    assert_eq!(bench.left(a), 270_000, "nobody came back yet");
    bench.heard(1);
    bench.tick(10_000);
    assert_eq!(bench.left(a), 260_000);
    assert_eq!(bench.core.store.0.usage().unwrap(), []);
}

#[test]
fn a_calendar_limit_that_passed_while_the_daemon_was_dead_ended_the_session_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let to = bench.now.wall + 20_000;
    let a = bench.make("A", 5, 1, |new| new.valid_to = Some(to)).unwrap().id;
    bench.redeem("A", 1).unwrap();
    let mut bench = bench.restart(folder.path(), 60_000, BOOT);
    assert_eq!(bench.left(a), 280_000);
    let records = bench.core.store.0.usage().unwrap();
    assert_eq!(
        (records[0].cause, records[0].charged, records[0].released_on),
        (Cause::Expired, 20_000, to)
    );
}

/// "Time the gateway was off counts, by trusted wall clocks."
#[test]
fn elapsed_time_goes_on_over_a_restart_and_a_reboot() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench
        .make("A", 60, 1, |new| new.metering = Metering::ElapsedTime)
        .unwrap()
        .id;
    bench.redeem("A", 1).unwrap();
    let mut bench = bench.restart(folder.path(), 600_000, BOOT);
    assert_eq!(bench.left(a), 3_000_000);
    assert!(bench.admits(1));
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    let mut bench = bench.reboot(folder.path(), 1_200_000, 5_000);
    assert_eq!(bench.left(a), 1_800_000, "the time the gateway was off counts");
    bench.tick(1_800_000);
    assert_eq!(bench.left(a), 0);
    // The session that was parked has a record of its own, of nothing.
    assert_eq!(
        bench.records(),
        [(Cause::Depleted, 0), (Cause::Depleted, 3_600_000)]
    );
}

#[test]
fn elapsed_time_that_was_carried_over_a_reboot_is_carried_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.tick(5_000_000);
    let a = bench
        .make("A", 60, 1, |new| new.metering = Metering::ElapsedTime)
        .unwrap()
        .id;
    bench.redeem("A", 1).unwrap();
    bench.tick(600_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    let mut bench = bench.reboot(folder.path(), 600_000, 5_000);
    assert_eq!(bench.left(a), 2_400_000);
    // The first commit of the new boot says that all is charged up to it.
    bench.create("B", 1, 1).unwrap();
    let mut bench = bench.restart(folder.path(), 60_000, [2; 16]);
    assert_eq!(bench.left(a), 2_340_000);
}
