//! The rules, one readable scenario each; the sentence is the name.

mod charging;
mod classes;
mod edits;
mod elapsed;
mod redeeming;
mod seats;
mod time;

use super::Rules;

/// Silence of ten minutes ends a session, and is charged or not.
fn idle(bill_idle: bool) -> Rules {
    Rules {
        idle_timeout: Some(600_000),
        bill_idle,
        ..Rules::default()
    }
}
