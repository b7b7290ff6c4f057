//! The engine over a real store and a gate in memory: the order of effects, restarts, refusals.

mod audit;
mod crash;
mod heard;
mod leftover;
mod order;
mod outage;
mod parking;
mod restart;
mod retention;
mod rules;
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
        AccessCode, Asker, Cause, CreateError, FoldedCode, Given, Metering, NewToken, Now, RedeemError,
        Redemption, Rules, SecondFactor, TokenId, Traffic, UsageRecord,
    },
    mac::Mac,
    store::{Actor, Checkpoint, Disk, Opened, Store, StoreError, Write},
    testbed::new_token,
};

type Log = Arc<Mutex<Vec<String>>>;

/// A store whose commits are seen.
struct Witnessed<W>(Disk, W);

/// Who sees them, before they are made.
trait Witness: Send {
    fn sees(&mut self, writes: &[Write], checkpoint: Checkpoint);
}

impl Witness for Log {
    fn sees(&mut self, _: &[Write], _: Checkpoint) {
        self.lock().unwrap().push("commit".into());
    }
}

impl<W: Witness> Store for Witnessed<W> {
    fn opened(&self) -> Result<Opened, StoreError> {
        self.0.opened()
    }
    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.0.token(id)
    }
    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError> {
        self.0.balance_by_code(code)
    }
    fn factor(&self, token: TokenId) -> Result<Option<SecondFactor>, StoreError> {
        self.0.factor(token)
    }
    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError> {
        self.0.usage_before(before, most)
    }
    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        self.1.sees(writes, checkpoint);
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
    fn seen_since(&self, monotonic: u64) -> Vec<DeviceId> {
        self.0.lock().unwrap().seen_since(monotonic)
    }
    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
        self.0.lock().unwrap().list(device, listed)
    }
    fn lists(&self) -> Vec<(DeviceId, Listed)> {
        self.0.lock().unwrap().lists()
    }
}

struct Bench {
    core: Core<Witnessed<Log>, Shared>,
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
        let mut new = new_token(code, minutes, seats);
        change(&mut new);
        self.ask(|answer| Message::Create(Box::new(new), Actor::daemon(), answer))
    }

    fn redeem(&mut self, code: &str, who: u8) -> Result<SessionView, Refusal<RedeemError>> {
        let redeem = redemption(code, who);
        self.ask(|answer| Message::Redeem(redeem, answer))
    }

    fn release(&mut self, who: u8) {
        let release = |answer| Message::Release {
            mac: device(who).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        };
        self.ask(release).unwrap();
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
        given: Given::Nothing,
        device: device(who),
        takeover: false,
        asker: Asker::Client("portal".into()),
        among: None,
    }
}

fn device(who: u8) -> DeviceId {
    DeviceId {
        mac: Mac([2, 0, 0, 0, 0, who]),
        zone: 0,
    }
}
