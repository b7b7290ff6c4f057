//! What the simulator found between rounds, refusals, restarts and reboots; one test each.

use super::*;
use crate::ledger::Edit;

const REBOOTED: [u8; 16] = [2; 16];

impl Bench {
    /// The gateway starts again, `off` milliseconds later.
    pub(super) fn reboot(self, folder: &Path, off: u64, monotonic: u64) -> Self {
        let Self { core, now, log, .. } = self;
        drop(core);
        let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
        let now = Now {
            monotonic,
            wall: now.wall.saturating_add_unsigned(off),
            ..now
        };
        Self::start(folder, gate, log, now, REBOOTED)
    }

    /// The daemon comes back with a cap of one minute for a session.
    fn restart_capped(self, folder: &Path, after_ms: u64) -> Self {
        let Self {
            core,
            gate,
            log,
            mut now,
        } = self;
        drop(core);
        now.monotonic += after_ms;
        now.wall = now.wall.saturating_add_unsigned(after_ms);
        let rules = Rules {
            session_timeout: Some(60_000),
            ..Rules::default()
        };
        let store = Witnessed(Disk::open(folder).unwrap(), Arc::clone(&log));
        let core = Core::start(store, gate.clone(), rules, Arc::new(()), now, BOOT).unwrap();
        Self { core, gate, log, now }
    }

    pub(super) fn heard(&self, who: u8) {
        let seen_up = Some(self.now.monotonic);
        let traffic = Traffic {
            seen_up,
            ..Traffic::default()
        };
        self.gate.0.lock().unwrap().count(device(who), traffic);
    }

    pub(super) fn records(&self) -> Vec<(Cause, u64)> {
        let records = self.core.store.0.usage().unwrap();
        records
            .iter()
            .map(|record| (record.cause, record.charged))
            .collect()
    }
}

fn elapsed(new: &mut NewToken) {
    new.metering = Metering::ElapsedTime;
}

#[test]
fn a_token_deleted_in_a_round_is_gone_for_the_rest_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 1, 1).unwrap().id;
    let (deleted, _) = oneshot::channel();
    let (redeemed, mut answer) = oneshot::channel();
    let letters = vec![
        Message::Delete(a, Actor::daemon(), deleted),
        Message::Redeem(redemption("A", 1), redeemed),
    ];
    bench.core.round(bench.now, letters).unwrap();
    let unknown = Err(Refusal::Ledger(RedeemError::UnknownCode));
    assert_eq!(answer.try_recv().unwrap(), unknown);
    assert_eq!(bench.core.store.0.token(a).unwrap(), None);
}

#[test]
fn a_code_given_up_in_a_round_is_free_for_the_rest_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 1, 1).unwrap().id;
    let (edited, _) = oneshot::channel();
    let (redeemed, mut answer) = oneshot::channel();
    let edit = Edit {
        code: Some(AccessCode::new("B").unwrap()),
        ..Edit::default()
    };
    let letters = vec![
        Message::Edit(a, Box::new(edit), Actor::daemon(), edited),
        Message::Redeem(redemption("A", 1), redeemed),
    ];
    bench.core.round(bench.now, letters).unwrap();
    let unknown = Err(Refusal::Ledger(RedeemError::UnknownCode));
    assert_eq!(answer.try_recv().unwrap(), unknown);
}

#[test]
fn a_session_timeout_that_passed_while_the_device_was_out_ends_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.gate.0.lock().unwrap().close(device(1)).unwrap();
    let mut bench = bench.restart_capped(folder.path(), 120_000);
    bench.core.round(bench.now, Vec::new()).unwrap();
    assert_eq!(bench.records(), [(Cause::SessionTimeout, 0)]);
    assert!(!bench.admits(1));
}

/// "Balances are stored, deadlines never."
#[test]
fn a_cap_that_is_new_with_a_restart_charges_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 60, 2).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(300_000);
    bench.redeem("A", 2).unwrap();
    let mut bench = bench.restart_capped(folder.path(), 10_000);
    assert_eq!(bench.records(), [(Cause::SessionTimeout, 300_000)]);
    assert_eq!(bench.left(a), 3_600_000 - 300_000 - 10_000);
}

#[test]
fn a_missing_device_is_let_in_after_the_commit_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    let entry = *bench.gate.0.lock().unwrap().entries().next().unwrap();
    bench.gate.close(device(1)).unwrap();
    let adoption = bench.gate.adopt(&[(entry.token, u64::MAX)], &[entry]).unwrap();
    assert_eq!(adoption.missing, [device(1)]);
    assert!(
        !bench.admits(1),
        "not before it is durable from when on it is charged"
    );
    let bench = bench.restart(folder.path(), 1_000, BOOT);
    assert!(bench.admits(1));
}

#[test]
fn a_session_that_the_kernel_does_not_take_back_keeps_its_charge() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 60, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(10_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    {
        let mut gate = bench.gate.0.lock().unwrap();
        gate.close(device(1)).unwrap();
        gate.refuse_open.insert(device(1));
    }
    let mut bench = bench.restart(folder.path(), 5_000, BOOT);
    assert_eq!(bench.left(a), 3_590_000);
    assert_eq!(bench.records(), [(Cause::GatewayLost, 10_000)]);
}

#[test]
fn a_restored_session_does_not_push_out_who_has_its_device_by_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    for code in ["A", "B"] {
        bench.create(code, 60, 1).unwrap();
    }
    bench.redeem("A", 1).unwrap();
    bench.tick(120_000);
    bench.gate.0.lock().unwrap().refuse_open.insert(device(2));
    let (displacing, mut displaced) = oneshot::channel();
    let (elsewhere, mut opened) = oneshot::channel();
    let letters = vec![
        Message::Redeem(redemption("A", 2), displacing),
        Message::Redeem(redemption("B", 1), elsewhere),
    ];
    bench.core.round(bench.now, letters).unwrap();
    let full = Err(Refusal::Ledger(RedeemError::GateFull));
    assert_eq!(displaced.try_recv().unwrap(), full);
    let session = opened.try_recv().unwrap().unwrap();
    assert_eq!(
        bench
            .gate
            .0
            .lock()
            .unwrap()
            .admits(device(1), bench.now.monotonic),
        Some(session.id)
    );
    assert_eq!(bench.records(), [(Cause::Displaced, 120_000)]);
}

#[test]
fn a_restored_session_is_not_taken_for_silent() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.create("B", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.tick(540_000);
    bench.heard(1);
    bench.gate.0.lock().unwrap().refuse_open.insert(device(1));
    bench.redeem("B", 1).unwrap_err();
    bench.tick(540_000);
    bench.core.round(bench.now, Vec::new()).unwrap();
    assert!(bench.admits(1));
    assert_eq!(bench.records(), []);
}

#[test]
fn the_sessions_of_an_address_are_those_after_the_refusals_of_the_round() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.tick(120_000);
    bench.gate.0.lock().unwrap().refuse_open.insert(device(2));
    let (redeemed, _) = oneshot::channel();
    let (asked, mut sessions) = oneshot::channel();
    let letters = vec![
        Message::Redeem(redemption("A", 2), redeemed),
        Message::SessionsOf {
            mac: device(1).mac,
            zone: None,
            answer: asked,
        },
    ];
    bench.core.round(bench.now, letters).unwrap();
    assert_eq!(sessions.try_recv().unwrap().unwrap().len(), 1);
}

/// "Metering: how a token's clock runs; fixed after the first redemption."
#[test]
fn a_refused_redemption_leaves_the_metering_open() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 60, 1).unwrap().id;
    bench.gate.0.lock().unwrap().refuse_open.insert(device(1));
    bench.redeem("A", 1).unwrap_err();
    let edit = Edit {
        metering: Some(Metering::ElapsedTime),
        ..Edit::default()
    };
    let answer = bench.ask(|answer| Message::Edit(a, Box::new(edit), Actor::daemon(), answer));
    assert_eq!(answer.map(|view| view.token.metering), Ok(Metering::ElapsedTime));
}

#[test]
fn a_run_goes_on_for_the_others_when_the_device_that_began_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.make("A", 60, 2, elapsed).unwrap().id;
    bench.gate.0.lock().unwrap().refuse_open.insert(device(1));
    let letters = [1, 2].map(|who| Message::Redeem(redemption("A", who), oneshot::channel().0));
    bench.core.round(bench.now, letters.into()).unwrap();
    bench.tick(60_000);
    assert_eq!((bench.admits(1), bench.admits(2)), (false, true));
    assert_eq!(bench.left(a), 3_540_000);
}

#[test]
fn a_reboot_takes_nobody_for_silent() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    for _ in 0..4 {
        bench.tick(300_000);
        bench.heard(1);
        bench.core.round(bench.now, Vec::new()).unwrap();
    }
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    let bench = bench.reboot(folder.path(), 60_000, 5_000);
    assert_eq!(bench.records(), []);
}

#[test]
fn a_run_that_ended_while_the_gateway_was_off_ended_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.make("A", 1, 1, elapsed).unwrap();
    bench.redeem("A", 1).unwrap();
    let ends = bench.now.wall + 60_000;
    let bench = bench.reboot(folder.path(), 600_000, 5_000);
    let records = bench.core.store.0.usage().unwrap();
    let run = records
        .iter()
        .rfind(|record| record.cause == Cause::Depleted)
        .unwrap();
    assert_eq!((run.charged, run.released_on), (60_000, ends));
}

#[test]
fn a_pause_that_ended_while_the_gateway_was_off_ended_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.make("A", 60, 1, elapsed).unwrap().id;
    bench.redeem("A", 1).unwrap();
    let edit = Edit {
        valid_from: Some(Some(bench.now.wall + 100_000)),
        ..Edit::default()
    };
    bench
        .ask(|answer| Message::Edit(a, Box::new(edit), Actor::daemon(), answer))
        .unwrap();
    let mut bench = bench.reboot(folder.path(), 600_000, 5_000);
    assert_eq!(bench.left(a), 3_600_000 - 500_000);
}

#[test]
fn a_calendar_set_while_nobody_looked_ends_sessions_now_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let to = bench.now.wall + 60_000;
    let a = bench.make("A", 60, 1, |new| new.valid_to = Some(to)).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(10_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    bench.now.wall += 3_600_000;
    let mut bench = bench.restart(folder.path(), 0, BOOT);
    assert_eq!(bench.left(a), 3_590_000);
}

#[test]
fn a_calendar_that_is_not_trusted_moves_no_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let to = bench.now.wall + 600_000;
    bench.make("A", 60, 2, |new| new.valid_to = Some(to)).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.redeem("A", 2).unwrap();
    bench.now.trusted = false;
    bench.now.wall += 3_600_000;
    bench.core.step(bench.now, Vec::new(), Step::Next).unwrap();
    bench.release(2);
    assert!(bench.admits(1));
    bench.tick(600_000);
    assert!(!bench.admits(1));
}
