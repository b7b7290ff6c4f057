//! Figures of the daemon against their targets; `cargo xtask bench` builds this with optimisation and runs it.
//!
//! A speed is a ratio against the naive way, measured side by side in one run, or a figure with its machine. Nothing
//! here passes or fails: a target that is missed is printed as missed.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

mod bulk;
mod checkpoint;
mod daemon;
mod fill;
mod gate;
mod lateness;
mod list;
mod load;
mod memory;
mod one_each;
mod parked;
mod portal;
mod process;
mod reads;
mod redemptions;
mod report;
mod revoke;
mod rounds;
mod start;
mod sweep;
mod typed;

/// Measure; needs root, and a data folder on a real disk
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// The daemon to measure, built with optimisation
    #[arg(long, hide = true)]
    daemon: PathBuf,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Durable redemptions over HTTP, against one commit each
    Redemptions(redemptions::Options),
    /// Pages of the portal while 10,000 guests are online
    Portal(portal::Options),
    /// The counters of 1,000,000 sessions through shared memory, against walking the maps
    Sweep(sweep::Options),
    /// Bytes of daemon memory for an online session, and for a token that nobody uses
    Memory(memory::Options),
    /// Taking a token from 500 devices: one store, against removing each
    Revoke(revoke::Options),
    /// From exec to ready with 1,000,000 tokens and 100,000 sessions, the gate enforcing meanwhile
    Start(start::Options),
    /// What a checkpoint costs at 10 and at 100,000 open sessions
    Checkpoint(checkpoint::Options),
    /// What looking at 100,000 parked devices costs
    Parked(parked::Options),
    /// How late traffic stops after the deadline, daemon alive and killed
    Lateness(lateness::Options),
    /// Records by Id over HTTP among 1,000,000
    Reads(reads::Options),
    /// 1,000,000 tokens in bulk, and as a table
    Bulk(bulk::Options),
    /// Pages, look-ups and walks over 1,000,000 records
    List(list::Options),
}

fn main() -> ExitCode {
    let args = Args::parse();
    report::machine();
    let done = match &args.what {
        What::Redemptions(options) => redemptions::run(&args.daemon, options),
        What::Portal(options) => portal::run(&args.daemon, options),
        What::Sweep(options) => sweep::run(options),
        What::Memory(options) => memory::run(&args.daemon, options),
        What::Revoke(options) => revoke::run(options),
        What::Start(options) => start::run(&args.daemon, options),
        What::Checkpoint(options) => checkpoint::run(&args.daemon, options),
        What::Parked(options) => parked::run(&args.daemon, options),
        What::Lateness(options) => lateness::run(&args.daemon, options),
        What::Reads(options) => reads::run(&args.daemon, options),
        What::Bulk(options) => bulk::run(&args.daemon, options),
        What::List(options) => list::run(&args.daemon, options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
