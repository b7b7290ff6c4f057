//! What the documents say about tests is true: each test they name exists, and says which rule it holds.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Where sources are.
const ROOMS: [&str; 4] = ["accounting-daemon", "accounting-ebpf", "tests", "xtask"];
/// What reads a clock.
const CLOCKS: [&str; 5] = [
    "clock_gettime",
    "gettimeofday",
    "SystemTime",
    "Instant::now",
    "Utc::now",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
}

fn all_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for room in ROOMS {
        sources(&root().join(room), &mut found);
    }
    found
}

/// Every test by its name, with what stands before it.
fn tests() -> BTreeMap<String, String> {
    let mut tests = BTreeMap::new();
    for path in all_sources() {
        let text = fs::read_to_string(&path).unwrap();
        let (mut doc, mut is_test) = (String::new(), false);
        for line in text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix("///") {
                doc += words;
            } else if line.starts_with("#[") {
                is_test |= line == "#[test]" || line.starts_with("#[tokio::test");
            } else {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                let name = name.and_then(|rest| rest.split('(').next());
                if let Some(name) = name.filter(|_| is_test) {
                    tests.insert(name.to_owned(), std::mem::take(&mut doc));
                }
                (doc, is_test) = (String::new(), false);
            }
        }
    }
    tests
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The rows of a document's tables: what is said, and the names beside it.
fn rows(document: &str) -> Vec<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join("docs").join(document)).unwrap();
    let cells = text.lines().filter_map(|line| {
        let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
        line.rsplit_once(" | ")
    });
    let rows = cells.map(|(said, names)| {
        let names = names.split('`').skip(1).step_by(2).map(str::to_owned);
        (words(said), names.collect())
    });
    rows.collect()
}

#[test]
fn each_rule_has_its_tests_and_stands_before_them() {
    let tests = tests();
    let rules: Vec<_> = rows("RULES.md")
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .collect();
    assert!(rules.len() > 80, "only {} rules were found", rules.len());
    for (rule, names) in rules {
        for name in names {
            let doc = tests
                .get(&name)
                .unwrap_or_else(|| panic!("there is no test {name}"));
            assert!(words(doc).contains(&rule), "{name} does not quote: {rule}");
        }
    }
}

#[test]
fn each_hazard_has_tests_that_exist() {
    let tests = tests();
    let mut found = 0;
    for (hazard, names) in rows("SAFETY.md") {
        for name in names {
            let exists = match name.strip_suffix("...") {
                Some(begin) => tests.keys().any(|test| test.starts_with(begin)),
                None => tests.contains_key(&name),
            };
            assert!(exists, "{hazard}: there is no test {name}");
            found += 1;
        }
    }
    assert!(found > 60, "only {found} names were found");
}

/// "Both arrive in the core as one `Now` value; only one file reads clocks."
#[test]
fn only_one_file_reads_clocks() {
    let daemon = root().join("accounting-daemon/src");
    let mut sources_of_daemon = Vec::new();
    sources(&daemon, &mut sources_of_daemon);
    let clock = daemon.join("clock.rs");
    assert!(sources_of_daemon.contains(&clock));
    for path in sources_of_daemon.into_iter().filter(|path| *path != clock) {
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()) {
            let reads = CLOCKS.iter().find(|name| line.contains(**name));
            assert!(reads.is_none(), "{}:{number}: {line}", path.display());
        }
    }
}
