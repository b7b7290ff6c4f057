//! What people type for durations and dates.

use chrono::{DateTime, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};

use crate::clock::Clock;

/// The most minutes that a record holds.
const MINUTES_MAX: u64 = i32::MAX as u64;

/// Minutes: `90`, `90m`, `1h30m`, `2h`, `1d`, `1w`.
///
/// # Errors
/// What would be taken.
pub(super) fn minutes(text: &str) -> Result<u32, String> {
    let wanted = || "write minutes such as 90, or 1h30m, 2h, 1d, 1w".to_owned();
    let text = text.trim().to_ascii_lowercase();
    let mut total: u64 = 0;
    let mut rest = text.as_str();
    if rest.is_empty() {
        return Err(wanted());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: u64 = rest
            .get(..digits)
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(wanted)?;
        let unit = rest.get(digits..).and_then(|rest| rest.chars().next());
        let minutes = match unit {
            None if digits == text.len() => 1,
            Some('m') => 1,
            Some('h') => 60,
            Some('d') => 24 * 60,
            Some('w') => 7 * 24 * 60,
            _ => return Err(wanted()),
        };
        total = total.saturating_add(number.saturating_mul(minutes));
        rest = rest
            .get(digits + usize::from(unit.is_some())..)
            .unwrap_or_default();
    }
    u32::try_from(total)
        .ok()
        .filter(|minutes| u64::from(*minutes) <= MINUTES_MAX)
        .ok_or_else(|| format!("at most {MINUTES_MAX} minutes"))
}

/// A time as the API takes it, from `now`, `today`, `tomorrow`, `+7d` or `+2h` from now, a date, or a date with a time;
/// without an offset in the time zone of this machine. A date alone is its beginning.
///
/// # Errors
/// What would be taken.
pub(super) fn time(text: &str) -> Result<String, String> {
    from(text, now()?, &Local, NaiveTime::MIN)
}

/// The same as an end: a date alone is its last second.
///
/// # Errors
/// What would be taken.
pub(super) fn end(text: &str) -> Result<String, String> {
    let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap_or(NaiveTime::MIN);
    from(text, now()?, &Local, last)
}

fn now() -> Result<DateTime<Utc>, String> {
    let clock = Clock::new(true, None).map_err(|error| error.to_string())?;
    let now = DateTime::from_timestamp_millis(clock.now().wall);
    now.ok_or_else(|| "the clock is not set".to_owned())
}

fn from<Z: TimeZone>(text: &str, now: DateTime<Utc>, zone: &Z, of_day: NaiveTime) -> Result<String, String> {
    let text = text.trim();
    let found = ahead(text, now)
        .or_else(|| fixed(text))
        .or_else(|| at(&named(text, now, zone, of_day)?, zone));
    let found = found.ok_or(
        "write a date such as 2026-12-24 or \"2026-12-24 18:00\" (this machine's time), 2026-12-24T18:00:00Z, now, today, \
         tomorrow, or +7d from now",
    )?;
    Ok(found.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// `now`, and `+7d` from now.
fn ahead(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if text.eq_ignore_ascii_case("now") {
        return Some(now);
    }
    let ahead = minutes(text.strip_prefix('+')?).ok()?;
    now.checked_add_signed(chrono::TimeDelta::minutes(ahead.into()))
}

/// A time with its offset.
fn fixed(text: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc())
}

/// A day by its name, a date, or a date with a time of day.
fn named<Z: TimeZone>(text: &str, now: DateTime<Utc>, zone: &Z, of_day: NaiveTime) -> Option<NaiveDateTime> {
    let today = now.with_timezone(zone).date_naive();
    let day = match text.to_ascii_lowercase().as_str() {
        "today" => Some(today),
        "tomorrow" => today.checked_add_days(Days::new(1)),
        date => NaiveDate::parse_from_str(date, "%Y-%m-%d").ok(),
    };
    let forms = [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M:%S",
    ];
    let exact = || {
        forms
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
    };
    day.map(|day| day.and_time(of_day)).or_else(exact)
}

/// The earlier one where clocks are set back; nothing where they jump over it.
fn at<Z: TimeZone>(local: &NaiveDateTime, zone: &Z) -> Option<DateTime<Utc>> {
    Some(zone.from_local_datetime(local).earliest()?.to_utc())
}

#[cfg(test)]
mod tests {
    use chrono::FixedOffset;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn minutes_are_typed_in_any_unit() {
        for (text, expected) in [
            ("90", 90),
            ("90m", 90),
            ("1h30m", 90),
            ("2H", 120),
            ("1d", 1440),
            ("1w1d", 11_520),
            (" 0 ", 0),
            ("2147483647", 2_147_483_647),
        ] {
            assert_eq!(minutes(text), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "h",
            "1x",
            "-1",
            "1.5h",
            "1h30",
            "30m 1h",
            "2147483648",
            "99999999999999999999w",
            "é",
            "1é",
        ] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn dates_are_this_machines_unless_they_say_otherwise() {
        let now = DateTime::parse_from_rfc3339("2026-11-22T23:30:00Z")
            .unwrap()
            .to_utc();
        let zone = FixedOffset::east_opt(3600).unwrap();
        let begin = |text: &str| from(text, now, &zone, NaiveTime::MIN);
        for (text, expected) in [
            ("now", "2026-11-22T23:30:00Z"),
            ("+90", "2026-11-23T01:00:00Z"),
            ("+7d", "2026-11-29T23:30:00Z"),
            // It is the 23rd there already.
            ("today", "2026-11-22T23:00:00Z"),
            ("Tomorrow", "2026-11-23T23:00:00Z"),
            ("2026-12-24", "2026-12-23T23:00:00Z"),
            ("2026-12-24 18:00", "2026-12-24T17:00:00Z"),
            ("2026-12-24T18:00", "2026-12-24T17:00:00Z"),
            ("2026-12-24T18:00:00Z", "2026-12-24T18:00:00Z"),
            ("2026-12-24T18:00:00+02:00", "2026-12-24T16:00:00Z"),
        ] {
            assert_eq!(begin(text).as_deref(), Ok(expected), "{text}");
        }
        let last = NaiveTime::from_hms_opt(23, 59, 59).unwrap();
        assert_eq!(
            from("2026-12-24", now, &zone, last).unwrap(),
            "2026-12-24T22:59:59Z"
        );
        for wrong in [
            "",
            "yesterday",
            "24.12.2026",
            "2026-02-30",
            "2026-12-24 25:00",
            "+",
            "+x",
        ] {
            assert!(begin(wrong).unwrap_err().contains("2026-12-24"), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_typed_panics(text: String) {
            let _ = minutes(&text);
            let _ = from(&text, DateTime::<Utc>::UNIX_EPOCH, &Utc, NaiveTime::MIN);
        }
    }
}
