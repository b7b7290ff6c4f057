//! Feeds mutated input to everything that reads what strangers send, and keeps what makes it panic.
//!
//! There is no coverage to guide it: what it finds comes from a corpus that holds each construct of each language once.

mod corpus;
mod mutate;
mod targets;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Duration,
};

use accounting_tests::clock;
use anyhow::{Context as _, Result};
use clap::Parser;

use mutate::Random;
use targets::{TARGETS, Target};

/// Inputs between two looks at the clock.
const STRIDE: u32 = 64;

/// Fuzzes each target in turn.
#[derive(Debug, Parser)]
struct Arguments {
    /// How long altogether; 0 only runs the corpus
    #[arg(long, default_value_t = 20)]
    seconds: u64,

    /// Where chance begins; the same seed makes the same inputs
    #[arg(long)]
    seed: Option<u64>,

    /// Only this target
    #[arg(long)]
    target: Option<String>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(panics) => {
            eprintln!("{panics} targets panicked");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<usize> {
    let chosen: Vec<&Target> = TARGETS
        .iter()
        .filter(|target| arguments.target.as_ref().is_none_or(|name| name == target.name))
        .collect();
    anyhow::ensure!(!chosen.is_empty(), "there is no such target");
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => clock::wall().subsec_nanos().into(),
    };
    println!("seed {seed}");
    let each = Duration::from_secs(arguments.seconds) / u32::try_from(chosen.len())?;
    let mut panics = 0;
    for target in chosen {
        panics += usize::from(!fuzz(target, each, seed)?);
    }
    Ok(panics)
}

/// Whether a target took everything.
fn fuzz(target: &Target, time: Duration, seed: u64) -> Result<bool> {
    let mut inputs = (target.seeds)();
    inputs.extend(corpus::read(target.name)?);
    anyhow::ensure!(!inputs.is_empty(), "the target {} has no corpus", target.name);
    let began = clock::monotonic();
    let mut tried: u64 = 0;
    for input in &inputs {
        tried += 1;
        if !takes(target, input) {
            return told(target, input);
        }
    }
    let mut random = Random::new(seed);
    while clock::monotonic().saturating_sub(began) < time {
        for _ in 0..STRIDE {
            let input = random.mutated(&inputs);
            tried += 1;
            if !takes(target, &input) {
                return told(target, &input);
            }
        }
    }
    println!("{:12} {tried} inputs from {} seeds", target.name, inputs.len());
    Ok(true)
}

fn takes(target: &Target, input: &[u8]) -> bool {
    catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok()
}

fn told(target: &Target, input: &[u8]) -> Result<bool> {
    let path = corpus::keep(target.name, input).context("the input cannot be kept")?;
    eprintln!(
        "{} panicked; its input is kept as {}",
        target.name,
        path.display()
    );
    Ok(false)
}
