//! The credentials of an `Authorization` header: Basic (RFC 7617) or Bearer (RFC 6750).

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

/// The longest name, password and token, in bytes.
pub(in crate::http) const BYTES_MAX: usize = 1024;

/// What somebody shows; has no `Debug`.
pub(in crate::http) enum Credentials {
    Basic(Basic),
    Bearer(Zeroizing<String>),
}

/// A name and a password; has no `Debug`.
pub(in crate::http) struct Basic {
    pub(in crate::http) name: String,
    pub(in crate::http) password: Zeroizing<String>,
}

impl Credentials {
    /// Reads a header; `None` for another scheme and for what cannot be read.
    pub(in crate::http) fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, rest) = header.to_str().ok()?.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("Bearer") {
            let fits = !rest.is_empty() && rest.len() <= BYTES_MAX;
            return fits.then(|| Self::Bearer(Zeroizing::new(rest.to_owned())));
        }
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(rest).ok()?);
        let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        if name.len() > BYTES_MAX || password.len() > BYTES_MAX {
            return None;
        }
        Some(Self::Basic(Basic {
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let header = HeaderValue::from_str(text).unwrap();
        match Credentials::read(&header)? {
            Credentials::Basic(basic) => Some((basic.name, basic.password.to_string())),
            Credentials::Bearer(token) => Some(("Bearer".to_owned(), token.to_string())),
        }
    }

    #[test]
    fn the_name_ends_at_the_first_colon() {
        let encoded = BASE64_STANDARD.encode("a@b:p:w\u{e9}");
        let expected = Some(("a@b".to_owned(), "p:w\u{e9}".to_owned()));
        assert_eq!(read(&format!("Basic {encoded}")), expected);
        assert_eq!(read(&format!("bASIC {encoded}")), expected);
    }

    #[test]
    fn a_bearer_has_a_token() {
        let expected = Some(("Bearer".to_owned(), "aB-_9".to_owned()));
        assert_eq!(read("Bearer aB-_9"), expected);
        assert_eq!(read("bearer  aB-_9"), expected);
    }

    #[test]
    fn anything_else_is_nobody() {
        for text in [
            "",
            "Basic",
            "Basic !",
            "Basic YWJj",
            "Basic /////w==",
            "Bearer",
            "Bearer  ",
            "Digest YTpi",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let long = "x".repeat(BYTES_MAX + 1);
        assert_eq!(
            read(&format!("Basic {}", BASE64_STANDARD.encode(format!("a:{long}")))),
            None
        );
        assert_eq!(read(&format!("Bearer {long}")), None);
    }
}
