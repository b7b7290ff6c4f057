//! Parameters of queries, read by type. An empty one counts as absent, an unknown one is passed over.

use super::{
    list::parameter,
    problem::{Kind, Problem},
    times,
};
use crate::mac::Mac;

/// A whole number in a range.
pub(super) fn number<T: TryFrom<u64>>(
    query: Option<&str>,
    name: &str,
    min: u64,
    max: u64,
) -> Result<Option<T>, Problem> {
    parsed(query, name, |text| {
        let number: Option<u64> = text.parse().ok();
        let number = number.filter(|number| (min..=max).contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| format!("must be a whole number from {min} to {max}"))
    })
}

/// A MAC address.
pub(super) fn mac(query: Option<&str>, name: &str) -> Result<Option<Mac>, Problem> {
    parsed(query, name, |text| {
        text.parse()
            .map_err(|_| "must be a MAC address such as AA:BB:CC:DD:EE:FF".to_owned())
    })
}

/// Milliseconds since 1970.
pub(super) fn time(query: Option<&str>, name: &str) -> Result<Option<i64>, Problem> {
    parsed(query, name, |text| {
        times::parse(text).ok_or_else(|| times::WANTED.to_owned())
    })
}

/// Whatever a function makes of it; what it says is wrong comes after the name.
pub(super) fn parsed<T>(
    query: Option<&str>,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Problem> {
    let Some(text) = parameter(query, name)? else {
        return Ok(None);
    };
    let value = parse(&text);
    value
        .map(Some)
        .map_err(|wrong| Problem::new(Kind::MalformedRequest, format!("{name} {wrong}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_type() {
        let text = Some("TokenId=7&zone=65535&MacAddress=02-00-00-00-00-01&From=1970-01-02&Empty=");
        assert_eq!(number(text, "TokenId", 1, 9), Ok(Some(7u64)));
        assert_eq!(number(text, "Zone", 0, 65_535), Ok(Some(65_535u16)));
        assert_eq!(mac(text, "MacAddress"), Ok(Some(Mac([2, 0, 0, 0, 0, 1]))));
        assert_eq!(time(text, "From"), Ok(Some(86_400_000)));
        assert_eq!(number::<u64>(text, "Empty", 0, 1), Ok(None));
        assert_eq!(number::<u64>(text, "Absent", 0, 1), Ok(None));
        assert!(number::<u64>(text, "TokenId", 8, 9).is_err());
        assert!(number::<u64>(text, "From", 0, 9).is_err());
        assert!(mac(text, "From").is_err() && time(text, "TokenId").is_err());
    }
}
