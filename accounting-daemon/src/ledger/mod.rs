//! The accounting rules, and nothing else: commands and the time go in, effects come out. No input or output, no
//! clock, no chance, no unordered iteration; only the ledger writes balances.

mod code;
mod error;
mod now;
mod session;
mod token;

pub use code::{AccessCode, CODE_CHARACTERS_MAX, CodeError, FoldedCode};
pub use error::{CreateError, RedeemError, ReleaseError};
pub use now::Now;
pub use session::{Cause, Session, SessionId, Traffic, UsageRecord};
pub use token::{MINUTE_MS, Metering, NewToken, Token, TokenId, minutes_shown};
