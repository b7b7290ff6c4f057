//! What a run leaves behind: a summary, or the way to see the failure again.

use std::{collections::VecDeque, fmt};

/// Events that are shown with a failure.
const SHOWN: usize = 20;

/// A run in which daemon and auditor agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events.
    pub steps: u64,
    /// Sessions and runs that were recorded.
    pub records: u64,
    /// Times the daemon was started anew.
    pub starts: u64,
    /// A number that all events and answers went into.
    pub trace: u64,
}

/// A run in which they did not.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The event after which they disagreed.
    pub step: u64,
    /// About what.
    pub what: String,
    /// The last events.
    pub last: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {} fails at step {}: {}", self.seed, self.step, self.what)?;
        for line in &self.last {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "again: cargo xtask sim --seed {} --steps {}",
            self.seed,
            self.step + 1
        )
    }
}

impl std::error::Error for Failure {}

/// The last events, and a hash (FNV-1a) of all of them.
#[derive(Debug)]
pub(crate) struct Trace {
    last: VecDeque<String>,
    pub(crate) hash: u64,
}

impl Trace {
    pub(crate) fn new() -> Self {
        Self {
            last: VecDeque::new(),
            hash: 0xcbf2_9ce4_8422_2325,
        }
    }

    pub(crate) fn note(&mut self, line: String) {
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        if self.last.len() == SHOWN {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(crate) fn last(&self) -> Vec<String> {
        self.last.iter().cloned().collect()
    }
}
