//! `cargo xtask upgrade`: the daemon of an earlier commit, this one, and back, while packets pass.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use accounting_tests::lab::{cargo, prepare};
use anyhow::{Context, Result, bail, ensure};

use crate::root::root;

/// Upgrade from the daemon of an earlier commit to this one and back, while a client is online
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The commit; it is built in target/upgrade
    commit: String,
}

/// Ends with status 0 when no packet was lost and none passed that was not paid for.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    prepare()?;
    let root = root()?;
    let commit = commit(&root, &args.commit)?;
    let former = build(&root, &commit)?;
    let status = cargo()
        .current_dir(&root)
        .args([
            "test",
            "--locked",
            "--package",
            "accounting-tests",
            "--test",
            "upgrade",
        ])
        .args(["earlier_commit", "--", "--nocapture"])
        .env("ACCOUNTING_FORMER", former)
        .status()
        .context("cannot start cargo")?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The full name of a commit.
fn commit(root: &Path, name: &str) -> Result<String> {
    let named = format!("{name}^{{commit}}");
    let output = git(root)
        .args(["rev-parse", "--verify", "--quiet", "--end-of-options", &named])
        .output()
        .context("cannot start git")?;
    ensure!(
        output.status.success(),
        "there is no commit {name} here: fetch it, or name one of `git log --oneline`"
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The daemon of a commit, from a work tree of its own.
fn build(root: &Path, commit: &str) -> Result<PathBuf> {
    let tree = root.join("target/upgrade").join(commit);
    if !tree.exists() {
        let added = git(root)
            .args(["worktree", "add", "--detach", "--force"])
            .args([tree.as_os_str(), commit.as_ref()])
            .status()
            .context("cannot start git")?;
        ensure!(added.success(), "no work tree of {commit} at {}", tree.display());
    }
    let target = tree.join("target");
    let built = cargo()
        .current_dir(&tree)
        .args([
            "build",
            "--locked",
            "--package",
            "accounting-daemon",
            "--target-dir",
        ])
        .arg(&target)
        .status()
        .context("cannot start cargo")?;
    if !built.success() {
        bail!("the daemon of {commit} does not build");
    }
    Ok(target.join("debug/accounting-daemon"))
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder);
    command
}
