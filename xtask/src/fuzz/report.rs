//! What libFuzzer says of one run.

use std::fmt;

/// Lines of its words that are shown when a target failed.
const LINES_MAX: usize = 60;

/// How a target did.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Report {
    name: String,
    runs: u64,
    /// A second.
    pace: u64,
    /// Edges of our own code that were reached.
    edges: u64,
    /// Why and with what it failed.
    failure: Option<Failure>,
}

#[derive(Debug, PartialEq, Eq)]
struct Failure {
    words: String,
    input: Option<String>,
}

impl Report {
    pub(super) fn new(name: &str, succeeded: bool, words: &str) -> Self {
        let stat = |name: &str| {
            let line = words
                .lines()
                .rev()
                .find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok())
                .unwrap_or(0)
        };
        let edges = words.lines().rev().find_map(|line| {
            let mut after = line.split_once(" cov: ")?.1.split(' ');
            after.next()?.parse().ok()
        });
        let failure = (!succeeded).then(|| Failure {
            words: {
                // What it tells of its progress is no reason.
                let lines: Vec<&str> = words.lines().filter(|line| !line.starts_with('#')).collect();
                lines[lines.len().saturating_sub(LINES_MAX)..].join("\n")
            },
            input: words.lines().rev().find_map(|line| {
                line.split_once("Test unit written to ")
                    .map(|(_, path)| path.trim().to_owned())
            }),
        });
        Self {
            name: name.to_owned(),
            runs: stat("number_of_executed_units"),
            pace: stat("average_exec_per_sec"),
            edges: edges.unwrap_or(0),
            failure,
        }
    }

    pub(super) const fn failed(&self) -> bool {
        self.failure.is_some()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            runs,
            pace,
            edges,
            failure,
        } = self;
        if let Some(Failure { words, input }) = failure {
            writeln!(f, "{words}\n{name} failed")?;
            return match input {
                Some(input) => write!(
                    f,
                    "run it again by: cargo xtask fuzz --target {name} --input {input}"
                ),
                None => f.write_str("it kept no input"),
            };
        }
        write!(f, "{name:9} {runs:>9} runs, {pace:>7} a second, {edges:>5} edges")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &str = "\
INFO: seed corpus: files: 12 min: 1b max: 73b total: 514b rss: 60Mb
#13\tINITED cov: 640 ft: 1201 corp: 11/500b exec/s: 0 rss: 61Mb
#1200\tDONE   cov: 812 ft: 2331 corp: 93/9012b lim: 73 exec/s: 600 rss: 70Mb
stat::number_of_executed_units: 1200
stat::average_exec_per_sec:     600
";

    #[test]
    fn figures_are_those_of_the_end() {
        let report = Report::new("json", true, WORDS);
        assert_eq!((report.runs, report.pace, report.edges), (1200, 600, 812));
        assert!(!report.failed());
    }

    #[test]
    fn a_failure_says_how_to_see_it_again() {
        let words = format!("{WORDS}artifact_prefix='a/'; Test unit written to a/crash-1f\nBase64: AA==\n");
        let report = Report::new("json", false, &words);
        assert!(report.failed());
        let shown = report.to_string();
        assert!(
            shown.ends_with("cargo xtask fuzz --target json --input a/crash-1f"),
            "{shown}"
        );
        assert!(!shown.contains("#1200"));
        assert!(Report::new("json", false, "").failed());
    }
}
