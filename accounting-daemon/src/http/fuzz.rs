//! See [`crate::fuzz`].

use std::{borrow::Cow, sync::LazyLock};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hyper::{
    Request,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};
use serde_json::Value;

use super::{
    accept::{self, Preferred},
    auth::{Basic, Credentials},
    body,
    fields::{BodyError, Fields},
    form::{self, FormError},
    json::{self, JsonError},
    router::{Found, Router},
    times,
    tokens::fuzz as tokens,
};

/// The ordinary parser reads the same, unless a key is there twice: then it has fewer members than there are colons.
pub(crate) fn json(bytes: &[u8]) {
    let ordinary: Result<Value, _> = serde_json::from_slice(bytes);
    let once = |ordinary: &Value| colons(bytes) == members_of(ordinary);
    match (json::parse(bytes), ordinary) {
        (Ok(members), Ok(ordinary)) => {
            assert!(once(&ordinary), "a key is there twice");
            assert_eq!(ordinary, Value::Object(members));
        }
        (Err(JsonError::NotAnObject), Ok(ordinary)) => assert!(!ordinary.is_object()),
        (Err(JsonError::Syntax(error)), Ok(ordinary)) => assert!(!once(&ordinary), "{error}"),
        (Err(JsonError::Syntax(_)), Err(_)) => {}
        (_, Err(error)) => panic!("it is not JSON: {error}"),
    }
    tokens::draft(|| Fields::json(bytes));
    members(|| Fields::json(bytes));
}

/// Colons outside of texts.
fn colons(json: &[u8]) -> usize {
    let (mut colons, mut text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => text = !text,
            b':' if !text => colons += 1,
            _ => {}
        }
    }
    colons
}

/// Members at any depth.
fn members_of(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.len() + members.values().map(members_of).sum::<usize>(),
        Value::Array(values) => values.iter().map(members_of).sum(),
        _ => 0,
    }
}

/// The ordinary parser reads the same, and what is written again is read again.
pub(crate) fn form(bytes: &[u8]) {
    let ordinary: Vec<(Cow<'_, str>, Cow<'_, str>)> = form_urlencoded::parse(bytes).collect();
    match form::pairs(bytes) {
        Ok(fields) => {
            let read = fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let expected = ordinary.iter().map(|(name, value)| (&**name, &**value));
            assert!(read.eq(expected), "{fields:?} {ordinary:?}");
            let mut again = form_urlencoded::Serializer::new(String::new());
            let again = again.extend_pairs(&fields).finish();
            assert_eq!(form::pairs(again.as_bytes()).as_ref(), Ok(&fields));
        }
        Err(error) => {
            assert_eq!(error, FormError::NotUtf8);
            let replaced = |text: &str| text.contains('\u{fffd}');
            assert!(
                ordinary
                    .iter()
                    .any(|(name, value)| replaced(name) || replaced(value))
            );
        }
    }
    tokens::draft(|| Fields::form(bytes));
    members(|| Fields::form(bytes));
}

/// Each member as each kind; what is taken is shown as what is taken again.
fn members(fields: impl Fn() -> Result<Fields, BodyError>) {
    let Ok(mut fields) = fields() else { return };
    for name in [
        "AccessCode",
        "MacAddress",
        "Zone",
        "Takeover",
        "MinutesLeft",
        "ValidTo",
        "BookingGuid",
    ] {
        let _ = fields.text(name, 100);
        if let Some(mac) = fields.mac(name) {
            assert!(mac.is_unicast() && mac.to_string().parse() == Ok(mac));
        }
        if let Some(number) = fields.integer::<u16>(name, 7, 65_535) {
            assert!(number >= 7);
        }
        let _ = fields.flag(name);
        if let Some(time) = fields.time(name) {
            shown_again(time);
        }
        let _ = fields.uuid(name);
    }
    let _ = fields.into_errors();
}

/// What is shown is what was meant.
fn shown_again(time: i64) {
    let shown = times::show(time).unwrap_or_default();
    assert_eq!(times::parse(&shown), Some(time), "{shown}");
}

pub(crate) fn table(bytes: &[u8]) {
    tokens::table(bytes);
}

pub(crate) fn query(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    tokens::list(text);
    for name in ["From", "After", "Size", "Zone"] {
        if let Ok(Some(value)) = form::parameter(Some(text), name)
            && let Some(time) = times::parse(&value)
        {
            shown_again(time);
        }
    }
}

static ROUTER: LazyLock<Option<Router>> = LazyLock::new(|| Router::new().ok());

/// The head of a request to the API.
pub(crate) fn head(request: &Request<()>) {
    let headers = request.headers();
    if let Some(Credentials::Basic(basic)) = headers.get(AUTHORIZATION).and_then(Credentials::read) {
        assert!(!basic.name.contains(':'));
        let shown = format!("{}:{}", basic.name, *basic.password);
        let header = HeaderValue::try_from(format!("bAsIc {}", BASE64_STANDARD.encode(shown)));
        let again = header.ok().and_then(|header| Credentials::read(&header));
        let same = |again: &Basic| again.name == basic.name && again.password == basic.password;
        assert!(
            matches!(again, Some(Credentials::Basic(again)) if same(&again)),
            "somebody else"
        );
    }
    let offered = ["application/json", "text/csv"];
    if let Preferred::Place(place) = accept::preferred(headers.get_all(ACCEPT), &offered) {
        assert!(place < offered.len());
    }
    let _ = body::media_type(headers);
    let Some(router) = &*ROUTER else { return };
    let path = request.uri().path();
    match router.find(request.method(), path) {
        Found::Endpoint { endpoint, variable } => {
            let stands = endpoint
                .path
                .split_once('{')
                .map_or(endpoint.path, |(before, _)| before);
            assert!(path.starts_with(stands) && path.contains(&variable), "{path}");
        }
        Found::WrongMethod { allow, .. } => {
            assert!(
                !allow
                    .split(", ")
                    .any(|method| method == request.method().as_str())
            );
        }
        Found::Nothing => {}
    }
}
