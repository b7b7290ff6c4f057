//! The credentials of an `Authorization: Basic` header (RFC 7617).

use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::header::HeaderValue;
use zeroize::Zeroizing;

/// The longest name and the longest password, in bytes.
const BYTES_MAX: usize = 1024;

/// A name and a password; has no `Debug`.
pub(super) struct Credentials {
    pub(super) email: String,
    pub(super) password: Zeroizing<String>,
}

impl Credentials {
    /// Reads a header; `None` for another scheme and for what cannot be read.
    pub(super) fn read(header: &HeaderValue) -> Option<Self> {
        let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
        let (email, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        if email.len() > BYTES_MAX || password.len() > BYTES_MAX {
            return None;
        }
        Some(Self {
            email: email.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        let header = HeaderValue::from_str(text).unwrap();
        Credentials::read(&header).map(|c| (c.email.clone(), c.password.to_string()))
    }

    #[test]
    fn the_name_ends_at_the_first_colon() {
        let encoded = BASE64_STANDARD.encode("a@b:p:w\u{e9}");
        let expected = Some(("a@b".to_owned(), "p:w\u{e9}".to_owned()));
        assert_eq!(read(&format!("Basic {encoded}")), expected);
        assert_eq!(read(&format!("bASIC {encoded}")), expected);
    }

    #[test]
    fn anything_else_is_nobody() {
        for text in [
            "",
            "Basic",
            "Basic !",
            "Basic YWJj",
            "Basic /////w==",
            "Bearer YTpi",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        let long = BASE64_STANDARD.encode(format!("a:{}", "x".repeat(BYTES_MAX + 1)));
        assert_eq!(read(&format!("Basic {long}")), None);
    }
}
