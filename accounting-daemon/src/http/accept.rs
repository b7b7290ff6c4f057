//! `Accept`: which of the media types that can be given is wanted.

use hyper::header::HeaderValue;

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preferred {
    /// The one at this place of the list.
    Place(usize),
    /// None of them.
    Nothing,
}

/// The media type that is wanted most; the first of equals. Without a header, or with one that cannot be read, the first.
pub(super) fn preferred<'a>(
    headers: impl IntoIterator<Item = &'a HeaderValue>,
    offered: &[&str],
) -> Preferred {
    let mut ranges = Vec::new();
    for header in headers {
        let Ok(text) = header.to_str() else {
            return Preferred::Place(0);
        };
        ranges.extend(text.split(',').filter_map(range));
    }
    if ranges.is_empty() {
        return Preferred::Place(0);
    }
    let mut best = (0, Preferred::Nothing);
    for (place, media_type) in offered.iter().enumerate() {
        let quality = quality(&ranges, media_type);
        if quality > best.0 {
            best = (quality, Preferred::Place(place));
        }
    }
    best.1
}

/// A range and its weight in thousandths.
fn range(text: &str) -> Option<(String, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().filter(|media_type| media_type.contains('/'))?;
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| thousandths(value.trim()))
    });
    Some((media_type.to_ascii_lowercase(), weight.unwrap_or(1000)))
}

/// `1`, `0.5`, `0.125`; what is none counts as 1.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, digits.parse::<u32>()) {
        ("0", Ok(thousandths)) => thousandths,
        _ => 1000,
    }
}

/// The weight by the most special range that fits; 0: not wanted.
fn quality(ranges: &[(String, u32)], media_type: &str) -> u32 {
    let kind = media_type.split('/').next().unwrap_or_default();
    let fitting = ranges.iter().filter_map(|(range, weight)| {
        let special = match range.as_str() {
            "*/*" => 0,
            _ if range.strip_suffix("/*") == Some(kind) => 1,
            _ if range == media_type => 2,
            _ => return None,
        };
        Some((special, *weight))
    });
    fitting.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(accept: &'static str) -> Preferred {
        let header = HeaderValue::from_static(accept);
        preferred([&header], &["application/json", "text/csv"])
    }

    #[test]
    fn the_weight_decides_then_the_order() {
        let none: [&HeaderValue; 0] = [];
        assert_eq!(preferred(none, &["a/b"]), Preferred::Place(0));
        for first in [
            "",
            "*/*",
            "application/json",
            "text/csv;q=0.5, application/json",
            "application/*, */*;q=0.1",
            "text/csv;q=0, */*",
            "TEXT/csv;q=0.5, Application/JSON;q=0.6",
        ] {
            assert_eq!(of(first), Preferred::Place(0), "{first}");
        }
        for second in [
            "text/csv",
            "text/*",
            "text/csv, application/json;q=0.9",
            "*/*;q=0.1, text/csv;q=0.2",
            "application/json;q=0, */*",
        ] {
            assert_eq!(of(second), Preferred::Place(1), "{second}");
        }
        for none in [
            "image/png",
            "text/html, image/*",
            "*/*;q=0",
            "application/json;q=0.000",
        ] {
            assert_eq!(of(none), Preferred::Nothing, "{none}");
        }
    }
}
