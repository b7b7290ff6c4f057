//! A store that reports how long its commits take.

use std::sync::Arc;

use super::{Checkpoint, Opened, Store, StoreError, Write};
use crate::{
    clock::Clock,
    ledger::{FoldedCode, SessionId, Token, TokenBalance, TokenId},
    metrics::Metrics,
};

/// Passes everything on and counts commits.
pub struct Measured<S> {
    store: S,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl<S> Measured<S> {
    /// A store, the clock to measure by, and where to report.
    pub fn new(store: S, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            clock,
            metrics,
        }
    }
}

impl<S: Store> Store for Measured<S> {
    fn opened(&self) -> Result<Opened, StoreError> {
        self.store.opened()
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.store.token(id)
    }

    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError> {
        self.store.balance_by_code(code)
    }

    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError> {
        self.store.usage_before(before, most)
    }

    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        let begun = self.clock.precise();
        let done = self.store.commit(writes, checkpoint);
        match &done {
            Ok(()) => {
                let rows = u64::try_from(writes.len()).unwrap_or(u64::MAX);
                self.metrics
                    .committed(self.clock.precise().saturating_sub(begun), rows);
            }
            Err(_) => self.metrics.commit_failed(),
        }
        done
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.store.reopen()
    }
}
