//! Starting: the store says what should be, the gate says what is; afterwards they agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Core, Meters, Observer, round::seen};
use crate::{
    gate::{Adoption, Deadline, Entry, Gate, GateError},
    ledger::{Effect, Ledger, Now, Rules, Session, Token, TokenId},
    store::{Checkpoint, Opened, Store, StoreError},
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
    /// After a reboot every session is closed, charged up to the last checkpoint.
    ///
    /// # Errors
    /// [`StartError`]; the gate then goes on as it was.
    pub fn start(
        store: S,
        mut gate: G,
        rules: Rules,
        observer: Arc<dyn Observer>,
        now: Now,
        boot: [u8; 16],
    ) -> Result<Self, StartError> {
        let opened = store.opened()?;
        let checkpoint = opened.checkpoint.unwrap_or_default();
        let same_boot = opened
            .checkpoint
            .is_some_and(|checkpoint| checkpoint.boot == boot);
        let rules = Rules {
            devices_max: rules.devices_max.min(gate.capacity() as usize),
            ..rules
        };

        let (deadlines, entries) = if same_boot {
            expected(&opened, &rules, now)
        } else {
            (Vec::new(), Vec::new())
        };
        let adoption = gate.adopt(&deadlines, &entries)?;
        report(&adoption, &opened);

        let mut ledger = Ledger::new(rules, opened.next_token, opened.next_session);
        let settled: BTreeMap<TokenId, u64> = opened
            .tokens
            .iter()
            .map(|token| (token.id, token.settled))
            .collect();
        let running: Vec<TokenId> = opened
            .tokens
            .iter()
            .filter(|token| token.run.is_some())
            .map(|token| token.id)
            .collect();
        opened.tokens.into_iter().for_each(|token| ledger.load(token));
        let meters = Arc::new(Meters::default());
        let kept: BTreeSet<_> = adoption.kept.iter().collect();
        let (staying, missing): (Vec<Session>, Vec<Session>) = opened
            .sessions
            .into_iter()
            .partition(|session| !same_boot || kept.contains(&session.device));
        let then = if same_boot { now } else { at(checkpoint, now) };
        for session in staying {
            meters.start(&session);
            ledger.restore(session, then);
        }
        running.into_iter().for_each(|token| ledger.resume(token, then));
        let mut core = Self {
            ledger,
            store,
            gate,
            boot,
            meters,
            observer,
            stuck: BTreeSet::new(),
            checkpoint,
            offset: now.offset(),
        };
        if !same_boot {
            core.ledger.lose_all(then);
            core.ledger.carry_over(then, off(checkpoint, now), now);
        }
        core.ledger.book(&seen(&core.gate), now);
        for session in missing {
            let until = settled.get(&session.token).copied().unwrap_or(session.settled);
            core.ledger.readmit(session, until, now);
        }
        core.carry_out(now)?;
        core.ledger.forget_idle();
        Ok(core)
    }
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
    if now.trusted {
        u64::try_from(now.wall.saturating_sub(checkpoint.wall)).unwrap_or(0)
    } else {
        0
    }
}

/// What the gate should hold if nothing had happened since the store was written.
fn expected(opened: &Opened, rules: &Rules, now: Now) -> (Vec<(TokenId, Deadline)>, Vec<Entry>) {
    let mut ledger = Ledger::new(rules.clone(), opened.next_token, opened.next_session);
    opened
        .tokens
        .iter()
        .cloned()
        .for_each(|token: Token| ledger.load(token));
    opened
        .sessions
        .iter()
        .cloned()
        .for_each(|session| ledger.restore(session, now));
    let deadlines: BTreeMap<TokenId, Deadline> = ledger
        .drain()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Deadline { token, at } => Some((token, at)),
            _ => None,
        })
        .collect();
    let entries = opened.sessions.iter().map(|session| Entry {
        device: session.device,
        session: session.id,
        token: session.token,
        deadline: ledger.session_deadline(session),
    });
    (deadlines.into_iter().collect(), entries.collect())
}

fn report(adoption: &Adoption, opened: &Opened) {
    let Adoption {
        kept,
        restored,
        refused,
        strangers,
    } = adoption;
    if opened.sessions.is_empty() && *strangers == 0 {
        return;
    }
    tracing::info!(
        sessions = opened.sessions.len(),
        kept = kept.len(),
        restored = restored.len(),
        refused = refused.len(),
        strangers,
        "brought the gate in line with the store"
    );
}
