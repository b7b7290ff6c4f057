//! The readers of what strangers send, for the fuzz targets: each takes any bytes. None may panic but for what it finds: besides that,
//! two readers of the same bytes are compared, and what is written is read again.

use std::path::Path;

use hyper::{
    Request,
    header::{HeaderName, HeaderValue},
};

use crate::{config::Config, gate, http, portal, store};

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

/// A configuration: a comment at its end changes nothing.
///
/// # Panics
/// It does: that is what the fuzzer looks for.
pub fn config(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let parse =
        |text: &str| Config::parse(Path::new("fuzz.toml"), text, true).map_err(|errors| errors.to_string());
    let read = parse(text);
    match &read {
        Ok(config) => drop(crate::app::rules(config)),
        Err(errors) => assert!(!errors.is_empty(), "a problem without a word"),
    }
    // At the end of a text that is none, it could be in the middle of a value.
    if read.is_ok() {
        assert_eq!(parse(&format!("{text}\n# end\n")), read);
    }
}

/// A row of the store, its kind in the first byte.
pub fn rows(bytes: &[u8]) {
    store::fuzz::rows(bytes);
}
