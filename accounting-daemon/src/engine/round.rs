//! One round: book what is due, decide what was asked, make it durable, carry it out, answer.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Feed, Meters,
    answer::{Message, Pending},
    feed::News,
    heard::Carried,
    lists::Lists,
    plan::Plan,
};
use crate::{
    gate::{Entry, Gate, GateError},
    ledger::mutant::{Mutant, broken},
    ledger::{Activity, Cause, Class, Ledger, Now, Rules, Seen, SessionId, Traffic},
    mac::DeviceId,
    store::{AuditRecord, Checkpoint, Store, StoreError, Write},
};

/// Who is told what the engine does, to count it.
pub trait Observer: Send + Sync {
    /// A session was released.
    fn released(&self, _cause: Cause) {}
    /// A round took so many letters and left so many sessions open.
    fn round(&self, _letters: usize, _online: usize) {}
    /// So many codes were refused in the last minute, whoever tried them.
    fn attempts(&self, _refused: usize) {}
    /// So many codes of a class were refused in the last minute; `closed`: no more are heard.
    fn class_attempts(&self, _class: Class, _refused: usize, _closed: bool) {}
    /// A letter found the mailbox full.
    fn mailbox_full(&self) {}
    /// The kernel refused a call; closing is tried again, opening is taken back.
    fn kernel_failed(&self) {}
    /// The store takes no commits, or takes them again.
    fn store_failing(&self, _failing: bool) {}
}

/// Nobody.
impl Observer for () {}

/// Ledger, store and gate together, without a clock and without a mailbox: the worker and the simulator drive it.
pub struct Core<S, G> {
    pub(super) ledger: Ledger,
    pub(super) store: S,
    pub(super) gate: G,
    pub(super) rules: Rules,
    pub(super) boot: [u8; 16],
    pub(super) meters: Arc<Meters>,
    pub(super) feed: Arc<Feed>,
    pub(super) observer: Arc<dyn Observer>,
    /// Devices that the kernel did not let go of; tried again in each round.
    pub(super) stuck: BTreeSet<DeviceId>,
    pub(super) checkpoint: Checkpoint,
    /// What the next commit adds to the audit.
    pub(super) audits: Vec<AuditRecord>,
    pub(super) lists: Lists,
    /// How far the wall clock was from the monotonic one when it was looked at last.
    pub(super) offset: i64,
    /// Whether any interface is gated.
    pub(super) attached: bool,
    /// Whether something keeps the wall clock in step.
    pub(super) synchronised: bool,
    /// What went through sessions besides what the gate has counted.
    pub(super) carried: Carried,
    /// How long usage records are kept, in milliseconds; `None`: for ever.
    pub(super) retention: Option<u64>,
    /// When usage records were last looked through for old ones.
    pub(super) pruned: u64,
    /// The latest time that was written as the floor of the calendar, in wall clock milliseconds.
    pub(super) floor: i64,
}

impl<S: Store, G: Gate> Core<S, G> {
    /// Handles all that waits at one instant. The monotonic clock of `now` must not go back.
    ///
    /// # Errors
    /// [`StoreError`] when the commit failed: nothing was acknowledged, and the core must be started anew.
    pub(super) fn round(&mut self, now: Now, messages: Vec<Message>) -> Result<(), StoreError> {
        self.retry_stuck();
        self.ledger.book(&seen(&self.gate), now);
        self.lists.end(now);
        self.ledger.attach(self.attached, now);
        let letters = messages.len();
        let mut failure = None;
        let pending: Vec<Pending> = messages
            .into_iter()
            .map(|message| self.decide(message, now, &mut failure))
            .collect();
        match failure.map_or_else(|| self.carry_out(now), Err) {
            Ok(refused) => {
                for decided in pending {
                    self.answer(decided, &refused, now);
                }
                self.ledger.forget_idle();
                self.observer.round(letters, self.ledger.online());
                self.observer.attempts(self.ledger.attempts(now));
                for class in Class::ALL {
                    let (refused, closed) = self.ledger.class_attempts(class, now);
                    self.observer.class_attempts(class, refused, closed);
                }
                Ok(())
            }
            Err(error) => {
                pending.into_iter().for_each(Pending::fail);
                Err(error)
            }
        }
    }

    /// Writes the instant up to which all open sessions are charged, and rows with it, so that a power cut takes no more than what came
    /// after it.
    ///
    /// # Errors
    /// [`StoreError`] as for [`Core::round`].
    pub(super) fn write_checkpoint(&mut self, now: Now, with: &[Write]) -> Result<(), StoreError> {
        let checkpoint = Checkpoint {
            boot: self.boot,
            monotonic: now.monotonic,
            wall: now.wall,
        };
        self.store.commit(with, checkpoint)?;
        self.checkpoint = checkpoint;
        Ok(())
    }

    /// Answers letters that only ask, without booking anything: for the time in which the store takes no commit.
    pub(super) fn look(&mut self, now: Now, messages: Vec<Message>) {
        for message in messages {
            let mut failure = None;
            let pending = self.decide(message, now, &mut failure);
            if failure.is_some() {
                pending.fail();
            } else {
                self.answer(pending, &BTreeSet::new(), now);
            }
        }
        self.ledger.forget_idle();
    }

    /// Carries out what the ledger wants: what takes away first, then the commit, then what gives. What the kernel
    /// refuses is taken back by a commit of its own. Answers the sessions that were refused.
    pub(super) fn carry_out(&mut self, now: Now) -> Result<BTreeSet<SessionId>, StoreError> {
        let mut refused = BTreeSet::new();
        loop {
            let effects = self.ledger.drain();
            if effects.is_empty() && self.audits.is_empty() && self.lists.writes.is_empty() {
                self.list_after();
                let ledger = &self.ledger;
                self.carried.end_round(|device| ledger.session_id(device));
                return Ok(refused);
            }
            let mut plan = Plan::new(effects);
            self.shorten(&plan);
            if broken(Mutant::AdmittedBeforeCommit) {
                let _ = self.give(plan.clone(), now, &mut refused);
            }
            self.list_before();
            if !broken(Mutant::StoppedAfterCommit) {
                self.stop(&mut plan, now);
            }
            plan.writes.extend(self.audits.drain(..).map(Write::Audit));
            plan.writes.append(&mut self.lists.writes);
            if !refused.is_empty() {
                self.let_go(&plan);
                plan.writes.extend(self.carried.restored(&plan.writes));
            }
            // Deadlines of parked devices move by themselves: nothing is charged, nothing is to be kept.
            if !plan.writes.is_empty() {
                let checkpoint = Checkpoint {
                    boot: self.boot,
                    monotonic: now.monotonic,
                    wall: now.wall,
                };
                let checkpoint = if broken(Mutant::ChangesWithoutCheckpoint) && self.checkpoint.monotonic > 0
                {
                    self.checkpoint
                } else {
                    checkpoint
                };
                self.store.commit(&plan.writes, checkpoint)?;
                self.checkpoint = checkpoint;
            }
            if broken(Mutant::StoppedAfterCommit) {
                self.stop(&mut plan, now);
            }
            self.list_after();
            let news = self.feed.is_watched().then(|| News::of(&plan.writes));
            let opened = self.give(plan, now, &mut refused);
            if let Some(news) = news {
                self.publish(news, &opened, now);
            }
        }
    }

    /// Deadlines that come earlier than the gate has them.
    fn shorten(&mut self, plan: &Plan) {
        for (&token, &at) in &plan.tightest {
            if broken(Mutant::ShortenedAfterCommit) {
                continue;
            }
            let sooner = |held| at < held || broken(Mutant::LengthenedBeforeCommit);
            if self.gate.deadline(token).is_some_and(sooner) {
                let result = self.gate.set_deadline(token, at);
                self.note(result.as_ref().err());
            }
        }
    }

    /// Devices that leave.
    fn stop(&mut self, plan: &mut Plan, now: Now) {
        for &place in &plan.closing {
            let Some(Write::Release(record)) = plan.writes.get_mut(place) else {
                continue;
            };
            // What went through a device that the kernel did not let go of is in the record of its session.
            let recorded = self.stuck.contains(&record.device);
            let counted = match self.gate.close(record.device) {
                Ok(traffic) => traffic.unwrap_or_default(),
                Err(error) => {
                    let counted = self.gate.traffic(record.device).unwrap_or_default();
                    self.stuck.insert(record.device);
                    tracing::error!(%error, "the gate did not do as told");
                    self.observer.kernel_failed();
                    counted
                }
            };
            let counted = if recorded { Traffic::default() } else { counted };
            let row = self.carried.row(record.id, counted, now);
            record.traffic = Traffic {
                seen_up: counted.seen_up,
                seen_down: counted.seen_down,
                ..row.total
            };
            record.last_seen_on = row.last_seen_on;
            self.carried.release(record.device, row);
            self.observer.released(record.cause);
            self.meters.end(record.device);
        }
    }

    /// Of a device that goes on with its session, though the kernel would not let go of it, the gate counts anew from its opening
    /// on: it must not count on from where it was should that never come.
    fn let_go(&mut self, plan: &Plan) {
        for device in plan.admit.keys() {
            if self.stuck.contains(device) && self.gate.close(*device).is_ok() {
                self.stuck.remove(device);
            }
        }
    }

    /// What gives; answers the devices that were let in.
    fn give(&mut self, plan: Plan, now: Now, refused: &mut BTreeSet<SessionId>) -> Vec<DeviceId> {
        let mut opened = Vec::new();
        for (&token, &at) in &plan.last {
            self.meters.limit(token, at, &self.ledger);
            // Where there is no room for the token's deadline, its devices are refused below.
            let result = self.gate.set_deadline(token, at);
            self.note(result.as_ref().err());
        }
        for session in plan.keep.values() {
            self.meters.start(session, &self.ledger);
        }
        for (session, deadline) in plan.admit.into_values() {
            let entry = Entry {
                device: session.device,
                session: session.id,
                token: session.token,
                deadline,
            };
            match self.gate.open(&entry) {
                Ok(()) => {
                    self.stuck.remove(&session.device);
                    self.meters.start(&session, &self.ledger);
                    opened.push(session.device);
                }
                Err(error) => {
                    // What the operator wants is no fault of the kernel.
                    if !self.is_blocked(session.device) {
                        self.note(Some(&error));
                    }
                    refused.insert(session.id);
                    self.ledger.refused(session.id, now);
                }
            }
        }
        opened
    }

    fn retry_stuck(&mut self) {
        for device in std::mem::take(&mut self.stuck) {
            if self.gate.close(device).is_err() {
                self.stuck.insert(device);
            }
        }
    }

    pub(super) fn note(&self, error: Option<&GateError>) {
        if let Some(error) = error {
            tracing::error!(%error, "the gate did not do as told");
            self.observer.kernel_failed();
        }
    }
}

/// What the gate has seen of devices.
pub(super) fn seen<G: Gate>(gate: &G) -> impl Activity + '_ {
    AtGate(gate)
}

struct AtGate<'a, G>(&'a G);

impl<G: Gate> Activity for AtGate<'_, G> {
    fn seen(&self, device: DeviceId) -> Seen {
        let traffic = self.0.traffic(device).unwrap_or_default();
        Seen {
            up: traffic.seen_up,
            down: traffic.seen_down,
        }
    }

    fn seen_since(&self, monotonic: u64) -> Option<Vec<DeviceId>> {
        Some(self.0.seen_since(monotonic))
    }
}
