//! The rules of access codes and minutes a second time, written from their description and not from the daemon: commands
//! and the time go in, and out comes what the daemon must answer, book and let pass. Slow and plain on purpose: nothing is
//! kept that can be worked out, so a balance is the sum of the history each time somebody asks.

mod books;
mod command;
mod due;
mod edit;
mod lists;
mod parking;
mod redeem;
mod refusal;
mod restart;
mod rules;
mod token;

pub use books::{Auditor, Kernel, Round};
pub use command::{Answer, Change, Command, New, Seat, SessionSeen, TokenSeen, Why};
pub use rules::{Device, FOREVER, MINUTE, Now, Rules};
pub use token::{Cause, Record, Run, Session, Token};
