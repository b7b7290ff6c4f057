//! Many tokens at once: all of them, or none.

use std::collections::BTreeSet;

use super::{CreateError, EditError, Ledger, NewToken, Now, TokenId};

/// One of many that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clash {
    /// Its place in the order given, from 0.
    pub place: usize,
    /// Why.
    pub error: CreateError,
}

/// Why none of many tokens was made: every one that was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} of the access tokens cannot be made", .0.len())]
pub struct BulkError(pub Vec<Clash>);

impl Ledger {
    /// Makes many tokens. Tokens with the same codes must have been loaded before, where the store has them.
    ///
    /// # Errors
    /// [`BulkError`]; nothing has changed then.
    pub fn create_all(&mut self, new: Vec<NewToken>, now: Now) -> Result<Vec<TokenId>, BulkError> {
        let mut codes = BTreeSet::new();
        let mut clashes = Vec::new();
        let room = usize::try_from((super::ID_MAX + 1).saturating_sub(self.next_token)).unwrap_or(usize::MAX);
        for (place, token) in new.iter().enumerate() {
            let folded = token.code.folded();
            let error = if self.owner(&folded).is_some() || !codes.insert(folded) {
                CreateError::CodeInUse
            } else if place >= room {
                CreateError::NoIdLeft
            } else {
                continue;
            };
            clashes.push(Clash { place, error });
        }
        if !clashes.is_empty() {
            return Err(BulkError(clashes));
        }
        let refused = |error| BulkError(vec![Clash { place: 0, error }]);
        new.into_iter()
            .map(|token| self.create(token, now).map_err(refused))
            .collect()
    }

    /// Deletes many tokens. They must have been loaded; one that is named twice is deleted once.
    ///
    /// # Errors
    /// [`EditError::NotFound`] when one of them is not there; nothing has changed then.
    pub fn delete_all(&mut self, ids: &BTreeSet<TokenId>, now: Now) -> Result<(), EditError> {
        if !ids.iter().all(|id| self.knows(*id)) {
            return Err(EditError::NotFound);
        }
        ids.iter().try_for_each(|id| self.delete(*id, now))
    }
}
