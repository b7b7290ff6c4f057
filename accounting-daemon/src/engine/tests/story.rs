//! A day at the counter, played on a disk that may fail at any point, and what must be true afterwards.

use std::collections::BTreeMap;

use super::*;
use crate::{ledger::Edit, store::faulty::FaultyDisk};

/// Milliseconds of one tick.
const TICK: u64 = 500;

/// How much charge a power cut may cost for one session: the interval of the checkpoint, and the tick that notices.
const LOSS_MAX: u64 = 5_000 + TICK;

/// What happens, in this order.
const STEPS: [Step; 26] = [
    Step::Create("A", 60, 3),
    Step::Redeem("A", 1),
    Step::Pass(14),
    Step::Create("B", 1, 2),
    Step::Redeem("B", 2),
    Step::Redeem("A", 3),
    Step::Pass(9),
    Step::Release(1),
    Step::Pass(3),
    Step::Edit("A", 90),
    Step::Redeem("B", 4),
    Step::Pass(13),
    Step::Redeem("A", 1),
    Step::Create("C", 30, 1),
    Step::Redeem("C", 5),
    // One device goes over to another code.
    Step::Redeem("A", 5),
    Step::Pass(11),
    Step::Release(3),
    Step::Edit("A", 30),
    // B comes to its end.
    Step::Pass(90),
    Step::Redeem("C", 6),
    Step::Pass(7),
    Step::Release(6),
    Step::Redeem("C", 6),
    Step::Pass(12),
    Step::Release(1),
];

#[derive(Clone, Copy, Debug)]
enum Step {
    Create(&'static str, u32, u32),
    Redeem(&'static str, u8),
    Release(u8),
    /// Sets the minutes.
    Edit(&'static str, u32),
    /// So many ticks.
    Pass(u32),
}

/// What was acknowledged.
#[derive(Clone, Debug, Default)]
struct Promised {
    /// By code: number of the token and what it is good for.
    tokens: BTreeMap<&'static str, (TokenId, i64)>,
    sessions: BTreeMap<u64, Stay>,
}

#[derive(Clone, Debug)]
struct Stay {
    token: TokenId,
    who: u8,
    opened: u64,
    /// When its end was acknowledged.
    closed: Option<u64>,
}

/// The story on one disk.
pub(super) struct Story {
    disk: FaultyDisk,
    gate: Shared,
    now: Now,
    boot: [u8; 16],
    promised: Promised,
    /// What was asked and not answered.
    open_question: Option<Step>,
}

type Engine = Core<Disk, Shared>;

impl Story {
    pub(super) fn new(disk: FaultyDisk) -> Self {
        let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Log::default());
        let now = Now {
            monotonic: 1_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        let story = Self {
            disk,
            gate,
            now,
            boot: BOOT,
            promised: Promised::default(),
            open_question: None,
        };
        drop(story.open().unwrap());
        story
    }

    fn open(&self) -> Result<Disk, StoreError> {
        let disk = self.disk.clone();
        Disk::over("the disk", move || disk.handle())
    }

    fn start(&self, disk: Disk) -> Engine {
        let rules = Rules {
            idle_timeout: None,
            ..Rules::default()
        };
        let core = Core::start(disk, self.gate.clone(), rules, Arc::new(()), self.now, self.boot);
        core.unwrap()
    }

    /// Plays it up to the end or the failure of the disk.
    pub(super) fn play(&mut self) -> Result<(), StoreError> {
        let disk = self.open()?;
        let mut core = self.start(disk);
        for step in STEPS {
            self.open_question = Some(step);
            self.step(&mut core, step)?;
        }
        self.open_question = None;
        Ok(())
    }

    fn step(&mut self, core: &mut Engine, step: Step) -> Result<(), StoreError> {
        match step {
            Step::Create(code, minutes, seats) => {
                let new = new_token(code, minutes, seats);
                let token = self.ask(core, |answer| {
                    Message::Create(Box::new(new), Actor::daemon(), answer)
                })?;
                let token = token.unwrap();
                self.promised.tokens.insert(code, (token.id, token.entitled));
            }
            Step::Redeem(code, who) => {
                let redeem = redemption(code, who);
                let view = self.ask(core, |answer| Message::Redeem(redeem, answer))?.unwrap();
                self.close(who);
                let stay = Stay {
                    token: view.token.id,
                    who,
                    opened: self.now.monotonic,
                    closed: None,
                };
                self.promised.sessions.insert(view.id, stay);
            }
            Step::Release(who) => {
                let mac = device(who).mac;
                let released = self.ask(core, |answer| Message::Release {
                    mac,
                    zone: None,
                    cause: Cause::Logout,
                    by: None,
                    answer,
                })?;
                released.unwrap();
                self.close(who);
            }
            Step::Edit(code, minutes) => {
                let (id, _) = self.promised.tokens[code];
                if let Some(token) = core.store.token(id)? {
                    core.ledger.load(token, None);
                }
                let edit = Edit {
                    minutes_included: Some(minutes),
                    ..Edit::default()
                };
                core.ledger.edit(id, edit, self.now).unwrap();
                core.carry_out(self.now)?;
                self.promised.tokens.get_mut(code).unwrap().1 = i64::from(minutes) * 60_000;
            }
            Step::Pass(ticks) => {
                for _ in 0..ticks {
                    self.now.monotonic += TICK;
                    self.now.wall += i64::try_from(TICK).unwrap();
                    core.round(self.now, Vec::new())?;
                    let age = self.now.monotonic - core.checkpoint.monotonic;
                    if core.ledger.online() > 0 && age >= 5_000 {
                        core.write_checkpoint(self.now, &[])?;
                    }
                }
            }
        }
        Ok(())
    }

    fn ask<T>(
        &self,
        core: &mut Engine,
        letter: impl FnOnce(oneshot::Sender<T>) -> Message,
    ) -> Result<T, StoreError> {
        let (answer, mut reply) = oneshot::channel();
        core.round(self.now, vec![letter(answer)])?;
        Ok(reply.try_recv().unwrap())
    }

    fn close(&mut self, who: u8) {
        for stay in self.promised.sessions.values_mut().filter(|stay| stay.who == who) {
            stay.closed.get_or_insert(self.now.monotonic);
        }
    }

    /// The machine is on again: another boot, an empty gate.
    pub(super) fn reboot(&mut self) {
        self.gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Log::default());
        self.boot[0] += 1;
    }

    /// Starts the daemon again after a failure and looks at the books.
    pub(super) fn judge(&mut self, rebooted: bool) -> Result<(), String> {
        let disk = self
            .open()
            .map_err(|error| format!("it does not open: {error}"))?;
        if !disk.check_integrity().map_err(|error| error.to_string())? {
            return Err("the file needed a repair after it was opened".to_owned());
        }
        let failed_at = self.now.monotonic;
        if rebooted {
            self.now.monotonic = 2_000;
            self.now.wall += 60_000;
        } else {
            self.now.monotonic += 2_000;
            self.now.wall += 2_000;
        }
        let mut core = self.start(disk.clone());
        for (code, (id, entitled)) in self.promised.tokens.clone() {
            let view = self.ask(&mut core, |answer| Message::Token(id, answer)).unwrap();
            let Some(view) = view.unwrap() else {
                return Err(format!("token {code} is lost"));
            };
            let edited = match self.open_question {
                Some(Step::Edit(open, minutes)) if open == code => Some(i64::from(minutes) * 60_000),
                _ => None,
            };
            if view.token.entitled != entitled && Some(view.token.entitled) != edited {
                return Err(format!("token {code} is good for {}", view.token.entitled));
            }
            self.judge_books(&core, &disk, &view.token, rebooted, failed_at)?;
        }
        self.judge_sessions(&core, &disk, rebooted, failed_at)
    }

    /// `used` is the sum of records and open sessions, and near the truth on the guest's side.
    fn judge_books(
        &self,
        core: &Engine,
        disk: &Disk,
        token: &Token,
        rebooted: bool,
        failed_at: u64,
    ) -> Result<(), String> {
        let id = token.id;
        let records = disk.usage().map_err(|error| error.to_string())?;
        let recorded: u64 = records
            .iter()
            .filter(|record| record.token == id)
            .map(|record| record.charged)
            .sum();
        let open = core.ledger.sessions().filter(|session| session.token == id);
        let running: u64 = open.map(|session| session.charged_at(self.now.monotonic)).sum();
        if token.used != recorded + running {
            return Err(format!(
                "token {id} used {} but {recorded} + {running}",
                token.used
            ));
        }
        let until = if rebooted { failed_at } else { self.now.monotonic };
        let stays = self.promised.sessions.values().filter(|stay| stay.token == id);
        let (mut truth, mut open) = (0, 0);
        for stay in stays {
            truth += stay.closed.unwrap_or(until) - stay.opened;
            open += u64::from(stay.closed.is_none());
        }
        let truth = truth.min(token.entitled.cast_unsigned().max(token.used));
        if token.used > truth {
            return Err(format!("token {id} is charged {} for {truth}", token.used));
        }
        if truth - token.used > open * LOSS_MAX + 2_000 * u64::from(!rebooted) {
            return Err(format!(
                "token {id} is charged {} for {truth}, {open} open",
                token.used
            ));
        }
        Ok(())
    }

    /// What was admitted is there or has a record; what was released stays released, to the millisecond.
    fn judge_sessions(
        &self,
        core: &Engine,
        disk: &Disk,
        rebooted: bool,
        failed_at: u64,
    ) -> Result<(), String> {
        let records = disk.usage().map_err(|error| error.to_string())?;
        let gate = self.gate.0.lock().unwrap();
        for (id, stay) in &self.promised.sessions {
            let record = records.iter().find(|record| record.id == *id);
            let open = core.ledger.sessions().find(|session| session.id == *id);
            match (open, record, stay.closed) {
                (None, Some(record), Some(closed)) => {
                    let exact = closed - stay.opened;
                    let ended_before = matches!(record.cause, Cause::Depleted);
                    if record.charged != exact && !(ended_before && record.charged < exact) {
                        return Err(format!("session {id} of {exact} has {record:?}"));
                    }
                }
                (None, Some(record), None) => {
                    let asked = matches!(self.open_question, Some(Step::Release(who) | Step::Redeem(_, who)) if who == stay.who);
                    if !asked && record.cause != Cause::Depleted {
                        return Err(format!("session {id} ended by {:?}", record.cause));
                    }
                }
                (Some(session), None, None) => {
                    let least = (failed_at - stay.opened).saturating_sub(LOSS_MAX);
                    if session.parked != rebooted || rebooted && session.charged < least {
                        return Err(format!("{session:?} was charged {least} at least"));
                    }
                    if gate.admits(device(stay.who), self.now.monotonic) != Some(*id) {
                        return Err(format!("session {id} is in the books and not at the gate"));
                    }
                }
                other => return Err(format!("session {id} ({stay:?}) is {other:?}")),
            }
        }
        let strangers = gate
            .entries()
            .filter(|entry| !core.ledger.sessions().any(|session| session.id == entry.session));
        match strangers.count() {
            0 => Ok(()),
            count => Err(format!("{count} devices at the gate without a session")),
        }
    }
}
