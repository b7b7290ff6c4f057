//! Starting: the store says what should be, the gate says what is; afterwards they agree.

use std::{collections::BTreeSet, sync::Arc};

use super::{Core, Observer, heard::Carried, lists::Lists, round::seen};
use crate::{
    gate::{Adoption, Deadline, Entry, Gate, GateError},
    ledger::{
        FOREVER, Ledger, Now, Rules, Session, SessionId, TokenId,
        mutant::{Mutant, broken},
    },
    mac::DeviceId,
    store::{Checkpoint, Heard, Opened, Store, StoreError, Write},
};

/// Why the engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gate could not be brought in line.
    #[error(transparent)]
    Gate(#[from] GateError),
}

impl<S: Store, G: Gate> Core<S, G> {
    /// Takes over from the daemon before: sessions whose devices kept passing go on, what ended meanwhile is booked at
    /// the moment it ended, devices that are missing are let in again and charged from now on, strangers are removed.
    /// After a reboot every session is parked, charged up to the last checkpoint.
    ///
    /// # Errors
    /// [`StartError`]; the gate then goes on as it was.
    pub fn start(
        store: S,
        gate: G,
        rules: Rules,
        observer: Arc<dyn Observer>,
        now: Now,
        boot: [u8; 16],
    ) -> Result<Self, StartError> {
        let rules = Rules {
            devices_max: rules.devices_max.min(gate.capacity() as usize),
            ..rules
        };
        let lists = Lists::new(gate.lists());
        let mut core = Self {
            ledger: Ledger::new(rules.clone(), 1, 1),
            store,
            gate,
            rules,
            boot,
            meters: Arc::default(),
            feed: Arc::default(),
            observer,
            stuck: BTreeSet::new(),
            checkpoint: Checkpoint::default(),
            audits: Vec::new(),
            lists,
            offset: now.offset(),
            attached: true,
            synchronised: false,
            floor: i64::MIN,
            carried: Carried::default(),
            retention: None,
            pruned: 0,
        };
        core.begin(now)?;
        Ok(core)
    }

    /// Starts anew from what is on disk, whatever was in memory.
    pub(super) fn begin(&mut self, now: Now) -> Result<(), StartError> {
        let mut opened = self.store.opened()?;
        self.lists.load(std::mem::take(&mut opened.lists));
        self.lists.end(now);
        // Before the gate is brought in line, which takes whoever is on no list for a stranger.
        self.list_after();
        let checkpoint = opened.checkpoint.unwrap_or_default();
        let new = opened.checkpoint.is_none();
        let same_boot = opened
            .checkpoint
            .is_some_and(|checkpoint| checkpoint.boot == self.boot);

        let running: Vec<TokenId> = opened
            .balances
            .iter()
            .filter(|balance| balance.run.is_some())
            .map(|balance| balance.id)
            .collect();
        let heard = of_devices(&opened);
        let sessions = opened.sessions.len();
        let then = if same_boot { now } else { at(checkpoint, now) };
        let (shown, deadlines, entries, opened) = if same_boot {
            let (shown, deadlines, entries) = expected(opened, &self.rules, now);
            (shown, deadlines, entries, None)
        } else {
            let nothing = Ledger::new(self.rules.clone(), 1, 1);
            (nothing, Vec::new(), Vec::new(), Some(opened))
        };
        let mut adoption = self.gate.adopt(&deadlines, &entries)?;
        drop((deadlines, entries));
        report(&adoption, sessions);

        self.meters.clear();
        let booked = checkpoint.monotonic;
        let mut counted = std::mem::take(&mut adoption.kept);
        counted.sort_unstable();
        let mut missing = Vec::new();
        if same_boot && adoption.missing.is_empty() {
            // Nobody has left: the ledger is what it was expected to be, and so are the deadlines.
            self.ledger = shown;
        } else {
            drop(shown);
            let opened = opened.map_or_else(|| self.store.opened(), Ok)?;
            missing = self.restore(opened, adoption, checkpoint, then);
        }
        if same_boot {
            for session in self.ledger.sessions() {
                self.meters.start(&session, &self.ledger);
            }
        }
        for token in running {
            self.ledger.resume(token, booked, then);
        }
        self.stuck.clear();
        self.audits.clear();
        self.checkpoint = checkpoint;
        if !same_boot && !new {
            self.ledger.reboot(then, off(checkpoint, now), now);
        }
        self.offset = self.ledger.calendar().unwrap_or(now.offset());
        self.ledger.book(&seen(&self.gate), now);
        for session in missing {
            self.ledger.readmit(session, now);
        }
        self.carried = Carried::new(heard, &counted, now);
        // Before the gate counts anew: a daemon that dies in between finds it counting, and takes the row for what went before.
        let moved: Vec<Write> = self.carried.moved().collect();
        if !moved.is_empty() {
            self.store.commit(&moved, checkpoint)?;
        }
        self.carry_out(now)?;
        self.ledger.forget_idle();
        self.feed.begin_anew();
        Ok(())
    }

    /// Takes tokens and sessions into memory; answers the sessions whose devices have left the gate.
    fn restore(
        &mut self,
        opened: Opened,
        adoption: Adoption,
        checkpoint: Checkpoint,
        then: Now,
    ) -> Vec<Session> {
        let mut ledger = Ledger::new(self.rules.clone(), opened.next_token, opened.next_session);
        opened
            .balances
            .into_iter()
            .for_each(|balance| ledger.load_balance(balance));
        let absent: BTreeSet<_> = adoption.missing.into_iter().collect();
        let (staying, mut missing): (Vec<Session>, Vec<Session>) = opened
            .sessions
            .into_iter()
            .partition(|session| !absent.contains(&session.device));
        for session in &mut missing {
            // The checkpoint was written while it passed; for what came after it there is no witness.
            ledger.charge_absent(session, checkpoint.monotonic);
        }
        for session in staying {
            ledger.restore(session, checkpoint.monotonic, then);
        }
        self.ledger = ledger;
        missing
    }

    /// Shows what is on disk, without booking anything; with `restore` the gate shows it too, so that a device that was
    /// removed for a commit that failed is in again.
    pub(super) fn picture(&mut self, now: Now, restore: bool) -> Result<(), StartError> {
        let opened = self.store.opened()?;
        let (ledger, deadlines, entries) = expected(opened, &self.rules, now);
        if restore {
            let missing: BTreeSet<_> = self
                .gate
                .adopt(&deadlines, &entries)?
                .missing
                .into_iter()
                .collect();
            for entry in entries.iter().filter(|entry| missing.contains(&entry.device)) {
                if let Err(error) = self.gate.open(entry) {
                    tracing::error!(%error, "a device could not be let in again");
                }
            }
        }
        self.ledger = ledger;
        Ok(())
    }

    /// Commits nothing new, to see whether the store takes it.
    pub(super) fn probe(&mut self) -> Result<(), StoreError> {
        let checkpoint = self.store.opened()?.checkpoint.unwrap_or_default();
        self.store.commit(&[], checkpoint)
    }
}

/// What had gone through the open sessions, each with its device.
fn of_devices(opened: &Opened) -> Vec<(DeviceId, Heard)> {
    if opened.heard.is_empty() {
        return Vec::new();
    }
    let sessions = &opened.sessions;
    let device_of = |id: SessionId| {
        let found = sessions.binary_search_by_key(&id, |session| session.id);
        Some(sessions.get(found.ok()?)?.device)
    };
    let rows = opened.heard.iter();
    rows.filter_map(|row| Some((device_of(row.id)?, *row))).collect()
}

/// The present of the last checkpoint, in the boot that wrote it.
fn at(checkpoint: Checkpoint, now: Now) -> Now {
    Now {
        monotonic: checkpoint.monotonic,
        wall: checkpoint.wall,
        trusted: now.trusted,
    }
}

/// Milliseconds for which the gateway was off, as far as the calendar can be believed.
fn off(checkpoint: Checkpoint, now: Now) -> u64 {
    if now.trusted || broken(Mutant::TimeOffByAnyClock) {
        u64::try_from(now.wall.saturating_sub(checkpoint.wall)).unwrap_or(0)
    } else {
        0
    }
}

/// What the gate should hold if nothing had happened since the store was written. What was opened is used up, so that it
/// does not lie in memory twice.
fn expected(opened: Opened, rules: &Rules, now: Now) -> (Ledger, Vec<(TokenId, Deadline)>, Vec<Entry>) {
    let booked = opened.checkpoint.unwrap_or_default().monotonic;
    let mut ledger = Ledger::new(rules.clone(), opened.next_token, opened.next_session);
    let mut tokens: Vec<TokenId> = Vec::with_capacity(opened.balances.len());
    for balance in opened.balances {
        tokens.push(balance.id);
        ledger.load_balance(balance);
    }
    let mut entries = Vec::with_capacity(opened.sessions.len());
    for session in opened.sessions {
        entries.push(Entry {
            device: session.device,
            session: session.id,
            token: session.token,
            deadline: ledger.session_deadline(&session),
        });
        ledger.restore(session, booked, now);
        // The deadlines are read below, once all are there.
        drop(ledger.drain());
    }
    let deadlines = tokens
        .into_iter()
        .map(|token| (token, ledger.deadline_of(token)))
        .filter(|(_, at)| *at != FOREVER)
        .collect();
    (ledger, deadlines, entries)
}

fn report(adoption: &Adoption, sessions: usize) {
    let Adoption {
        kept,
        missing,
        strangers,
    } = adoption;
    if sessions == 0 && *strangers == 0 {
        return;
    }
    tracing::info!(
        sessions,
        kept = kept.len(),
        missing = missing.len(),
        strangers,
        "brought the gate in line with the store"
    );
}
