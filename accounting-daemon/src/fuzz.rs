//! The readers of what strangers send, for the fuzzer: each takes any bytes and may do anything but panic.

use std::path::Path;

use crate::{config::Config, gate, http, store};

/// The body of a request in JSON, read as a new token and as each kind of member.
pub fn json(bytes: &[u8]) {
    http::fuzz::json(bytes);
}

/// The same as a form.
pub fn form(bytes: &[u8]) {
    http::fuzz::form(bytes);
}

/// A table of tokens to import.
pub fn table(bytes: &[u8]) {
    http::fuzz::table(bytes);
}

/// What a resolver answers, read for the walled garden.
pub fn answers(bytes: &[u8]) {
    gate::fuzz_answers(bytes);
}

/// A query, its parameters and times, and as the query of a list.
pub fn query(bytes: &[u8]) {
    http::fuzz::query(bytes);
}

/// A configuration.
pub fn config(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // A verdict, whichever.
        let _ = Config::parse(Path::new("fuzz.toml"), text, true);
    }
}

/// A row of the store, as each kind of row; one that is read is written as it was.
///
/// # Panics
/// It is not: that is what the fuzzer looks for.
pub fn rows(bytes: &[u8]) {
    store::fuzz::rows(bytes);
}

/// A row of each kind.
#[must_use]
pub fn sample_rows() -> Vec<Vec<u8>> {
    store::fuzz::samples()
}
