//! Cookies: the secret that lets a browser resume, and the language it asked for.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hyper::{
    HeaderMap,
    header::{COOKIE, HeaderValue},
};
use sha2::{Digest as _, Sha256};

use crate::store::Digest;

/// The name of the secret's cookie.
pub(super) const RESUME: &str = "resume";

/// The name of the language's cookie.
pub(super) const LANGUAGE: &str = "language";

/// Bytes of a secret.
const SECRET: usize = 32;

/// The longest header that is looked at, in bytes.
const BYTES_MAX: usize = 4_096;

/// 256 bits that nobody can guess.
pub(super) struct Secret([u8; SECRET]);

impl Secret {
    /// A new one from the operating system.
    pub(super) fn draw() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; SECRET];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// The one that a browser holds.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = value(headers, RESUME)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(Self(bytes.try_into().ok()?))
    }

    /// What is stored of it.
    pub(super) fn digest(&self) -> Digest {
        Sha256::digest(self.0).into()
    }

    /// Gives it to the browser, which sends it to nobody else and shows it to no script.
    pub(super) fn header(&self, days: u32, secure: bool) -> Option<HeaderValue> {
        let text = URL_SAFE_NO_PAD.encode(self.0);
        let seconds = u64::from(days) * 86_400;
        let secure = if secure { "; Secure" } else { "" };
        let header = format!("{RESUME}={text}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(header).ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Takes a cookie back.
pub(super) fn forget() -> HeaderValue {
    HeaderValue::from_static("resume=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
}

/// Keeps the language, for a year.
pub(super) fn language(name: &str) -> Option<HeaderValue> {
    let header = format!("{LANGUAGE}={name}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    HeaderValue::try_from(header).ok()
}

/// The value of the first cookie of this name.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok());
    let mut cookies = all
        .filter(|header| header.len() <= BYTES_MAX)
        .flat_map(|header| header.split(';'));
    cookies.find_map(|cookie| {
        let (other, value) = cookie.trim().split_once('=')?;
        (other == name).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(text: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(text).unwrap())])
    }

    /// "Resuming without typing the code takes a 256-bit cookie (HttpOnly, stored hashed) given at the redemption."
    #[test]
    fn a_secret_comes_back_as_it_was_given() {
        let secret = Secret::draw().unwrap();
        let header = secret.header(30, true).unwrap();
        let header = header.to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Max-Age=2592000", "Path=/"] {
            assert!(header.contains(part), "{header}");
        }
        let sent = header.split(';').next().unwrap();
        let back = Secret::of(&headers(&format!("a=b; {sent}; c"))).unwrap();
        assert_eq!(back.digest(), secret.digest());
        assert!(!header.contains(&URL_SAFE_NO_PAD.encode(secret.digest())));
        assert!(
            !secret
                .header(30, false)
                .unwrap()
                .to_str()
                .unwrap()
                .contains("Secure")
        );
        assert_ne!(Secret::draw().unwrap().digest(), secret.digest());
    }

    /// "Resuming without typing the code takes a 256-bit cookie (HttpOnly, stored hashed) given at the redemption."
    #[test]
    fn what_is_no_secret_is_none() {
        let short = URL_SAFE_NO_PAD.encode([7; 31]);
        let long = URL_SAFE_NO_PAD.encode([7; 33]);
        for text in ["", "resume=", "resume", "resume=!!!", "other=x"] {
            assert!(Secret::of(&headers(text)).is_none(), "{text}");
        }
        assert!(Secret::of(&headers(&format!("resume={short}"))).is_none());
        assert!(Secret::of(&headers(&format!("resume={long}"))).is_none());
        assert!(Secret::of(&HeaderMap::new()).is_none());
    }
}
