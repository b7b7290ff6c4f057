//! The readers of what strangers send, for the fuzz targets: each takes any bytes. None may panic but for what it finds: besides that,
//! two readers of the same bytes are compared, and what is written is read again.

use std::{collections::BTreeSet, path::Path};

use hyper::{
    Request,
    header::{HeaderName, HeaderValue},
};

use crate::{
    config::{Config, INTERFACES_MAX, RESOLVERS_MAX},
    gate::{self, NAMES_MAX},
    http,
    ledger::{AccessCode, Class},
    portal, store,
};

/// The head of a request, to the API and to the portal: a line with method and target, then headers.
pub fn head(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut first = lines.next().unwrap_or_default().splitn(2, |byte| *byte == b' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            return;
        };
        let (name, value) = (
            HeaderName::from_bytes(&line[..colon]),
            HeaderValue::from_bytes(line[colon + 1..].trim_ascii()),
        );
        let (Ok(name), Ok(value)) = (name, value) else {
            return;
        };
        request = request.header(name, value);
    }
    if let Ok(request) = request.body(()) {
        http::fuzz::head(&request);
        portal::fuzz::head(&request);
    }
}

/// The body of a request in JSON, as a new token and as each kind of member.
pub fn json(bytes: &[u8]) {
    http::fuzz::json(bytes);
}

/// The same as a form.
pub fn form(bytes: &[u8]) {
    http::fuzz::form(bytes);
}

/// A table of tokens to import.
pub fn table(bytes: &[u8]) {
    http::fuzz::table(bytes);
}

/// What a resolver answers, read for the walled garden.
pub fn answers(bytes: &[u8]) {
    gate::fuzz_answers(bytes);
}

/// The query of a list, and parameters and times of others.
pub fn query(bytes: &[u8]) {
    http::fuzz::query(bytes);
}

/// A configuration that is taken holds what it says of itself; a comment at its end changes nothing.
///
/// # Panics
/// Where it does not: that is what the fuzzer looks for.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parse = |text: &str| Config::parse(Path::new("fuzz.toml"), text, true);
    match parse(text) {
        Ok(config) => {
            check(&config);
            let again = parse(&format!("{text}\n# end\n"));
            assert!(again.is_ok_and(|again| again == config), "a comment changes it");
        }
        Err(errors) => {
            let shown = errors.to_string();
            let lines = 1 + text.lines().count();
            let line = |shown: &str| shown.strip_prefix("fuzz.toml:")?.split(':').next()?.parse().ok();
            let mut named = shown.lines().filter_map(line);
            assert!(
                !shown.is_empty() && named.all(|line: usize| line <= lines),
                "{shown}"
            );
        }
    }
}

fn check(config: &Config) {
    let names: BTreeSet<&str> = config
        .interfaces
        .iter()
        .map(|interface| interface.name.as_str())
        .collect();
    assert!((1..=INTERFACES_MAX).contains(&names.len()) && names.len() == config.interfaces.len());
    let zones = config.zone_numbers();
    assert!(
        config.zones.keys().all(|zone| zones.contains(zone)),
        "a zone that is nowhere"
    );
    let gate = &config.gate;
    let mut listed = gate.bypass.iter().chain(&gate.block);
    assert!(listed.all(|device| zones.contains(&device.zone) && device.mac.is_unicast()));
    assert!(
        gate.garden
            .iter()
            .all(|garden| garden.prefix == garden.prefix.trunc())
    );
    assert!(gate.names.len() <= NAMES_MAX && gate.resolvers.len() <= RESOLVERS_MAX);
    for class in Class::ALL.map(|class| config.codes.class(class)) {
        let folded = AccessCode::new(class.alphabet.as_str()).map(|alphabet| alphabet.folded());
        let different = folded.map(|folded| folded.as_str().chars().collect::<BTreeSet<_>>().len());
        assert!((8..=64).contains(&class.alphabet.len()) && different == Ok(class.alphabet.len()));
        assert!((4..=32).contains(&class.length));
    }
}

/// A row of the store, its kind in the first byte.
pub fn rows(bytes: &[u8]) {
    store::fuzz::rows(bytes);
}
