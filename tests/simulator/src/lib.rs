//! The simulator: one thread, one seed, the real engine and ledger over a disk, a kernel and clocks made of memory. After
//! each step an auditor that shares no code with the daemon says what must have come of it.

mod check;
mod counts;
mod driver;
mod image;
mod lifecycle;
mod panics;
mod passing;
mod random;
mod report;
mod theme;
mod translate;
mod workload;
mod world;

pub use report::{Failure, Summary};

/// How a run is to go.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// What all chance is drawn from.
    pub seed: u64,
    /// Events in the run.
    pub steps: u64,
    /// Whether the auditor is to go wrong on purpose, to show that it would be noticed.
    pub canary: bool,
}

/// Runs one seed.
///
/// # Errors
/// [`Failure`] when daemon and auditor disagree, or the daemon panics.
pub fn run(options: Options) -> Result<Summary, Box<Failure>> {
    driver::run(options)
}

/// Seeds that are always run.
pub const SMOKE: std::ops::Range<u64> = 1..61;
