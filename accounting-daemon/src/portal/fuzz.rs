//! See [`crate::fuzz`].

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::LazyLock,
};

use hyper::{
    HeaderMap, Request,
    header::{COOKIE, HeaderValue, ORIGIN},
    http::request::Parts,
};

use super::{
    Found, Guest, Target, cookie,
    destination::Destination,
    form_of, host,
    language::{self, Languages},
    origin, route,
};
use crate::{
    gate::status::GateStatus,
    mac::{DeviceId, Mac},
};

/// The gateway's own address.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 1));
const URL: &str = "https://wifi.example.org:8443";

static LANGUAGES: LazyLock<Option<Languages>> = LazyLock::new(|| Languages::built_in().ok());

/// The portal is found under its own names only, and what a browser sends back is what it was given.
pub(crate) fn head(request: &Request<()>) {
    let gate = GateStatus {
        addresses: vec![OWN],
        ..GateStatus::default()
    };
    for (redirected, secure, url) in [
        (false, false, None),
        (false, true, Some(URL)),
        (true, false, None),
    ] {
        let guest = guest(redirected, secure);
        let found = route::find(request, &guest, &gate, url);
        let host = host::of(request.uri(), request.headers());
        let own = host.is_ok_and(|host| is_portal(host.as_str(), url.is_some()));
        match found {
            Found::Elsewhere(to) => {
                let wanted = to.and_then(|to| Destination::of_request(&to, request.uri()));
                wanted.iter().for_each(leads_where_it_says);
            }
            Found::BadHost | Found::Get(Target::Captive) | Found::NotAllowed("GET, HEAD") => {}
            found => assert!(own && !redirected, "{found:?} under another name"),
        }
    }
    let (parts, ()) = request.clone().into_parts();
    for url in [None, Some(URL)] {
        if let Some(claimed) = parts.headers.get(ORIGIN)
            && origin::is_own(&parts, &gate, url)
        {
            let claimed = claimed
                .to_str()
                .ok()
                .and_then(|claimed| claimed.split_once("://"));
            let own = claimed.is_some_and(|(_, host)| is_portal(host, url.is_some()));
            assert!(own, "a foreign origin");
        }
    }
    if let Some(languages) = &*LANGUAGES {
        let chosen = languages.of_request(&parts);
        assert!(cookie::language(&chosen.tag).is_some());
    }
    secret(&parts);
    let query = form_of(parts.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    for (_, value) in &query {
        Destination::new(value).iter().for_each(leads_where_it_says);
    }
    let _ = language::asked(&parts);
}

/// Whether a host, with its port or without, is the gateway's address, also to itself, or the name of its URL.
fn is_portal(host: &str, named: bool) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let literal = name.trim_start_matches('[').trim_end_matches(']');
    let address = literal.parse().map(|address: IpAddr| address.to_canonical());
    address.is_ok_and(|address| address == OWN || address.is_loopback())
        || named && name.eq_ignore_ascii_case("wifi.example.org")
}

fn guest(redirected: bool, secure: bool) -> Guest {
    Guest {
        device: DeviceId {
            mac: Mac([2, 0, 0, 0, 0, 7]),
            zone: 0,
        },
        address: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 9)),
        asked: SocketAddr::new(OWN, 8880),
        redirected,
        secure,
    }
}

/// A secret that a browser sends is the one that it was given.
fn secret(parts: &Parts) {
    let Some(secret) = cookie::Secret::of(&parts.headers) else {
        return;
    };
    let given = secret.header(1, true);
    let text = given
        .as_ref()
        .and_then(|given| given.to_str().ok()?.split(';').next());
    let value = text.and_then(|text| HeaderValue::from_str(text).ok());
    let again = value.and_then(|value| cookie::Secret::of(&HeaderMap::from_iter([(COOKIE, value)])));
    assert!(
        again.is_some_and(|again| again.digest() == secret.digest()),
        "another secret"
    );
}

/// A link leads to the host that people are shown, and a header can hold it.
fn leads_where_it_says(destination: &Destination) {
    let Destination { url, host } = destination;
    assert!(HeaderValue::from_str(url).is_ok());
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    assert!(
        ["http", "https"]
            .iter()
            .any(|known| known.eq_ignore_ascii_case(scheme)),
        "{url}"
    );
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let port = authority.strip_prefix(host.as_str());
    let is_port = |port: &str| {
        port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    assert!(port.is_some_and(is_port), "{url} is shown as {host}");
}
