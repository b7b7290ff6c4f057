//! `cargo xtask test`: every test of the workspace, with those that were skipped counted out loud.

use std::io::{BufRead, BufReader, Write};
use std::process::{ExitCode, Stdio};

use accounting_tests::lab::{cargo, prepare};
use accounting_tests::root::{SKIPPED, is_root};
use anyhow::{Context, Result};

/// Run every test; the last line is `N passed, N failed, N skipped`
#[derive(clap::Args)]
pub(crate) struct Test {}

impl Test {
    /// Ends with status 0 when cargo does: all was built, and no test failed.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if is_root() {
            prepare()?;
        }
        let skipped = tempfile::NamedTempFile::new().context("no file for the names of skipped tests")?;
        let mut child = cargo()
            .args(["test", "--workspace", "--locked", "--no-fail-fast"])
            .env(SKIPPED, skipped.path())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let mut tally = Tally::default();
        if let Some(output) = child.stdout.take() {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            // Tests may print what is not text.
            while output.read_until(b'\n', &mut line)? > 0 {
                std::io::stdout().write_all(&line)?;
                tally.line(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        let status = child.wait().context("cannot wait for cargo")?;
        tally.returned_early(&std::fs::read_to_string(skipped.path())?);
        if !tally.skipped.is_empty() {
            println!("\nskipped:");
        }
        for skip in &tally.skipped {
            println!("  {skip}");
        }
        if !status.success() && tally.failed == 0 {
            println!("\ncargo test ended with {status}: something was not built, or did not run to its end");
        }
        println!("{}", tally.total());
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

/// What the tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    /// Names with reasons.
    skipped: Vec<String>,
}

impl Tally {
    /// Reads a line that cargo or a test program printed.
    fn line(&mut self, line: &str) {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, "passed");
            self.failed += count(result, "failed");
        } else if let Some((name, reason)) = ignored(line.trim_end()) {
            self.skipped.push(format!("{name} ({reason})"));
        }
    }

    /// Reads the names of tests that returned early, each with its reason: the harness has counted them as passed.
    fn returned_early(&mut self, names: &str) {
        for name in names.lines().filter(|name| !name.is_empty()) {
            self.passed = self.passed.saturating_sub(1);
            let (name, reason) = name.split_once('\t').unwrap_or((name, "not root"));
            self.skipped.push(format!("{name} ({reason})"));
        }
    }

    fn total(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed,
            self.skipped.len()
        )
    }
}

/// The number before `word` in `ok. 3 passed; 0 failed; ...`.
fn count(result: &str, word: &str) -> usize {
    let number = result.split([';', '.']).find_map(|part| {
        let (number, name) = part.trim().split_once(' ')?;
        (name == word).then(|| number.parse().ok())?
    });
    number.unwrap_or(0)
}

/// Name and reason of an ignored test.
fn ignored(line: &str) -> Option<(&str, &str)> {
    // A documentation test stands as `test src/lib.rs - name (line 3) ... ignored`.
    let (name, result) = line.strip_prefix("test ")?.rsplit_once(" ... ignored")?;
    match result {
        "" => Some((name, "ignored")),
        _ => Some((name, result.strip_prefix(", ")?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 4 tests
test one ... ok
test two ... ignored, the other half of the test below
test three ... FAILED
test root ... ok
test src/lib.rs - four (line 3) ... ignored

test result: FAILED. 2 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.31s

   Doc-tests other
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.00s
";

    #[test]
    fn what_was_skipped_for_root_is_not_passed() {
        let mut tally = Tally::default();
        OUTPUT.lines().for_each(|line| tally.line(line));
        assert_eq!((tally.passed, tally.failed), (7, 1));
        tally.returned_early("lab::root\tnot root\n");
        assert_eq!(
            tally.skipped,
            [
                "two (the other half of the test below)",
                "src/lib.rs - four (line 3) (ignored)",
                "lab::root (not root)"
            ]
        );
        assert_eq!(tally.total(), "6 passed, 1 failed, 3 skipped");
    }

    #[test]
    fn nothing_is_a_total_too() {
        assert_eq!(Tally::default().total(), "0 passed, 0 failed, 0 skipped");
    }
}
