//! Times on the wire: `2025-01-15T10:30:00Z`, whole seconds of UTC. Inside they are milliseconds since 1970.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// The last year that is taken.
const YEAR_MAX: &str = "9999-12-31T23:59:59Z";

/// What a time must look like, for messages.
pub(super) const WANTED: &str = "must be a time from 1970 to 9999 such as 2025-01-15T10:30:00Z";

/// Reads a time with an offset, or without one as UTC; the seconds, and the time of day, may be left out. Fractions of
/// a second are dropped, so that what is shown is what holds. `None` for anything else and for years before 1970 or
/// after 9999.
pub(super) fn parse(text: &str) -> Option<i64> {
    let seconds = with_offset(text).or_else(|| without_offset(text))?;
    let last = DateTime::parse_from_rfc3339(YEAR_MAX).ok()?.timestamp();
    (0..=last).contains(&seconds).then_some(seconds * 1000)
}

/// A time as it is shown; `None` only for times that no record can hold.
pub(super) fn show(ms: i64) -> Option<String> {
    let time = DateTime::from_timestamp_millis(ms)?;
    Some(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn with_offset(text: &str) -> Option<i64> {
    let forms = ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"];
    let time = forms
        .iter()
        .find_map(|form| DateTime::parse_from_str(text, form).ok());
    Some(
        time.or_else(|| DateTime::parse_from_rfc3339(text).ok())?
            .timestamp(),
    )
}

fn without_offset(text: &str) -> Option<i64> {
    let forms = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%d %H:%M",
    ];
    let time = forms
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    Some(time.or_else(midnight)?.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HALF_PAST_TEN: i64 = 1_736_937_000_000;

    /// "Zone-less input is UTC. Output is UTC with `Z`."
    #[test]
    fn offsets_are_converted_and_zoneless_is_utc() {
        for text in [
            "2025-01-15T10:30:00Z",
            "2025-01-15T10:30:00.999Z",
            "2025-01-15T11:30:00+01:00",
            "2025-01-15T00:30:00-10:00",
            "2025-01-15T10:30:00",
            "2025-01-15T10:30:00.123",
            "2025-01-15T10:30",
            "2025-01-15T10:30Z",
            "2025-01-15T16:15+05:45",
            "2025-01-15 10:30:00",
        ] {
            assert_eq!(parse(text), Some(HALF_PAST_TEN), "{text}");
        }
        assert_eq!(parse("1970-01-01"), Some(0));
    }

    #[test]
    fn absurd_times_are_refused() {
        for text in [
            "",
            "tomorrow",
            "2025-02-29T00:00:00Z",
            "2025-13-01",
            "2025-01-15T25:00:00Z",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59-01:00",
            "10000-01-01T00:00:00Z",
            "+262142-01-01T00:00:00Z",
            "2025-01-15T10:30:00Z ",
            "1736937000",
            "2025-01-15T10:30:00\0Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        /// "Zone-less input is UTC. Output is UTC with `Z`."
        #[test]
        fn what_is_shown_is_read_back(seconds in 0i64..253_402_300_800) {
            let text = show(seconds * 1000).unwrap();
            prop_assert_eq!(text.len(), 20);
            prop_assert_eq!(parse(&text), Some(seconds * 1000));
        }

        #[test]
        fn no_text_panics(text: String, ms: i64) {
            let _ = parse(&text);
            let _ = show(ms);
        }
    }
}
