//! A million tokens made by commands of 100,000, and all of them as one table.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use accounting_tests::{
    clock,
    lab::{ADMINISTRATOR, Lab, Request},
};
use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{
    daemon, process,
    report::{grouped, judged, line, number},
    typed::typed,
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tokens to make
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// Tokens of one command
    #[arg(long, default_value_t = 100_000)]
    command: u64,
    /// By the command line at a terminal, with the codes in a file; not over HTTP
    #[arg(long)]
    cli: bool,
}

const LIMIT: Duration = Duration::from_secs(60);

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let lab = daemon::up(binary, 1_000, 0, 0)?;
    let daemon = lab.daemon()?;
    if options.cli {
        return by_command_line(&lab, options.tokens);
    }
    daemon::sign_in(daemon)?;
    let before = process::memory(daemon.pid()?)?;
    let start = clock::monotonic();
    let (made, most) = peak(daemon.pid()?, || make(&lab, options))?;
    let took = clock::monotonic().saturating_sub(start).as_secs_f64();
    judged(
        &format!("{} tokens in bulk", grouped(number(made))),
        format!("{took:.1} s"),
        "60 s",
        took <= 60.0,
    );
    line("  most memory of the daemon meanwhile", mebibytes(most));
    line("  before", mebibytes(before));

    daemon.stop()?;
    daemon.start()?;
    daemon::ready(&lab, LIMIT)?;
    daemon::sign_in(daemon)?;
    let rested = process::memory(daemon.pid()?)?;
    let start = clock::monotonic();
    let ((rows, bytes), most) = peak(daemon.pid()?, || export(&lab))?;
    let took = clock::monotonic().saturating_sub(start).as_secs_f64();
    ensure!(rows == made + 1, "{rows} lines of {made} tokens");
    line("all of them as a table", format!("{took:.1} s"));
    line("  bytes", grouped(number(bytes)));
    line("  most memory of the daemon meanwhile", mebibytes(most));
    line("  before", mebibytes(rested));
    Ok(())
}

/// The same as an operator does it.
fn by_command_line(lab: &Lab, tokens: u64) -> Result<()> {
    let daemon = lab.daemon()?;
    let count = tokens.to_string();
    let table = |name: &str| lab.disk().join(name).display().to_string();
    let (codes, all, plain) = (
        table("codes.csv"),
        table("all.csv"),
        ["token", "bulk", &count, "--minutes", "1h"],
    );
    let with_codes = [&plain[..], &["--output", &codes]].concat();
    for (what, words) in [
        ("tokens by `token bulk`", &plain[..]),
        ("as many again, with their codes in a file", &with_codes),
    ] {
        let (typed, most) = peak(daemon.pid()?, || typed(daemon, words))?;
        let took = typed.took.as_secs_f64();
        let what = format!("{} {what}", grouped(number(tokens)));
        judged(&what, format!("{took:.1} s"), "60 s", took <= 60.0);
        line("  its bar was drawn", typed.draws);
        line("  most memory of the command", mebibytes(typed.most));
        line("  most memory of the daemon meanwhile", mebibytes(most));
        ensure!(typed.draws > 0, "no bar was drawn");
    }
    ensure!(lines(&codes)? == tokens + 1, "not as many codes as tokens");
    daemon.stop()?;
    daemon.start()?;
    daemon::ready(lab, LIMIT)?;
    let words = ["token", "export", &all];
    let (typed, most) = peak(daemon.pid()?, || typed(daemon, &words))?;
    ensure!(lines(&all)? == 2 * tokens + 1, "not every token is in the table");
    let what = format!("{} tokens by `token export`", grouped(number(2 * tokens)));
    line(&what, format!("{:.1} s", typed.took.as_secs_f64()));
    line("  most memory of the command", mebibytes(typed.most));
    line("  most memory of the daemon meanwhile", mebibytes(most));
    Ok(())
}

fn lines(path: &str) -> Result<u64> {
    let mut lines = 0;
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        line?;
        lines += 1;
    }
    Ok(lines)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", number(bytes) / 1_048_576.0)
}

fn make(lab: &Lab, options: &Options) -> Result<u64> {
    let daemon = lab.daemon()?;
    let mut made = 0;
    while made < options.tokens {
        let count = options.command.min(options.tokens - made);
        let parameter = |name: &str, value: u64| json!({"Name": name, "Type": "Integer", "Value": value});
        let order = json!({
            "Key": "COMMAND_CREATE_TOKENS_IN_BULK",
            "Parameters": [parameter("NumberOfTokens", count), parameter("BusinessId", 1), parameter("MinutesIncluded", 60)],
        });
        let target = "/api/spaces/accesstokens/runcommand";
        let answer = Request::new(lab.gateway(), daemon.api_address(), "POST", target)
            .basic(ADMINISTRATOR, daemon.password())
            .json(&order)
            .limit(LIMIT)
            .send()?;
        let body: Value = answer.json()?;
        ensure!(
            body["WasSuccessful"] == true,
            "not made: {} {}",
            answer.status,
            body["Message"]
        );
        made += count;
    }
    Ok(made)
}

/// Lines and bytes of the table, read as they come.
fn export(lab: &Lab) -> Result<(u64, u64)> {
    let daemon = lab.daemon()?;
    let mut connection = daemon.begin("/api/spaces/accesstokens/export", "", LIMIT)?;
    let mut part = vec![0; 1 << 20];
    let (mut lines, mut bytes) = (0, 0);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        head.extend(byte);
    }
    loop {
        let length = connection.read(&mut part)?;
        if length == 0 {
            break;
        }
        bytes += length as u64;
        let read = part.get(..length).unwrap_or_default();
        lines += read.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok((lines, bytes))
}

/// What the work gives, and the most memory that a process had meanwhile.
fn peak<T>(id: i32, work: impl FnOnce() -> Result<T>) -> Result<(T, u64)> {
    let (over, most) = (AtomicBool::new(false), AtomicU64::new(0));
    let done = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if let Ok(bytes) = process::memory(id) {
                    most.fetch_max(bytes, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let done = work();
        over.store(true, Ordering::Relaxed);
        done
    });
    Ok((done?, most.into_inner()))
}
