//! Whether a form was posted by a page of the portal itself.

use hyper::{
    header::{HOST, HeaderValue, ORIGIN},
    http::{request::Parts, uri::Authority},
};

use super::host;
use crate::gate::status::GateStatus;

/// Where a browser says that a request comes from.
const FETCH_SITE: &str = "sec-fetch-site";

/// Whether a request changes something because its own page asked for it. Browsers name the origin of every form that
/// is posted; who names none is no browser, and nobody's cookies or device but its own are at stake.
pub(super) fn is_own(head: &Parts, gate: &GateStatus, url: Option<&str>) -> bool {
    let mut sites = head.headers.get_all(FETCH_SITE).iter();
    if sites.any(|site| site != HeaderValue::from_static("same-origin")) {
        return false;
    }
    let mut origins = head.headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => of(origin).is_some_and(|origin| {
            // The same host and port as the request's own, and that is the portal.
            let host = head.headers.get(HOST).map(HeaderValue::as_bytes);
            host == Some(origin.as_str().as_bytes()) && host::is_own(&origin, gate, url)
        }),
        _ => false,
    }
}

/// Host and port of an origin: nothing follows them (RFC 6454, section 6.2).
fn of(origin: &HeaderValue) -> Option<Authority> {
    let (scheme, authority) = origin.to_str().ok()?.split_once("://")?;
    matches!(scheme, "http" | "https")
        .then(|| authority.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn judged(headers: &[(&'static str, &'static str)]) -> bool {
        let gate = GateStatus {
            addresses: vec!["10.77.0.1".parse().unwrap()],
            ..GateStatus::default()
        };
        let mut request = Request::post("/login").header(HOST, "10.77.0.1:8880");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_own(&request.body(()).unwrap().into_parts().0, &gate, None)
    }

    #[test]
    fn only_the_portals_own_pages_post() {
        assert!(judged(&[("origin", "http://10.77.0.1:8880")]));
        assert!(judged(&[
            ("origin", "http://10.77.0.1:8880"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(judged(&[]), "no browser");
        for wrong in [
            "null",
            "http://evil.test",
            "http://10.77.0.1",
            "http://10.77.0.1:8881",
            "http://10.77.0.1:8880.evil.test",
            "file://10.77.0.1:8880",
            "http://10.77.0.1:8880/",
            "http://10.77.0.1:8880/login",
            "http://10.77.0.1:8880?",
            "http://anna@10.77.0.1:8880",
            "",
        ] {
            assert!(!judged(&[("origin", wrong)]), "{wrong}");
        }
        for site in ["cross-site", "same-site", "none"] {
            assert!(!judged(&[("sec-fetch-site", site)]), "{site}");
        }
        assert!(!judged(&[
            ("origin", "http://10.77.0.1:8880"),
            ("sec-fetch-site", "cross-site")
        ]));
        assert!(!judged(&[
            ("origin", "http://10.77.0.1:8880"),
            ("origin", "http://evil.test")
        ]));
    }
}
