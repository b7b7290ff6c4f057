//! All targets for their share of the time, some at a time: first what the corpus holds and what has failed before, then chance.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use accounting_tests::clock;
use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::{Args, folder, report::Report};

/// Targets at a time.
const LANES: u64 = 2;

/// What one input may take: seconds, and megabytes of the whole process.
pub(super) const LIMITS: [&str; 2] = ["-timeout=10", "-rss_limit_mb=1024"];

/// The longest input, in bytes; most readers have told by then whatever they can tell.
const BYTES_MAX: usize = 2048;

/// The same for targets whose language needs more, or less.
const BYTES_MAX_OF: [(&str, usize); 3] = [("config", 8192), ("frames", 256), ("rows", 512)];

/// Runs targets; gives the names of those that failed.
///
/// # Errors
/// When one cannot be run, or its corpus cannot be written.
pub(super) fn run(programs: &BTreeMap<String, PathBuf>, args: &Args) -> Result<Vec<String>> {
    let seed = args.seed.unwrap_or_else(|| clock::wall().subsec_micros() + 1);
    println!("seed {seed}");
    let rounds = (programs.len() as u64).div_ceil(LANES);
    let seconds = args.seconds.div_ceil(rounds.max(1));
    let targets: Vec<Target<'_>> = programs
        .iter()
        .map(|(name, program)| Target { name, program })
        .collect();
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let lane = || -> Result<()> {
        while let Some(target) = targets.get(next.fetch_add(1, Ordering::Relaxed)) {
            let report = target.fuzz(seconds, seed, args.keep)?;
            println!("{report}");
            if let Ok(mut done) = done.lock() {
                done.push((target.name.to_owned(), report));
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let mut ended = lanes.into_iter().map(|lane| lane.join());
        ended.try_for_each(|lane| lane.unwrap_or_else(|_| Err(anyhow::anyhow!("a lane panicked"))))
    })?;
    let done = done.into_inner().unwrap_or_default();
    Ok(done
        .into_iter()
        .filter(|(_, report)| report.failed())
        .map(|(name, _)| name)
        .collect())
}

/// A target and its program.
struct Target<'a> {
    name: &'a str,
    program: &'a Path,
}

impl Target<'_> {
    /// Its committed inputs.
    fn corpus(&self) -> PathBuf {
        folder().join("corpus").join(self.name)
    }

    /// Where inputs are kept that it failed with.
    fn artifacts(&self) -> PathBuf {
        folder().join("artifacts").join(self.name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(self.program);
        let bytes_max = BYTES_MAX_OF.iter().find(|(name, _)| *name == self.name);
        let bytes_max = bytes_max.map_or(BYTES_MAX, |(_, bytes)| *bytes);
        command.args(LIMITS).arg(format!("-max_len={bytes_max}"));
        command.env("RUST_BACKTRACE", "1");
        command
    }

    fn fuzz(&self, seconds: u64, seed: u32, keep: bool) -> Result<Report> {
        let found = TempDir::new().context("no folder for what is found")?;
        let (corpus, artifacts) = (self.corpus(), self.artifacts());
        fs::create_dir_all(&corpus)?;
        fs::create_dir_all(&artifacts)?;
        let mut command = self.command();
        // 0 is libFuzzer's word for no limit.
        match seconds {
            0 => command.arg("-runs=0"),
            seconds => command.arg(format!("-max_total_time={seconds}")),
        };
        let dictionary = folder().join("dictionaries").join(format!("{}.dict", self.name));
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        command
            .arg(format!("-seed={seed}"))
            .arg(format!(
                "-artifact_prefix={}/",
                artifacts.canonicalize()?.display()
            ))
            .arg("-print_final_stats=1")
            .args([found.path(), &corpus, &artifacts]);
        let output = command
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let report = Report::new(
            self.name,
            output.status.success(),
            &String::from_utf8_lossy(&output.stderr),
        );
        if keep && !report.failed() {
            self.keep(found.path())?;
        }
        Ok(report)
    }

    /// Puts what was found into the corpus, of which then only those inputs stay that it takes to reach as far, and those with
    /// names of their own.
    fn keep(&self, found: &Path) -> Result<()> {
        let (corpus, least) = (self.corpus(), TempDir::new().context("no folder for the corpus")?);
        let merged = self
            .command()
            .args(["-set_cover_merge=1", "-use_counters=0"])
            .args([least.path(), &corpus, found])
            .output()?;
        ensure!(
            merged.status.success(),
            "{}: the corpus cannot be merged",
            self.name
        );
        let mut kept = 0_usize;
        for entry in fs::read_dir(&corpus)? {
            let entry = entry?;
            // Whoever gave an input a name had a reason.
            if is_digest(&entry.file_name().to_string_lossy()) {
                fs::remove_file(entry.path())?;
            }
        }
        for entry in fs::read_dir(least.path())? {
            let entry = entry?;
            fs::copy(entry.path(), corpus.join(entry.file_name()))?;
            kept += 1;
        }
        println!("{:9} {kept} inputs are kept", self.name);
        Ok(())
    }
}

/// Whether libFuzzer has named an input.
fn is_digest(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}
