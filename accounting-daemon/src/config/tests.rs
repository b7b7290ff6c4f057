//! Each problem is found, with its line, together with all others; the documented example is the whole truth.

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
fn defaults_are_as_documented() {
    let config = parse(LEAST).unwrap();
    let example = parse(EXAMPLE).unwrap();
    assert_eq!(config.pins, example.pins);
    assert!(config.trust_rtc);
    assert_eq!(config.gate.devices, example.gate.devices);
    assert_eq!(config.gate.strangers, example.gate.strangers);
    // These have no default that an example could show.
    let shown = ApiConfig {
        tls: None,
        socket: "/d/api.sock".into(),
        ..example.api
    };
    assert_eq!(config.api, shown);
    // What has no default is shown by an example.
    let plain = PortalConfig {
        url: None,
        tls: None,
        name: config.portal.name.clone(),
        logo: None,
        terms: None,
        help: None,
        home: None,
        venue: None,
        languages: None,
        templates: None,
        ..example.portal
    };
    assert_eq!(config.portal, plain);
    assert_eq!(config.administrator.email, example.administrator.email);
    assert_eq!(config.codes, example.codes);
    assert_eq!(config.sessions, example.sessions);
    assert_eq!(config.usage, example.usage);
    assert_eq!(config.audit, example.audit);
    assert!(config.zones.is_empty() && config.gate.garden.is_empty() && config.gate.bypass.is_empty());
}

/// A setting that the example lacks is an undocumented one; a key of the example that is none would be a problem.
#[test]
fn the_example_shows_every_setting() {
    for (table, known) in [
        (
            "",
            vec![
                "data",
                "pins",
                "trust_rtc",
                "interface",
                "zone",
                "gate",
                "api",
                "portal",
                "administrator",
                "codes",
                "sessions",
                "usage",
                "audit",
            ],
        ),
        ("[[interface]]", vec!["name", "zone"]),
        ("[[zone]]", vec!["number", "business_id"]),
        (
            "[gate]",
            vec![
                "devices",
                "resolvers",
                "bypass",
                "block",
                "garden",
                "refuse",
                "strangers",
            ],
        ),
        ("[[gate.garden]]", vec!["prefix", "name", "ports"]),
        (
            "[gate.strangers]",
            vec![
                "packets_per_second",
                "burst",
                "interface_packets_per_second",
                "interface_burst",
            ],
        ),
        (
            "[api]",
            vec![
                "listen",
                "insecure",
                "tls",
                "socket",
                "header_timeout_s",
                "request_timeout_s",
                "header_bytes_max",
                "body_bytes_max",
                "import_bytes_max",
                "connections_max",
                "connections_per_address_max",
                "writes_per_minute",
                "dir_1_ascending",
                "sign_in",
            ],
        ),
        (
            "[api.sign_in]",
            vec![
                "access_token_lifetime_s",
                "refresh_token_lifetime_s",
                "account_failures_per_minute",
                "address_failures_per_minute",
            ],
        ),
        ("[api.tls]", vec!["certificate", "key"]),
        (
            "[portal]",
            vec![
                "listen_port",
                "url",
                "tls",
                "name",
                "colour",
                "logo",
                "terms",
                "help",
                "home",
                "venue",
                "languages",
                "templates",
                "resume_days",
                "header_timeout_s",
                "request_timeout_s",
                "header_bytes_max",
                "body_bytes_max",
                "connections_max",
                "connections_per_device",
            ],
        ),
        ("[portal.tls]", vec!["certificate", "key"]),
        ("[administrator]", vec!["email", "password_file"]),
        ("[codes]", vec!["length", "alphabet", "visitor", "booking"]),
        (
            "[codes.visitor]",
            vec!["length", "alphabet", "email", "attempts_per_minute"],
        ),
        (
            "[codes.booking]",
            vec!["length", "alphabet", "email", "attempts_per_minute"],
        ),
        (
            "[sessions]",
            vec![
                "idle_timeout_s",
                "bill_idle",
                "session_timeout_s",
                "seat_silence_s",
                "attempts_per_device",
                "attempts_per_client",
            ],
        ),
        ("[usage]", vec!["retention_days"]),
        ("[audit]", vec!["retention_days", "records_max"]),
    ] {
        // The parser itself says which keys it knows, when it is given one that it does not.
        let text = format!("{table}\nno_such_key = 1\n");
        let found = problems(&text);
        let said = found.iter().find(|line| line.contains("no_such_key")).unwrap();
        let names: Vec<_> = said.split('`').skip(3).step_by(2).collect();
        let sorted = |names: &[&str]| names.iter().map(|s| (*s).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(sorted(&names), sorted(&known), "{table}");
        for key in known {
            let documented = EXAMPLE.lines().any(|line| {
                line.starts_with(&format!("{key} = "))
                    || (line.starts_with('[')
                        && line.trim_matches(['[', ']']).split('.').any(|part| part == key))
            });
            assert!(documented, "{table} {key} is not in the example");
        }
    }
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text = r#"
dta = "/d"
trust_rtc = "yes"
[[interface]]
name = "a/b"
zone = 70000
[[interface]]
zone = 1
[[zone]]
number = 9
business_id = 0
[gate]
devices = 0
resolvers = ["nine", "224.0.0.1"]
bypass = ["02:00:00:00:00:01 7", "ff:ff:ff:ff:ff:ff"]
block = [
  "02:00",
]
[[gate.garden]]
prefix = "10.0.0.1/8"
ports = [1, 2, 3, 4, 5]
[gate.strangers]
burst = -1
[api]
listen = ["0.0.0.0:8880"]
header_timeout_s = 1.5
bogus = 1
[administrator]
email = "a:b@c"
[codes]
length = 3
alphabet = "ABCO0"
"#;
    let found = problems(text);
    let lines: Vec<usize> = found
        .iter()
        .map(|line| line.split(':').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(
        lines,
        [
            1, 1, 2, 3, 5, 6, 7, 10, 11, 13, 14, 14, 15, 15, 17, 20, 21, 23, 25, 26, 27, 29, 31, 32
        ],
        "{found:#?}"
    );
}

/// One row a problem: what is appended to the least configuration, and what the message must name.
#[test]
fn each_problem_names_the_thing_and_the_way_out() {
    let cases = [
        (
            "[api]\nlisten = [\"192.0.2.1:80\"]",
            "5: `api.listen` has 192.0.2.1:80",
            "insecure = true",
        ),
        ("[api]\nlisten = [\"[::]:80\"]", "[::]:80", "[api.tls]"),
        (
            "[api]\nlisten = [\"localhost:80\"]",
            "\"localhost:80\"",
            "127.0.0.1:8480",
        ),
        ("[api]\nlisten = []", "has 0 values", "1 to 16"),
        (
            "[api]\nlisten = [\"[::1]:1\", \"[::1]:1\"]",
            "[::1]:1 twice",
            "remove one",
        ),
        ("[api]\nlisten = [\"127.0.0.1:8880\"]", "8880", "another port"),
        (
            "[gate]\nrefuse = \"reject\"",
            "`gate.refuse`",
            "\"reset\" or \"drop\"",
        ),
        (
            "[portal]\nlisten_port = 0",
            "`portal.listen_port` is 0",
            "1 to 65535",
        ),
        ("[gate]\ndevices = 4194305", "4194305", "1 to 4194304"),
        (
            "[gate]\nresolvers = \"9.9.9.9\"",
            "`gate.resolvers` must be a list",
            "not a text",
        ),
        (
            "[gate]\nresolvers = [9]",
            "`gate.resolvers` must be a text in quotes",
            "not a whole number",
        ),
        (
            "[gate]\nblock = [\"02:00:00:00:00:01 x\"]",
            "02:00:00:00:00:01 x",
            "zone from 0 to 65535",
        ),
        (
            "[gate]\nblock = [\"020000000001\", \"02-00-00-00-00-01 0\"]",
            "02:00:00:00:00:01 twice",
            "remove one",
        ),
        (
            "[[gate.garden]]\nports = [80]",
            "`gate.garden.prefix` is missing",
            "name a network",
        ),
        (
            "[[gate.garden]]\nprefix = \"10.1.0.0/8\"",
            "10.0.0.0/8",
            "longer prefix",
        ),
        (
            "[[gate.garden]]\nprefix = \"::1\"\nports = []",
            "has 0 values",
            "1 to 4",
        ),
        ("[[interface]]\nname = \"g\"", "\"g\" twice", "remove one"),
        (
            "[[interface]]\nname = \"sixteen-letters-\"",
            "sixteen-letters-",
            "1 to 15 characters",
        ),
        (
            "[[zone]]\nnumber = 0",
            "`zone.business_id` is missing",
            "BusinessId",
        ),
        ("[codes]\nalphabet = \"AaB\"", "AaB", "case does not count"),
        ("[administrator]\nemail = \"admin\"", "admin", "e-mail address"),
        (
            "[administrator]\npassword_file = \"\"",
            "password_file",
            "not empty",
        ),
        ("gate = 1", "`interface.gate` is not a setting", "`name`, `zone`"),
        (
            "[gate]\ndevices = 1\ndevices = 2",
            "6: not valid TOML",
            "duplicate key",
        ),
        ("[api", "4: not valid TOML", ""),
        (
            "[gate]\ndevices = 99999999999999999999999999",
            "99999999999999999999999999",
            "1 to 4194304",
        ),
    ];
    for (text, names, way_out) in cases {
        let found = problems(&format!("{LEAST}{text}\n"));
        assert_eq!(found.len(), 1, "{text}: {found:#?}");
        assert!(
            found[0].contains(names) && found[0].contains(way_out),
            "{text}: {found:?}"
        );
    }
}

#[test]
fn syntax_and_values_are_reported_together() {
    let found = problems("data = \"/d\"\ndata = 1\n[[interface]]\nname = \"g\"\nzone = -1\n");
    assert!(
        found.first().unwrap().starts_with("2: not valid TOML"),
        "{found:?}"
    );
    assert!(
        found.last().unwrap().starts_with("5: `interface.zone` is -1"),
        "{found:?}"
    );
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

#[test]
fn an_unreadable_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.toml");
    let error = Config::load(&path).unwrap_err().to_string();
    assert!(error.contains("none.toml:0: cannot be read"), "{error}");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(
        Config::load(&path)
            .unwrap_err()
            .to_string()
            .contains("cannot be read")
    );
    std::fs::write(&path, LEAST).unwrap();
    Config::load(&path).unwrap();
}

proptest! {
    #[test]
    fn no_text_panics(text: String) {
        let _ = parse(&text);
    }

    /// Any line of the example replaced by any text: a verdict, never a panic.
    #[test]
    fn no_damaged_example_panics(line in 0usize..90, with in "[a-z\\[\\]={}\",0-9. :\\n-]{0,40}") {
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
