//! Where a guest wanted to go before the portal came in between. It is only ever shown as a link that the guest may
//! follow, never followed for them.

use hyper::Uri;

use super::{host, probe};

/// The longest address that is kept, in bytes.
const BYTES_MAX: usize = 1024;

/// An address of the web that may be shown as a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Destination {
    /// The whole address.
    pub(super) url: String,
    /// Its host, for people.
    pub(super) host: String,
}

impl Destination {
    /// Takes http and https with a plain host; nothing of a probe, and nothing that could be read in two ways.
    pub(super) fn new(text: &str) -> Option<Self> {
        let odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'`');
        if text.len() > BYTES_MAX || text.bytes().any(odd) {
            return None;
        }
        let uri: Uri = text.parse().ok()?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return None;
        }
        let authority = uri.authority()?;
        let host = authority.host();
        if !host::is_plain(authority) {
            return None;
        }
        if probe::is_host(host) || probe::find(host, uri.path()).is_some() {
            return None;
        }
        Some(Self {
            url: text.to_owned(),
            host: host.to_owned(),
        })
    }

    /// What a request to another server was for.
    pub(super) fn of_request(host: &str, uri: &Uri) -> Option<Self> {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Self::new(&format!("http://{host}{path}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn web_addresses_are_taken() {
        for (text, host) in [
            ("http://example.org", "example.org"),
            ("https://example.org:8443/a?b=c&d=%20", "example.org"),
            ("http://[2001:db8::1]/", "[2001:db8::1]"),
        ] {
            let destination = Destination::new(text).unwrap();
            assert_eq!(
                (destination.url.as_str(), destination.host.as_str()),
                (text, host)
            );
        }
    }

    #[test]
    fn everything_else_is_dropped() {
        for text in [
            "",
            "/",
            "//evil.test/",
            "javascript:alert(1)",
            "JavaScript://example.org/%0aalert(1)",
            "data:text/html,<script>alert(1)</script>",
            "http:/evil.test",
            "http:evil.test",
            "http://",
            "http://good.test@evil.test/",
            "http://good.test\\@evil.test/",
            "http://example.org:~80/",
            "http://example.org:65536/",
            "http://evil.test/\u{202e}gpj.exe",
            "http://evil.test/\r\nSet-Cookie: a=b",
            "http://evil.test/\"onmouseover=alert(1)",
            " http://evil.test/",
            "ftp://example.org/",
            "http://captive.apple.com/hotspot-detect.html",
            "http://www.google.com/gen_204",
            "http://CAPTIVE.apple.com./",
            "http://connectivity.samsung.com.cn/generate_204",
        ] {
            assert_eq!(Destination::new(text), None, "{text}");
        }
        assert_eq!(
            Destination::new(&format!("http://example.org/{}", "a".repeat(BYTES_MAX))),
            None
        );
    }

    proptest! {
        #[test]
        fn what_is_taken_is_of_the_web(text: String) {
            if let Some(destination) = Destination::new(&text) {
                prop_assert!(destination.url.starts_with("http") && !destination.host.is_empty());
            }
        }
    }
}
