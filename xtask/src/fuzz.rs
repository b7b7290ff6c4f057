//! `cargo xtask fuzz`: libFuzzer at everything that reads what strangers send, in the layout of cargo-fuzz and on the stable compiler.
//!
//! The crates of this workspace are compiled so that libFuzzer can follow them (tests/fuzz/covered-rustc); what they depend on is
//! what every other build has.

mod campaign;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use accounting_tests::lab;
use anyhow::{Context, Result, bail, ensure};

use crate::root::root;

/// What libFuzzer is built with, and the Debian package that brings it.
const COMPILER: [(&str, &str); 1] = [("g++", "g++")];

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// For how long, all targets together; 0 only runs the corpus
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Where chance begins; drawn where it is not given
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    seed: Option<u32>,
    /// Only this one of tests/fuzz/fuzz_targets
    #[arg(long)]
    target: Option<String>,
    /// Run one input that was kept, and nothing else
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
    /// Put what reached further into the corpus, and leave in it no more than it takes to reach as far
    #[arg(long)]
    keep: bool,
}

/// Builds the targets and runs them.
///
/// # Errors
/// When a target does not build, or one of them failed: its input is kept, and the message says how to run it again.
pub(crate) fn run(args: &Args) -> Result<()> {
    let targets = targets(args.target.as_deref())?;
    let programs = build(&targets)?;
    if let (Some(input), Some((name, program))) = (&args.input, programs.first_key_value()) {
        return again(name, program, input);
    }
    let failed = campaign::run(&programs, args)?;
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// The folder of the package.
fn folder() -> Result<PathBuf> {
    Ok(root()?.join("tests/fuzz"))
}

/// The targets: one a file.
fn targets(only: Option<&str>) -> Result<Vec<String>> {
    let folder = folder()?.join("fuzz_targets");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    names.sort();
    let Some(only) = only else { return Ok(names) };
    if !names.iter().any(|name| name == only) {
        bail!("there is no target {only}; there are {}", names.join(", "));
    }
    Ok(vec![only.to_owned()])
}

/// Builds targets; gives the program of each.
fn build(targets: &[String]) -> Result<BTreeMap<String, PathBuf>> {
    lab::ensure_programs(&COMPILER).context("libFuzzer is written in C++")?;
    let mut cargo = lab::cargo();
    cargo.args([
        "build",
        "--locked",
        "--quiet",
        "--package",
        "accounting-fuzz",
        "--features",
        "targets",
    ]);
    for target in targets {
        cargo.args(["--bin", target]);
    }
    cargo
        .arg("--message-format=json-render-diagnostics")
        .env("RUSTC_WORKSPACE_WRAPPER", folder()?.join("covered-rustc"))
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cannot start cargo")?;
    ensure!(output.status.success(), "the targets do not build");
    let mut programs = BTreeMap::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let Some(program) = message["executable"].as_str()
            && targets.iter().any(|target| target == name)
        {
            programs.insert(name.to_owned(), PathBuf::from(program));
        }
    }
    ensure!(
        programs.len() == targets.len(),
        "tests/fuzz/Cargo.toml does not name every target of fuzz_targets as a [[bin]]"
    );
    Ok(programs)
}

/// Runs one input.
fn again(name: &str, program: &Path, input: &Path) -> Result<()> {
    let status = Command::new(program)
        .args(campaign::LIMITS)
        .arg(input)
        .env("RUST_BACKTRACE", "1")
        .status()
        .with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(status.success(), "{name} fails with {}", input.display());
    println!("{name} takes {}", input.display());
    Ok(())
}
