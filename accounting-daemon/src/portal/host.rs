//! Under which names the portal goes, and whether a request means it. What a client says in `Host` is compared with that
//! and shown to nobody.

use std::net::IpAddr;

use hyper::{
    HeaderMap, Uri,
    header::HOST,
    http::uri::{Authority, Scheme},
};

use super::Guest;
use crate::gate::status::GateStatus;

/// The host that a request is for: of its target where that is absolute, else of its one `Host` header.
///
/// # Errors
/// `()` for none, several, and what is no host.
pub(super) fn of(uri: &Uri, headers: &HeaderMap) -> Result<Authority, ()> {
    if let Some(authority) = uri.authority() {
        return plain(authority.clone());
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(());
    };
    plain(Authority::try_from(host.as_bytes()).map_err(|_| ())?)
}

fn plain(authority: Authority) -> Result<Authority, ()> {
    if is_plain(&authority) {
        Ok(authority)
    } else {
        Err(())
    }
}

/// Whether this is a host, with a port or without one, and nothing else: what follows the host need not be a port for the type.
pub(super) fn is_plain(authority: &Authority) -> bool {
    let text = authority.as_str();
    let port = text.strip_prefix(authority.host());
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    !authority.host().is_empty()
        && port.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// Whether this is the portal: an address of the gateway, or the host of the configured URL.
pub(super) fn is_own(host: &Authority, gate: &GateStatus, url: Option<&str>) -> bool {
    let name = host.host();
    let literal = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'))
        .unwrap_or(name);
    if let Ok(address) = literal.parse::<IpAddr>() {
        return gate.has_address(address.to_canonical());
    }
    let own = url.and_then(|url| url.parse::<Uri>().ok());
    own.as_ref()
        .and_then(Uri::host)
        .is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// Scheme, host and port under which a guest reaches the portal.
pub(super) fn base(url: Option<&str>, port: u16, guest: &Guest, gate: &GateStatus) -> String {
    if let Some(url) = url {
        return url.to_owned();
    }
    let scheme = if guest.secure { Scheme::HTTPS } else { Scheme::HTTP };
    let first = || gate.addresses.first().copied();
    match guest.nearest().or_else(first) {
        Some(IpAddr::V4(address)) => format!("{scheme}://{address}:{port}"),
        Some(IpAddr::V6(address)) => format!("{scheme}://[{address}]:{port}"),
        None => format!("{scheme}://localhost:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn gate() -> GateStatus {
        GateStatus {
            addresses: vec!["10.77.0.1".parse().unwrap(), "2001:db8:77::1".parse().unwrap()],
            ..GateStatus::default()
        }
    }

    #[test]
    fn own_are_the_gateways_addresses_and_the_configured_host() {
        let own = |host: &str| {
            let url = Some("https://WiFi.example.org:8443");
            is_own(&Authority::try_from(host).unwrap(), &gate(), url)
        };
        for host in [
            "10.77.0.1",
            "10.77.0.1:8880",
            "[2001:db8:77::1]:8880",
            "wifi.Example.org",
        ] {
            assert!(own(host), "{host}");
        }
        for host in [
            "10.77.0.2",
            "example.org",
            "wifi.example.org.evil.test",
            "[2001:db8:77::2]",
        ] {
            assert!(!own(host), "{host}");
        }
    }

    #[test]
    fn there_is_one_host_and_it_is_a_host() {
        let of_headers = |hosts: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            of(&Uri::from_static("/"), &headers).map(|host| host.to_string())
        };
        assert_eq!(of_headers(&["a.test:80"]), Ok("a.test:80".to_owned()));
        for hosts in [
            &[][..],
            &["a.test", "b.test"],
            &["user@a.test"],
            &["a b"],
            &["<script>"],
            &["a.test:~80"],
            &["a.test:80x"],
            &["a.test:65536"],
            &[""],
        ] {
            assert_eq!(of_headers(hosts), Err(()), "{hosts:?}");
        }
        let absolute = of(&Uri::from_static("http://c.test/x"), &HeaderMap::new());
        assert_eq!(absolute.map(|host| host.to_string()), Ok("c.test".to_owned()));
    }
}
