//! One round: book what is due, decide what was asked, make it durable, carry it out, answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Feed, Meters, Refusal, SessionView, TokenView, Unavailable,
    answer::{Balance, Message, PageAsked, Pending},
    balances::Publisher,
    feed::News,
    heard::Carried,
    lists::Lists,
};
use crate::{
    gate::{Entry, Gate, GateError},
    ledger::mutant::{Mutant, broken},
    ledger::{
        Cause, EditError, Effect, FoldedCode, Ledger, Now, RedeemError, Rules, Seen, Session, SessionId,
        Token, TokenId, Traffic,
    },
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
    pub(super) published: Publisher,
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

/// The effects of a round, sorted into what comes before the commit, what is in it and what comes after.
#[derive(Clone, Default)]
struct Plan {
    tightest: BTreeMap<TokenId, u64>,
    last: BTreeMap<TokenId, u64>,
    writes: Vec<Write>,
    /// Where in `writes` the records stand that the closing completes.
    closing: Vec<usize>,
    /// Tokens whose balance may run down otherwise than before.
    touched: BTreeSet<TokenId>,
    /// Sessions whose charge goes on, or stands still, from another instant on.
    keep: BTreeMap<DeviceId, Session>,
    /// Each with the device's own deadline.
    admit: BTreeMap<DeviceId, (Session, u64)>,
}

impl Plan {
    fn new(effects: Vec<Effect>) -> Self {
        let mut plan = Self::default();
        for effect in effects {
            match effect {
                Effect::Create(token) => plan.writes.push(Write::Create(token)),
                Effect::Update(token) => {
                    plan.touched.insert(token.id);
                    plan.writes.push(Write::Update(token));
                }
                Effect::Recode { before, .. } => plan.writes.push(Write::Uncode(before)),
                Effect::Delete { token, code } => {
                    plan.writes.push(Write::Delete(token));
                    plan.writes.push(Write::Uncode(code));
                    plan.last.remove(&token);
                    plan.touched.insert(token);
                }
                Effect::Adjust(adjustment) => plan.writes.push(Write::Adjust(adjustment)),
                Effect::Deadline { token, at } => {
                    let tightest = plan.tightest.entry(token).or_insert(at);
                    *tightest = at.min(*tightest);
                    plan.last.insert(token, at);
                }
                Effect::Admit(session, until) => {
                    plan.writes.push(Write::Open(session.clone()));
                    plan.admit.insert(session.device, (session, until));
                }
                Effect::Keep(session) => {
                    plan.touched.insert(session.token);
                    plan.writes.push(Write::Open(session.clone()));
                    plan.keep.insert(session.device, session);
                }
                Effect::Release(record) => {
                    plan.admit.remove(&record.device);
                    plan.keep.remove(&record.device);
                    plan.closing.push(plan.writes.len());
                    plan.writes.push(Write::Release(record));
                }
                Effect::EndRun(record) => plan.writes.push(Write::EndRun(record)),
                Effect::Void(id) => plan.writes.push(Write::Void(id)),
                Effect::Unrelease(id) => plan.writes.push(Write::Unrelease(id)),
            }
        }
        plan
    }
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

    /// Decides one letter. What the store could not tell is a `failure` of the whole round.
    fn decide(&mut self, message: Message, now: Now, failure: &mut Option<StoreError>) -> Pending {
        match message {
            Message::Create(new, by, answer) => {
                self.load_code(&new.code.folded(), failure);
                let result = self.ledger.create(*new, now);
                if let Ok(id) = result {
                    self.audit_token("token.create", id, None, by, now);
                }
                Pending::Create(result, answer)
            }
            Message::CreateAll(new, by, answer) => {
                // In the order in which the store has them, so that each of its pages is read once.
                let mut codes: Vec<FoldedCode> = new.iter().map(|one| one.code.folded()).collect();
                codes.sort_unstable();
                for code in &codes {
                    self.load_code(code, failure);
                }
                let result = self.ledger.create_all(new, now);
                if let Ok(ids) = &result {
                    self.audit_creation(ids, by, now);
                }
                Pending::CreateAll(result, answer)
            }
            Message::DeleteAll(ids, by, answer) => {
                for id in &ids {
                    self.load_token(*id, failure);
                }
                let before: Vec<_> = ids.iter().map(|id| (*id, self.audited(*id, now))).collect();
                let result = self.ledger.delete_all(&ids, now);
                for (id, before) in before.into_iter().filter(|_| result.is_ok()) {
                    self.audit_token("token.delete", id, before, by.clone(), now);
                }
                Pending::Delete(result, answer)
            }
            Message::Redeem(redemption, answer) => {
                self.load_code(&redemption.code.folded(), failure);
                let result = self.ledger.redeem(&redemption, &seen(&self.gate), now);
                Pending::Redeem(result.map(|id| (redemption.device, id)), answer)
            }
            Message::Release {
                mac,
                zone,
                cause,
                by,
                answer,
            } => {
                let result = self.ledger.release(mac, zone, cause, now);
                if let (Ok(()), Some(by)) = (result, by) {
                    self.audit_disconnect(mac, zone, by, now);
                }
                Pending::Release(result, answer)
            }
            Message::Token(id, answer) => {
                self.load_token(id, failure);
                Pending::Token(id, answer)
            }
            Message::Edit(id, edit, by, answer) => {
                self.load_token(id, failure);
                if let Some(code) = &edit.code {
                    self.load_code(&code.folded(), failure);
                }
                let before = self.audited(id, now);
                let result = self.ledger.edit(id, *edit, now);
                if result.is_ok() {
                    self.audit_token("token.edit", id, before, by, now);
                }
                Pending::Edit(result.map(|()| id), answer)
            }
            Message::Balance(balance, by, answer) => {
                let Balance {
                    token,
                    left,
                    who,
                    reason,
                } = balance;
                self.load_token(token, failure);
                let before = self.audited(token, now);
                let result = self.ledger.set_balance(token, left, who, reason, now);
                if result.is_ok() {
                    self.audit_token("token.balance", token, before, by, now);
                }
                Pending::Edit(result.map(|()| token), answer)
            }
            Message::Delete(id, by, answer) => {
                self.load_token(id, failure);
                let before = self.audited(id, now);
                let result = self.ledger.delete(id, now);
                if result.is_ok() {
                    self.audit_token("token.delete", id, before, by, now);
                }
                Pending::Delete(result, answer)
            }
            Message::Check(check, answer) => {
                self.load_code(&check.code.folded(), failure);
                let seen = seen(&self.gate);
                Pending::Check(self.ledger.check(&check.code, &check.asker, &seen, now), answer)
            }
            Message::Sessions(asked, answer) => Pending::Sessions(asked, answer),
            Message::ChangeList(change, by, answer) => {
                Pending::ChangeList(self.change_list(&change, by, now), answer)
            }
            Message::List(asked, answer) => Pending::List(asked, answer),
            Message::SessionsOf { mac, zone, answer } => Pending::SessionsOf(mac, zone, answer),
            Message::Saw(seen) => {
                self.saw(seen);
                Pending::Nothing
            }
            Message::Look => Pending::Nothing,
            Message::Stop(answer) => Pending::Stop(answer),
        }
    }

    fn load_token(&mut self, id: TokenId, failure: &mut Option<StoreError>) {
        if !self.ledger.knows(id) {
            let found = self.store.token(id);
            self.load(found, failure);
        }
    }

    fn load_code(&mut self, code: &FoldedCode, failure: &mut Option<StoreError>) {
        if !self.ledger.knows_code(code) {
            let found = self.store.token_by_code(code);
            self.load(found, failure);
        }
    }

    fn load(&mut self, found: Result<Option<Token>, StoreError>, failure: &mut Option<StoreError>) {
        match found {
            Ok(token) => token.into_iter().for_each(|token| self.ledger.load(token)),
            Err(error) => *failure = Some(error),
        }
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
            // Deadlines of parked devices move by themselves: nothing is charged, nothing is to be kept.
            if !plan.writes.is_empty() {
                let checkpoint = Checkpoint {
                    boot: self.boot,
                    monotonic: now.monotonic,
                    wall: now.wall,
                };
                self.store.commit(&plan.writes, checkpoint)?;
                self.checkpoint = checkpoint;
            }
            if broken(Mutant::StoppedAfterCommit) {
                self.stop(&mut plan, now);
            }
            let touched = std::mem::take(&mut plan.touched);
            self.list_after();
            let news = self.feed.is_watched().then(|| News::of(&plan.writes));
            let opened = self.give(plan, now, &mut refused);
            for token in touched {
                self.published.show(token, &self.ledger, now);
            }
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
            let row = self.carried.row(record.id, counted, now);
            record.traffic = Traffic {
                seen_up: counted.seen_up,
                seen_down: counted.seen_down,
                ..row.total
            };
            record.last_seen_on = row.last_seen_on;
            self.carried.release(record.device, row);
            self.observer.released(record.cause);
            self.meters.end(record.device, record.charged);
        }
    }

    /// What gives; answers the devices that were let in.
    fn give(&mut self, plan: Plan, now: Now, refused: &mut BTreeSet<SessionId>) -> Vec<DeviceId> {
        let mut opened = Vec::new();
        for (&token, &at) in &plan.last {
            self.meters.limit(token, at);
            // Where there is no room for the token's deadline, its devices are refused below.
            let result = self.gate.set_deadline(token, at);
            self.note(result.as_ref().err());
        }
        for session in plan.keep.values() {
            self.meters.start(session);
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
                    self.meters.start(&session);
                    opened.push(session.device);
                }
                Err(error) => {
                    self.note(Some(&error));
                    refused.insert(session.id);
                    self.meters.tidy(session.token);
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

    fn answer(&self, decided: Pending, refused: &BTreeSet<SessionId>, now: Now) {
        // An asker that has gone away is no fault.
        let _ = match decided {
            Pending::Create(result, answer) => {
                let result = result.map_err(Refusal::Ledger).and_then(|id| {
                    self.token_view(id, now)
                        .map(|view| view.token)
                        .ok_or(Refusal::Unavailable(Unavailable::Store))
                });
                answer.send(result).is_ok()
            }
            Pending::CreateAll(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Edit(result, answer) => {
                let result = result.and_then(|id| self.token_view(id, now).ok_or(EditError::NotFound));
                answer.send(result.map_err(Refusal::Ledger)).is_ok()
            }
            Pending::Delete(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Token(id, answer) => answer.send(Ok(self.token_view(id, now))).is_ok(),
            Pending::Redeem(result, answer) => {
                let result = result.map_err(Refusal::Ledger).and_then(|(device, id)| {
                    if refused.contains(&id) {
                        return Err(Refusal::Ledger(RedeemError::GateFull));
                    }
                    // Another letter of the same round may have ended it again: asked once more, it is decided anew.
                    let view = self.session_view(device, now).filter(|view| view.id == id);
                    view.ok_or(Refusal::Unavailable(Unavailable::Busy))
                });
                answer.send(result).is_ok()
            }
            Pending::Release(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::SessionsOf(mac, zone, answer) => {
                let devices = self
                    .ledger
                    .devices_of(mac)
                    .filter(|device| zone.is_none_or(|zone| device.zone == zone));
                let views = devices.filter_map(|device| self.session_view(device, now));
                answer.send(Ok(views.collect())).is_ok()
            }
            Pending::Check(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Sessions(asked, answer) => {
                let PageAsked { filter, after, size } = asked;
                answer.send(Ok(self.page(&filter, after, size, now))).is_ok()
            }
            Pending::ChangeList(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::List(asked, answer) => answer.send(Ok(self.list_page(&asked))).is_ok(),
            Pending::Nothing => true,
            Pending::Stop(answer) => answer.send(()).is_ok(),
        };
    }

    pub(super) fn token_view(&self, id: TokenId, now: Now) -> Option<TokenView> {
        let account = self.ledger.token(id, now)?;
        Some(TokenView {
            token: account.token,
            seats_used: account.seats_used,
        })
    }

    pub(super) fn session_view(&self, device: DeviceId, now: Now) -> Option<SessionView> {
        let found = self.ledger.session(device, now)?;
        let counted = self.gate.traffic(device).unwrap_or_default();
        let heard = self.carried.row(found.session.id, counted, now);
        Some(SessionView {
            id: found.session.id,
            device,
            token: found.account.token,
            seats_used: found.account.seats_used,
            opened_on: found.session.opened_wall,
            last_seen: heard.last_seen_on.unwrap_or(found.session.opened_wall),
            left: found.left,
            traffic: Traffic {
                seen_up: counted.seen_up,
                seen_down: counted.seen_down,
                ..heard.total
            },
            addresses: found.session.addresses,
        })
    }
}

/// What the gate has seen of a device.
pub(super) fn seen<G: Gate>(gate: &G) -> impl Fn(DeviceId) -> Seen + '_ {
    |device| {
        let traffic = gate.traffic(device).unwrap_or_default();
        Seen {
            up: traffic.seen_up,
            down: traffic.seen_down,
        }
    }
}
