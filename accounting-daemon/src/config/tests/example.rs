//! The documented example is the whole truth.

use super::*;

/// "The wall clock is trusted when the kernel says it is synchronised (`adjtimex`), or when there is an RTC, the time
/// is not before the persisted floor and `trust_rtc` is on (default: on where an RTC exists)."
/// "Exportable as JSON and CSV, kept for `retention` (default 1 year)."
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
        ("[codes]", vec!["length", "alphabet"]),
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
