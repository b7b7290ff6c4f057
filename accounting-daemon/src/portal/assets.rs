//! What belongs to the pages: style, script, pictures. The same for everybody, so browsers may keep it.

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue},
    http::request::Parts,
};

use super::pages::{self, Pages};
use crate::http::answer::{self, Answer};

/// The script of the countdown; pages work without it.
pub(super) const SCRIPT: &str = include_str!("assets/countdown.js");

/// Something that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asset {
    Style,
    Script,
    Icon,
    Logo,
}

impl Asset {
    pub(super) fn of(path: &str) -> Option<Self> {
        match path {
            "/assets/style.css" => Some(Self::Style),
            "/assets/countdown.js" => Some(Self::Script),
            "/assets/icon.svg" | "/favicon.ico" => Some(Self::Icon),
            "/assets/logo" => Some(Self::Logo),
            _ => None,
        }
    }
}

/// An asset; pages name it with a version, so that a new one is fetched.
pub(super) fn answer(pages: &Pages, head: &Parts, asset: Asset) -> Answer {
    let (media_type, bytes) = match asset {
        Asset::Style => ("text/css; charset=utf-8", pages.style.clone()),
        Asset::Script => ("text/javascript; charset=utf-8", SCRIPT.into()),
        Asset::Icon => ("image/svg+xml", pages.icon.clone()),
        Asset::Logo => match &pages.logo {
            Some((media_type, bytes)) => (*media_type, bytes.clone()),
            None => return pages::bare(StatusCode::NOT_FOUND),
        },
    };
    let answer = pages::guarded(answer::bytes(StatusCode::OK, media_type, bytes));
    // A picture that is opened by itself runs no script.
    let policy = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");
    let answer = answer::with(answer, CONTENT_SECURITY_POLICY, policy);
    let kept = if head.uri.query().is_some_and(|query| query.starts_with("v=")) {
        "public, max-age=604800, immutable"
    } else {
        "public, max-age=3600"
    };
    answer::with(answer, CACHE_CONTROL, HeaderValue::from_static(kept))
}
