//! The engine over a real store and a gate in memory: the order of effects, restarts, refusals.

mod audit;
mod crash;
mod heard;
mod leftover;
mod outage;
mod parking;
mod retention;
mod story;

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use tokio::sync::oneshot;

use super::{answer::Message, *};
use crate::{
    gate::{Adoption, Deadline, Entry, Gate, GateError, Listed, simulated::SimulatedGate},
    ledger::{
        AccessCode, Asker, Cause, CreateError, FoldedCode, Metering, NewToken, Now, RedeemError, Redemption,
        Rules, TokenId, Traffic,
    },
    mac::Mac,
    store::{Actor, Checkpoint, Disk, Opened, Store, StoreError, Write},
};

type Log = Arc<Mutex<Vec<String>>>;

/// A store that writes down when it commits.
struct Witnessed<S>(S, Log);

impl Store for Witnessed<Disk> {
    fn opened(&self) -> Result<Opened, StoreError> {
        self.0.opened()
    }
    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.0.token(id)
    }
    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError> {
        self.0.balance_by_code(code)
    }
    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError> {
        self.0.usage_before(before, most)
    }
    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.1.lock().unwrap().push("commit".into());
        self.0.commit(writes, checkpoint)
    }
}

/// A gate that writes down what it is told; tests look into it through the lock.
#[derive(Clone)]
struct Shared(Arc<Mutex<SimulatedGate>>, Log);

impl Shared {
    fn log(&self, what: String) {
        self.1.lock().unwrap().push(what);
    }
}

impl Gate for Shared {
    fn capacity(&self) -> u32 {
        self.0.lock().unwrap().capacity()
    }
    fn adopt(&mut self, deadlines: &[(TokenId, Deadline)], entries: &[Entry]) -> Result<Adoption, GateError> {
        self.0.lock().unwrap().adopt(deadlines, entries)
    }
    fn set_deadline(&mut self, token: TokenId, deadline: Deadline) -> Result<(), GateError> {
        self.log(format!("deadline {deadline}"));
        self.0.lock().unwrap().set_deadline(token, deadline)
    }
    fn deadline(&self, token: TokenId) -> Option<Deadline> {
        self.0.lock().unwrap().deadline(token)
    }
    fn open(&mut self, entry: &Entry) -> Result<(), GateError> {
        self.log(format!("open {}", entry.device.mac.0[5]));
        self.0.lock().unwrap().open(entry)
    }
    fn close(&mut self, device: DeviceId) -> Result<Option<Traffic>, GateError> {
        self.log(format!("close {}", device.mac.0[5]));
        self.0.lock().unwrap().close(device)
    }
    fn traffic(&self, device: DeviceId) -> Option<Traffic> {
        self.0.lock().unwrap().traffic(device)
    }
    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
        self.0.lock().unwrap().list(device, listed)
    }
    fn lists(&self) -> Vec<(DeviceId, Listed)> {
        self.0.lock().unwrap().lists()
    }
}

struct Bench {
    core: Core<Witnessed<Disk>, Shared>,
    gate: Shared,
    log: Log,
    now: Now,
}

const BOOT: [u8; 16] = [1; 16];

impl Bench {
    fn new(folder: &Path) -> Self {
        let log = Log::default();
        let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
        let now = Now {
            monotonic: 1_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        Self::start(folder, gate, log, now, BOOT)
    }

    fn start(folder: &Path, gate: Shared, log: Log, now: Now, boot: [u8; 16]) -> Self {
        let store = Witnessed(Disk::open(folder).unwrap(), Arc::clone(&log));
        let rules = Rules {
            devices_max: usize::MAX,
            ..Rules::default()
        };
        let core = Core::start(store, gate.clone(), rules, Arc::new(()), now, boot).unwrap();
        Self { core, gate, log, now }
    }

    /// The daemon is killed and comes back after a while.
    fn restart(self, folder: &Path, after_ms: u64, boot: [u8; 16]) -> Self {
        let Self { core, gate, log, now } = self;
        drop(core);
        let now = Now {
            monotonic: now.monotonic + after_ms,
            wall: now.wall + i64::try_from(after_ms).unwrap(),
            ..now
        };
        Self::start(folder, gate, log, now, boot)
    }

    fn ask<T>(&mut self, letter: impl FnOnce(oneshot::Sender<T>) -> Message) -> T {
        let (answer, mut reply) = oneshot::channel();
        self.core.round(self.now, vec![letter(answer)]).unwrap();
        reply.try_recv().unwrap()
    }

    fn create(&mut self, code: &str, minutes: u32, seats: u32) -> Result<Token, Refusal<CreateError>> {
        self.make(code, minutes, seats, |_| {})
    }

    fn make(
        &mut self,
        code: &str,
        minutes: u32,
        seats: u32,
        change: impl FnOnce(&mut NewToken),
    ) -> Result<Token, Refusal<CreateError>> {
        let mut new = NewToken {
            unique_id: uuid::Uuid::nil(),
            business_id: 1,
            code: AccessCode::new(code).unwrap(),
            description: None,
            minutes_included: minutes,
            minutes_left: None,
            valid_from: None,
            valid_to: None,
            user_limit: Some(seats),
            mac_address: None,
            booking_guid: None,
            visitor_guid: None,
            system_id: None,
            metering: Metering::ConnectedTime,
            by: "test".into(),
        };
        change(&mut new);
        self.ask(|answer| Message::Create(Box::new(new), Actor::daemon(), answer))
    }

    fn redeem(&mut self, code: &str, who: u8) -> Result<SessionView, Refusal<RedeemError>> {
        let redeem = redemption(code, who);
        self.ask(|answer| Message::Redeem(redeem, answer))
    }

    fn left(&mut self, id: TokenId) -> u64 {
        self.ask(|answer| Message::Token(id, answer))
            .unwrap()
            .unwrap()
            .token
            .left()
    }

    fn admits(&self, who: u8) -> bool {
        self.gate
            .0
            .lock()
            .unwrap()
            .admits(device(who), self.now.monotonic)
            .is_some()
    }

    fn tick(&mut self, ms: u64) {
        self.now.monotonic += ms;
        self.now.wall += i64::try_from(ms).unwrap();
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }
}

fn redemption(code: &str, who: u8) -> Redemption {
    Redemption {
        code: AccessCode::new(code).unwrap(),
        device: device(who),
        takeover: false,
        asker: Asker::Client("portal".into()),
    }
}

fn device(who: u8) -> DeviceId {
    DeviceId {
        mac: Mac([2, 0, 0, 0, 0, who]),
        zone: 0,
    }
}

#[test]
fn a_device_passes_only_after_the_commit_and_is_stopped_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 1).unwrap();
    bench.log();
    bench.redeem("a", 1).unwrap();
    assert_eq!(bench.log(), ["commit", "deadline 61000", "open 1"]);
    bench
        .ask(|answer| Message::Release {
            mac: device(1).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
        .unwrap();
    assert_eq!(bench.log(), ["close 1", "commit"]);
}

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
    bench
        .ask(|answer| Message::Release {
            mac: device(2).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
        .unwrap();
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
    bench
        .ask(|answer| Message::Release {
            mac: device(1).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
        .unwrap();
    assert!(bench.admits(1), "the kernel refused");
    bench.core.round(bench.now, Vec::new()).unwrap();
    assert!(!bench.admits(1));
}

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
    bench
        .ask(|answer| Message::Release {
            mac: device(2).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
        .unwrap();
    assert_eq!(bench.core.store.0.usage().unwrap()[0].charged, 10_000);
}

#[test]
fn after_a_reboot_sessions_are_parked_and_charged_up_to_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("A", 5, 1).unwrap().id;
    bench.redeem("A", 1).unwrap();
    bench.tick(30_000);
    bench.core.write_checkpoint(bench.now, &[]).unwrap();
    let Bench { core, now, .. } = bench;
    drop(core);
    let log = Log::default();
    let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
    let later = Now {
        monotonic: 5_000,
        wall: now.wall + 900_000,
        ..now
    };
    let mut bench = Bench::start(folder.path(), gate, log, later, [2; 16]);
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
fn a_code_is_taken_once_however_it_is_spelt() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("ABC-D0", 1, 1).unwrap();
    assert_eq!(
        bench.create("abcdo", 1, 1),
        Err(Refusal::Ledger(CreateError::CodeInUse))
    );
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
    let Bench { core, now, .. } = bench;
    drop(core);
    let log = Log::default();
    let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
    let later = Now {
        monotonic: 5_000,
        wall: now.wall + 1_200_000,
        ..now
    };
    let mut bench = Bench::start(folder.path(), gate, log, later, [2; 16]);
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
    let Bench { core, now, .. } = bench;
    drop(core);
    let log = Log::default();
    let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Arc::clone(&log));
    let later = Now {
        monotonic: 5_000,
        wall: now.wall + 600_000,
        ..now
    };
    let mut bench = Bench::start(folder.path(), gate, log, later, [2; 16]);
    assert_eq!(bench.left(a), 2_400_000);
    // The first commit of the new boot says that all is charged up to it.
    bench.create("B", 1, 1).unwrap();
    let mut bench = bench.restart(folder.path(), 60_000, [2; 16]);
    assert_eq!(bench.left(a), 2_340_000);
}
