//! Balances of the tokens that are in use, for readers beside the engine: the record on disk is as old as its last
//! change, the balance runs on.
//!
//! A reader takes the record from the store first and looks here afterwards. What it finds is at least as new as the
//! record: a token that has come to be used by nobody stays here for a while, since its record may have been read
//! before.

use std::{collections::VecDeque, sync::Arc};

use dashmap::DashMap;

use crate::ledger::{Drawing, Ledger, Now, Token, TokenId};

/// How long a balance stays after the last device has left: longer than anybody takes from reading a record to
/// looking here.
const KEPT_MS: u64 = 10_000;

/// Balances that stay so at most; beyond it the oldest go earlier.
const KEPT_MAX: usize = 65_536;

/// The balances; one writer, anybody reads. No guard of the map leaves this file.
#[derive(Debug, Default)]
pub struct Balances(DashMap<TokenId, Drawing>);

impl Balances {
    /// Brings the charge of a record from the store up to an instant of the monotonic clock.
    pub fn bring_up(&self, token: &mut Token, monotonic: u64) {
        let drawing = self.0.get(&token.id).map(|found| *found);
        if let Some(drawing) = drawing {
            token.used = token.entitled.saturating_sub(drawing.left_at(monotonic));
        }
    }
}

/// The writer's side.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    balances: Arc<Balances>,
    /// Tokens in use by nobody, and since when.
    idle: VecDeque<(u64, TokenId)>,
}

impl Publisher {
    pub(super) fn balances(&self) -> Arc<Balances> {
        Arc::clone(&self.balances)
    }

    /// Shows what became of a token.
    pub(super) fn show(&mut self, id: TokenId, ledger: &Ledger, now: Now) {
        let shown = &self.balances.0;
        match ledger.drawing(id) {
            Some(drawing) if ledger.in_use(id) => {
                shown.insert(id, drawing);
            }
            drawing => {
                let Some(mut found) = shown.get_mut(&id) else {
                    return;
                };
                *found = Drawing {
                    left: drawing.unwrap_or(*found).left_at(now.monotonic),
                    since: now.monotonic,
                    draws: 0,
                };
                drop(found);
                self.idle.push_back((now.monotonic, id));
            }
        }
        self.tidy(now);
    }

    /// Shows a ledger that was read anew.
    pub(super) fn show_all(&mut self, ledger: &Ledger) {
        let shown = &self.balances.0;
        shown.retain(|id, _| ledger.in_use(*id));
        self.idle.clear();
        for (id, drawing) in ledger.drawings() {
            shown.insert(id, drawing);
        }
    }

    fn tidy(&mut self, now: Now) {
        while let Some(&(since, id)) = self.idle.front() {
            if now.monotonic.saturating_sub(since) < KEPT_MS && self.idle.len() <= KEPT_MAX {
                break;
            }
            self.idle.pop_front();
            // It may have come into use again, or left again later.
            self.balances
                .0
                .remove_if(&id, |_, drawing| drawing.draws == 0 && drawing.since == since);
        }
    }
}
