//! Parked sessions over the real store: after a reboot, without an interface, over crashes.

use super::*;
use crate::ledger::Edit;

const REBOOTED: [u8; 16] = [2; 16];
const HOUR: u64 = 3_600_000;

impl Bench {
    /// So much time passes, with a look each second as the worker has it.
    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.tick(1_000);
            self.look();
        }
    }

    fn look(&mut self) {
        self.core.step(self.now, Vec::new(), Step::Next).unwrap();
    }

    fn attached(&mut self, attached: bool) {
        self.core.set_attached(attached);
        self.look();
    }

    fn online(&self) -> usize {
        self.core.ledger.online()
    }

    fn session(&self, who: u8) -> SessionView {
        self.core.session_view(device(who), self.now).unwrap()
    }
}

/// A token of five minutes with so many seats, device 1 online for 30 s, and then a reboot of a quarter of an hour.
fn rebooted(folder: &Path, seats: u32) -> (Bench, TokenId) {
    let mut bench = Bench::new(folder);
    let a = bench.create("A", 5, seats).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(30_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    (bench.reboot(folder, 900_000, 5_000), a)
}

#[test]
fn a_parked_device_is_admitted_for_its_balance_however_late_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.wait(600);
    assert!(bench.admits(1), "the deadline moves on while nothing is charged");
    bench.heard(1);
    bench.tick(1_000);
    bench.look();
    bench.tick(268_999);
    assert!(bench.admits(1));
    bench.tick(1);
    assert!(!bench.admits(1), "the balance is the upper bound");
    assert_eq!(bench.left(a), 0);
    assert_eq!(bench.records(), [(Cause::Depleted, 300_000)]);
}

/// "After a reboot, or while no interface is attached, sessions are parked: admitted with the balance as upper bound,
/// not charged until their first forwarded frame, released after an hour as GatewayLost."
#[test]
fn with_nobody_to_move_the_deadline_a_parked_device_passes_no_longer_than_its_balance() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, _) = rebooted(folder.path(), 1);
    bench.tick(269_999);
    assert!(bench.admits(1));
    bench.tick(1);
    assert!(!bench.admits(1));
}

#[test]
fn a_device_that_does_not_come_back_within_an_hour_is_lost_and_not_charged_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.tick(HOUR - 1);
    bench.look();
    assert_eq!(bench.online(), 1);
    bench.tick(1);
    bench.look();
    assert_eq!(bench.records(), [(Cause::GatewayLost, 30_000)]);
    assert_eq!(bench.left(a), 270_000);
}

#[test]
fn waiting_writes_nothing_and_moves_the_deadline_seldom() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.look();
    bench.log();
    bench.wait(1);
    assert_eq!(bench.log(), [""; 0]);
    let mut moved = 0;
    for _ in 1..600 {
        bench.wait(1);
        let log = bench.log();
        moved += log.iter().filter(|line| line.starts_with("deadline")).count();
        let rest = bench.gate.deadline(a).unwrap() - bench.now.monotonic;
        assert!((202_500..=270_000).contains(&rest), "{rest}");
        let view = bench.session(1);
        assert_eq!(view.left, Some(270_000), "all of it is for the guest");
    }
    assert!((9..=10).contains(&moved), "{moved}");
}

#[test]
fn a_frame_that_went_before_the_kernel_refused_another_session_of_the_device_wakes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.create("B", 1, 1).unwrap();
    bench.wait(2);
    bench.tick(300);
    bench.heard(1);
    bench.gate.0.lock().unwrap().refuse_open.insert(device(1));
    assert!(bench.redeem("B", 1).is_err());
    assert_eq!(bench.left(a), 270_000);
    bench.wait(10);
    assert_eq!(bench.left(a), 260_000);
}

#[test]
fn each_session_of_a_token_waits_for_its_own_frame() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 2).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.redeem("A", 2).unwrap();
    let mut bench = bench.reboot(folder.path(), 900_000, 5_000);
    bench.wait(10);
    bench.heard(2);
    bench.wait(10);
    assert_eq!(bench.left(a), 290_000);
    bench.heard(1);
    bench.wait(10);
    assert_eq!(bench.left(a), 270_000);
}

#[test]
fn a_kill_while_parked_and_one_after_the_first_frame_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.wait(10);
    let mut bench = bench.restart(folder.path(), 20_000, REBOOTED);
    assert_eq!((bench.left(a), bench.admits(1)), (270_000, true));
    bench.heard(1);
    bench.wait(10);
    let mut bench = bench.restart(folder.path(), 20_000, REBOOTED);
    assert_eq!((bench.left(a), bench.admits(1)), (240_000, true));
}

#[test]
fn a_second_reboot_parks_again() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, a) = rebooted(folder.path(), 1);
    let log = Log::default();
    let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
    let now = bench.now;
    drop(bench);
    let mut bench = Bench::start(folder.path(), gate, log, now, [3; 16]);
    assert_eq!((bench.left(a), bench.admits(1)), (270_000, true));
    bench.tick(HOUR);
    bench.look();
    assert_eq!(bench.records(), [(Cause::GatewayLost, 30_000)]);
}

#[test]
fn a_device_that_the_kernel_does_not_take_after_a_reboot_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    let Bench {
        core, log, mut now, ..
    } = bench;
    drop(core);
    now.monotonic = 5_000;
    let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
    gate.0.lock().unwrap().refuse_open.insert(device(1));
    let mut bench = Bench::start(folder.path(), gate, log, now, REBOOTED);
    assert_eq!(bench.records(), [(Cause::GatewayLost, 0)]);
    assert_eq!((bench.left(a), bench.admits(1)), (300_000, false));
}

#[test]
fn without_an_interface_sessions_are_parked_and_go_on_with_their_first_frame() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 2).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(20_000);
    bench.heard(1);
    bench.attached(false);
    bench.wait(60);
    assert_eq!(bench.left(a), 280_000);
    bench.redeem("A", 2).unwrap();
    bench.attached(true);
    bench.wait(60);
    assert_eq!(bench.left(a), 280_000, "a frame from before the loss is none");
    bench.heard(1);
    bench.wait(10);
    assert_eq!(bench.left(a), 270_000);
    let meter = bench.core.meters().of(device(1)).unwrap();
    assert_eq!(meter.charged_at(bench.now.monotonic), 30_000);
}

#[test]
fn a_parked_session_takes_edits_logout_and_another_code_and_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (mut bench, a) = rebooted(folder.path(), 1);
    bench.create("B", 1, 1).unwrap();
    let edit = Edit {
        minutes_included: Some(6),
        ..Edit::default()
    };
    bench
        .ask(|answer| Message::Edit(a, Box::new(edit), Actor::daemon(), answer))
        .unwrap();
    bench.wait(300);
    assert!(bench.admits(1), "the balance that was added counts");
    bench.redeem("A", 1).unwrap();
    bench.redeem("B", 1).unwrap();
    assert_eq!(bench.records(), [(Cause::Switched, 30_000)]);
    assert_eq!(bench.left(a), 330_000);
    bench.tick(10_000);
    bench.release(1);
    assert_eq!(bench.records()[1], (Cause::Logout, 10_000));
}

#[test]
fn a_date_that_passed_while_the_gateway_was_off_ended_the_session_then() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let to = bench.now.wall + 60_000;
    bench.make("A", 5, 1, |new| new.valid_to = Some(to)).unwrap();
    bench.redeem("A", 1).unwrap();
    let bench = bench.reboot(folder.path(), 900_000, 5_000);
    let records = bench.core.store.0.usage().unwrap();
    assert_eq!((records[0].cause, records[0].released_on), (Cause::Expired, to));
    assert!(!bench.admits(1));
}

#[test]
fn a_gateway_that_wakes_in_1970_keeps_what_was_left_of_a_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let to = bench.now.wall + 60_000;
    let a = bench.make("A", 5, 1, |new| new.valid_to = Some(to)).unwrap().id;
    bench.redeem("A", 1).unwrap();
    let wall = bench.now.wall;
    bench.now = Now {
        wall: 0,
        trusted: false,
        ..bench.now
    };
    let mut bench = bench.reboot(folder.path(), 0, 5_000);
    assert!(bench.admits(1));
    bench.tick(59_999);
    assert!(bench.admits(1));
    bench.tick(1);
    assert!(
        !bench.admits(1),
        "the deadline of before, by the clock that counts"
    );
    bench.look();
    assert_eq!(bench.left(a), 300_000);
    // Somebody sets the clock, and codes with dates open again.
    (bench.now.wall, bench.now.trusted) = (wall, true);
    bench.redeem("A", 1).unwrap();
}

#[test]
fn a_step_of_the_clock_back_over_valid_from_and_forward_over_valid_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let (from, to) = (bench.now.wall - 1_000, bench.now.wall + 600_000);
    let dated = |new: &mut NewToken| (new.valid_from, new.valid_to) = (Some(from), Some(to));
    bench.make("A", 5, 2, dated).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.now.wall -= 3_600_000;
    bench.look();
    assert!(
        bench.admits(1),
        "who is online stays: the date was judged when it was redeemed"
    );
    assert_eq!(
        bench.redeem("A", 2).map(|view| view.id),
        Err(Refusal::Ledger(RedeemError::NotYetValid { valid_from: from }))
    );
    bench.now.wall += 3_600_000 + 600_000;
    bench.look();
    assert!(!bench.admits(1));
    assert_eq!(bench.records(), [(Cause::Expired, 0)]);
}

/// "Only a synchronised clock moves the floor."
#[test]
fn only_a_clock_that_something_keeps_in_step_moves_the_floor_of_the_calendar() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.look();
    assert_eq!(bench.core.store.0.floor().unwrap(), None);
    bench.core.set_synchronised(true);
    bench.look();
    let first = bench.now.wall;
    assert_eq!(bench.core.store.0.floor().unwrap(), Some(first));
    bench.tick(HOUR - 1);
    bench.look();
    assert_eq!(
        bench.core.store.0.floor().unwrap(),
        Some(first),
        "not for each second"
    );
    bench.tick(1);
    bench.look();
    assert_eq!(bench.core.store.0.floor().unwrap(), Some(bench.now.wall));
}
