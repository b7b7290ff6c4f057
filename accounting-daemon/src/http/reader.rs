//! Reading tokens beside the engine: rows from the store, on threads that may wait for the disk, with balances as they stand.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use super::{Clock, Context, answer::Answer, dialect::Dialect, nexudus};
use crate::{
    engine::Unavailable,
    ledger::{FoldedCode, Token, TokenId},
    store::{Among, Direction, Disk, Store, StoreError, Stretch},
};

/// Tokens of one stretch of a walk.
const STRETCH_ROWS: usize = 2_048;

/// Walks over many tokens that run at once: each keeps a processor busy, and some memory.
pub(super) const WALKS_MAX: usize = 2;

/// Reads tokens; cheap to clone. Its calls may wait for the disk.
#[derive(Clone)]
pub(super) struct Reader {
    store: Disk,
    clock: Clock,
}

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReadError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody waits for it any more.
    #[error("nobody waits for the answer")]
    Unwanted,
}

/// Whether somebody still waits.
#[derive(Clone, Default)]
pub(super) struct Wanted(Arc<AtomicBool>);

/// Ends a walk when whoever asked has gone.
struct Waiting(Wanted);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

impl Reader {
    pub(super) fn new(store: Disk, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The token with this number.
    pub(super) fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        Ok(self.brought_up(self.store.token(id)?))
    }

    /// See [`Disk::token_at_once`].
    fn token_at_once(&self, id: TokenId) -> Option<Result<Option<Token>, StoreError>> {
        let found = self.store.token_at_once(id)?;
        Some(found.map(|token| self.brought_up(token)))
    }

    /// The rows say at what rate the balance runs down.
    fn brought_up(&self, mut token: Option<Token>) -> Option<Token> {
        if let Some(token) = &mut token {
            token.bring_up((self.clock)().monotonic);
        }
        token
    }

    /// Some tokens of a walk.
    pub(super) fn stretch(
        &self,
        among: &Among,
        after: Option<TokenId>,
        direction: Direction,
        rows_max: usize,
    ) -> Result<Stretch, StoreError> {
        let mut stretch = self.store.stretch(among, after, direction, rows_max)?;
        let now = (self.clock)().monotonic;
        for token in &mut stretch.tokens {
            token.bring_up(now);
        }
        Ok(stretch)
    }

    /// See [`Disk::count`].
    pub(super) fn count(&self, among: &Among) -> Result<Option<u64>, StoreError> {
        self.store.count(among)
    }

    /// See [`Disk::nth`].
    pub(super) fn nth(
        &self,
        among: &Among,
        skip: u64,
        direction: Direction,
    ) -> Result<Option<TokenId>, StoreError> {
        self.store.nth(among, skip, direction)
    }

    /// See [`Disk::codes_in_use`].
    pub(super) fn codes_in_use(&self, codes: &[FoldedCode]) -> Result<Vec<usize>, StoreError> {
        self.store.codes_in_use(codes)
    }

    /// Shows every token among these to `visit`, as long as somebody waits.
    pub(super) fn walk(
        &self,
        among: &Among,
        direction: Direction,
        wanted: &Wanted,
        mut visit: impl FnMut(Token),
    ) -> Result<(), ReadError> {
        let mut after = None;
        loop {
            if wanted.0.load(Ordering::Relaxed) {
                return Err(ReadError::Unwanted);
            }
            let stretch = self.stretch(among, after, direction, STRETCH_ROWS)?;
            stretch.tokens.into_iter().for_each(&mut visit);
            after = stretch.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

impl Context {
    /// Reads on a thread that may wait for the disk. An error has been logged, and is what to answer.
    pub(super) async fn read<T, E>(
        &self,
        work: impl FnOnce(&Reader, &Wanted) -> Result<T, E> + Send + 'static,
    ) -> Result<T, Answer>
    where
        T: Send + 'static,
        E: Into<ReadError> + Send + 'static,
    {
        let reader = self.reader.clone();
        let waiting = Waiting(Wanted::default());
        let wanted = waiting.0.clone();
        let done = tokio::task::spawn_blocking(move || work(&reader, &wanted)).await;
        drop(waiting);
        match done {
            Ok(done) => done.map_err(|error| refusal(&error.into())),
            Err(_) => Err(nexudus::failed()),
        }
    }

    /// One token. Its row is some pages, most of them in memory: handing that to another thread would cost more than the
    /// look.
    pub(super) async fn read_token(&self, id: TokenId) -> Result<Option<Token>, Answer> {
        match self.reader.token_at_once(id) {
            Some(found) => found.map_err(|error| refusal(&error.into())),
            None => self.read(move |reader, _| reader.token(id)).await,
        }
    }
}

/// What is answered where nothing was read.
fn refusal(error: &ReadError) -> Answer {
    match error {
        ReadError::Store(error) => {
            tracing::error!(%error, "tokens could not be read");
            Dialect::Record.unavailable(Unavailable::Store)
        }
        ReadError::Unwanted => Dialect::Record.unavailable(Unavailable::Busy),
    }
}
