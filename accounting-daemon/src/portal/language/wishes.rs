//! What a browser says of the languages of its user.

use hyper::{header::ACCEPT_LANGUAGE, http::request::Parts};

/// Languages of an `Accept-Language` header that are looked at.
const WISHES_MAX: usize = 16;

/// The tags of the header, the most wanted first; of equals the first.
pub(super) fn of(head: &Parts) -> Vec<&str> {
    let header = head.headers.get(ACCEPT_LANGUAGE);
    let header = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    let mut wishes: Vec<(u32, &str)> = header.split(',').take(WISHES_MAX).filter_map(wish).collect();
    wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wishes.into_iter().map(|(_, tag)| tag).collect()
}

/// A tag with its weight in thousandths; `None` where it is not wanted or not understood.
fn wish(text: &str) -> Option<(u32, &str)> {
    let mut parts = text.split(';').map(str::trim);
    let tag = parts.next()?;
    let weight = match parts.find_map(|part| part.strip_prefix("q=")) {
        None => 1.0,
        Some(q) => q.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q))?,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    let weight = (weight * 1_000.0) as u32;
    (weight > 0).then_some((weight, tag))
}
