//! What a configuration means. The example and the problems are in files of their own.

mod example;
mod problems;

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::mac::{DeviceId, Mac};

const EXAMPLE: &str = include_str!("../../../docs/config.example.toml");
const LEAST: &str = "data = \"/d\"\n[[interface]]\nname = \"g\"\n";

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(Path::new("t.toml"), text, true)
}

/// The problems of a text as `line: message`.
fn problems(text: &str) -> Vec<String> {
    let Err(errors) = parse(text) else {
        return Vec::new();
    };
    let shown = errors.to_string();
    assert_eq!(shown.lines().count(), errors.problems().len(), "{shown}");
    shown
        .lines()
        .map(|line| line.strip_prefix("t.toml:").unwrap().to_owned())
        .collect()
}

#[test]
fn an_entry_without_a_zone_holds_in_every_zone() {
    let example = parse(EXAMPLE).unwrap();
    let device = |last, zone| DeviceId {
        mac: Mac([2, 0, 0, 0, 0, last]),
        zone,
    };
    let expected = BTreeSet::from([device(1, 0), device(1, 1), device(2, 1)]);
    assert_eq!(example.gate.bypass, expected);
    assert_eq!(example.zones, BTreeMap::from([(1, 1377)]));
}

#[test]
fn loopback_needs_no_consent_and_consent_is_enough() {
    for listen in ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(
            problems(&format!("{LEAST}[api]\nlisten = [\"{listen}\"]\n")).is_empty(),
            "{listen}"
        );
    }
    assert!(
        problems(&format!(
            "{LEAST}[api]\ninsecure = true\nlisten = [\"0.0.0.0:1\"]\n"
        ))
        .is_empty()
    );
    let anywhere = "[api]\nlisten = [\"0.0.0.0:1\"]\n[api.tls]\n";
    assert!(problems(&format!("{LEAST}{anywhere}certificate = \"/c\"\nkey = \"/k\"\n")).is_empty());
    for (half, missing) in [
        ("certificate = \"/c\"", "`api.tls.key`"),
        ("key = \"/k\"", "`api.tls.certificate`"),
    ] {
        let found = problems(&format!("{LEAST}{anywhere}{half}\n"));
        assert!(found.iter().any(|line| line.contains(missing)), "{found:?}");
        assert!(
            found.iter().any(|line| line.contains("insecure")),
            "half a key protects nobody: {found:?}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = parse(&text);
    }

    /// Any line of the example replaced by any text: a verdict, never a panic.
    #[test]
    fn no_damaged_example_panics(line in 0..EXAMPLE.lines().count(), with in "[a-z\\[\\]={}\",0-9. :\\n-]{0,40}") {
        let mut lines: Vec<&str> = EXAMPLE.lines().collect();
        if let Some(cell) = lines.get_mut(line) {
            *cell = &with;
        }
        let _ = parse(&lines.join("\n"));
    }
}

#[test]
fn rules_of_sessions_can_be_switched_off_and_have_limits() {
    let text = |rest: &str| format!("{LEAST}[sessions]\n{rest}\n");
    let config = parse(&text("idle_timeout_s = \"off\"\nsession_timeout_s = 3600")).unwrap();
    assert_eq!(config.sessions.idle_timeout, None);
    assert_eq!(config.sessions.session_timeout.unwrap().as_secs(), 3600);
    assert_eq!(
        problems(&text(
            "idle_timeout_s = \"never\"\nseat_silence_s = 0\nsession_timeout_s = 1.5"
        ))
        .len(),
        3
    );
}
