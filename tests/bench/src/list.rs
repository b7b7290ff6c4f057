//! Pages, look-ups and walks over a million records, one caller after the other.

use std::{path::Path, time::Duration};

use accounting_tests::{
    clock,
    lab::{ADMINISTRATOR, Lab, Request},
};
use anyhow::{Result, ensure};
use serde_json::Value;

use crate::{
    daemon, fill,
    report::{judged, line, median, number, quantile},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tokens in the store
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// Questions of each kind that takes no walk
    #[arg(long, default_value_t = 200)]
    quick: u64,
    /// Questions of each kind that walks over all
    #[arg(long, default_value_t = 5)]
    walks: u64,
}

const LIMIT: Duration = Duration::from_secs(60);

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let lab = daemon::up(binary, 1_000, options.tokens, 0)?;
    daemon::sign_in(lab.daemon()?)?;
    let pages = options.tokens / 25;
    let spread = |number: u64| 1 + number * 7_919 % pages.max(1);
    let quick: [(&str, &dyn Fn(u64) -> String); 4] = [
        ("a page by Id, anywhere", &|number| {
            format!("page={}", spread(number))
        }),
        ("the same from the end", &|number| {
            format!("dir=-1&page={}", spread(number))
        }),
        ("a look-up by code", &|number| {
            let id = 1 + number * 7_368_787 % options.tokens.max(1);
            format!("AccessToken_AccessCode={}", fill::code(id))
        }),
        ("a look-up by Id", &|number| {
            format!("Id={}", 1 + number * 7_919 % options.tokens.max(1))
        }),
    ];
    for (what, query) in quick {
        let took = ask(&lab, options.quick, query)?;
        let p99 = quantile(&took, 0.99);
        judged(&format!("{what}, p99"), format!("{p99:.2} ms"), "5 ms", p99 < 5.0);
        line("  p50", format!("{:.2} ms", median(&took)));
    }
    let walks: [(&str, &dyn Fn(u64) -> String); 4] = [
        ("a text that nothing contains", &|_| {
            "AccessToken_Description=nothing".to_owned()
        }),
        ("sorted by code, first page", &|_| "orderBy=AccessCode".to_owned()),
        ("sorted by code, in the middle", &|_| {
            format!("orderBy=AccessCode&page={}", pages / 2)
        }),
        ("sorted by minutes left, last page", &|_| {
            format!("orderBy=MinutesLeft&page={pages}")
        }),
    ];
    for (what, query) in walks {
        let took = ask(&lab, options.walks, query)?;
        line(what, format!("{:.0} ms", median(&took)));
    }
    Ok(())
}

/// Milliseconds of each of so many questions, a connection each.
fn ask(lab: &Lab, count: u64, query: &dyn Fn(u64) -> String) -> Result<Vec<f64>> {
    let daemon = lab.daemon()?;
    let mut took = Vec::new();
    for number in 0..count {
        let target = format!("/api/spaces/accesstokens?{}", query(number));
        let request = Request::new(lab.gateway(), daemon.api_address(), "GET", &target)
            .basic(ADMINISTRATOR, daemon.password())
            .limit(LIMIT);
        let start = clock::monotonic();
        let answer = request.send()?;
        took.push(clock::monotonic().saturating_sub(start).as_secs_f64() * 1_000.0);
        ensure!(
            answer.status == 200,
            "{target}: {} {}",
            answer.status,
            answer.text()
        );
        let page: Value = answer.json()?;
        let empty = target.contains("nothing");
        let records = page["Records"].as_array().map_or(0, Vec::len);
        ensure!(empty == (records == 0), "{target}: {records} records");
    }
    ensure!(number(count) > 0.0, "nothing was asked");
    Ok(took)
}
