//! What the ledger wants done in the world. The engine does it, in the order given within each of its three phases.

use super::{Adjustment, FoldedCode, Session, SessionId, Token, TokenBalance, TokenId, UsageRecord};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep a token that is new, and its code.
    Create(Token),
    /// Keep the record of a token as it is now, and its code. Its balance follows.
    Edit(Token),
    /// Keep the balance of a token as it is now.
    Update(TokenBalance),
    /// Forget a token's former code; the edit that follows has the one it has now.
    Recode {
        /// The token.
        token: TokenId,
        /// The code it had.
        before: FoldedCode,
    },
    /// Forget a token and its code; its records stay.
    Delete {
        /// The token.
        token: TokenId,
        /// Its code.
        code: FoldedCode,
    },
    /// Keep a change of what a token is good for.
    Adjust(Adjustment),
    /// Move a token's deadline in the gate (monotonic milliseconds, [`super::FOREVER`] for none). A shorter one takes
    /// hold before the commit, a longer one after it.
    Deadline {
        /// The token.
        token: TokenId,
        /// The deadline.
        at: u64,
    },
    /// Keep the session, then let its device pass, until its own deadline at most.
    Admit(Session, u64),
    /// Keep the session as it is now: it was parked, or goes on. Its device passes as before.
    Keep(Session),
    /// Stop the device, complete the record with what went through, and keep it in place of the session.
    Release(UsageRecord),
    /// Keep the record of a run that ended.
    EndRun(UsageRecord),
    /// Forget a session that was kept but never passed.
    Void(SessionId),
    /// Take a release back: forget its record.
    Unrelease(SessionId),
}
