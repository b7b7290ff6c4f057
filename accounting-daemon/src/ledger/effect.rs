//! What the ledger wants done in the world. The engine does it, in the order given within each of its three phases.

use super::{Session, SessionId, Token, TokenId, UsageRecord};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keep a token that is new, and its code.
    Create(Token),
    /// Keep the token as it is now.
    Update(Token),
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
    /// Stop the device, complete the record with what went through, and keep it in place of the session.
    Release(UsageRecord),
    /// Forget a session that was kept but never passed.
    Void(SessionId),
    /// Take a release back: forget its record.
    Unrelease(SessionId),
}
