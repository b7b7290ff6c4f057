//! `application/x-www-form-urlencoded`, in bodies and in queries.

use percent_encoding::percent_decode;

/// Why a form is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// Its bytes are no text.
    #[error("is not valid UTF-8")]
    NotUtf8,
    /// Which of the two would count?
    #[error("has the field {0:?} twice")]
    Twice(String),
}

/// Names and values in the order given, decoded.
///
/// # Errors
/// [`FormError`]; names are compared as they are.
pub(crate) fn parse(form: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let fields = pairs(form)?;
    let mut names = std::collections::BTreeSet::new();
    match fields.iter().find(|(name, _)| !names.insert(name)) {
        Some((name, _)) => Err(FormError::Twice(name.clone())),
        None => Ok(fields),
    }
}

/// The same where a name may be there several times.
///
/// # Errors
/// [`FormError::NotUtf8`].
pub(super) fn pairs(form: &[u8]) -> Result<Vec<(String, String)>, FormError> {
    let mut fields = Vec::new();
    for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        let name = decode(halves.next().unwrap_or_default())?;
        let value = decode(halves.next().unwrap_or_default())?;
        fields.push((name, value));
    }
    Ok(fields)
}

/// The value of a query's parameter, whose name is matched without case.
///
/// # Errors
/// [`FormError`], also for a parameter that is there twice in different case.
pub(crate) fn parameter(query: Option<&str>, name: &str) -> Result<Option<String>, FormError> {
    let fields = parse(query.unwrap_or_default().as_bytes())?;
    let mut values = fields
        .into_iter()
        .filter(|(other, _)| other.eq_ignore_ascii_case(name));
    let value = values.next().map(|(_, value)| value);
    match values.next() {
        Some((other, _)) => Err(FormError::Twice(other)),
        None => Ok(value),
    }
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded = percent_decode(&spaced).decode_utf8();
    Ok(decoded.map_err(|_| FormError::NotUtf8)?.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn fields_are_decoded() {
        let fields = parse(b"BusinessId=1&Description=a+b%2Bc%26&&AccessCode=&MacAddress").unwrap();
        let expected = [
            pair("BusinessId", "1"),
            pair("Description", "a b+c&"),
            pair("AccessCode", ""),
            pair("MacAddress", ""),
        ];
        assert_eq!(fields, expected);
    }

    #[test]
    fn what_is_ambiguous_or_no_text_is_refused() {
        assert_eq!(parse(b"a=1&%61=2"), Err(FormError::Twice("a".to_owned())));
        assert_eq!(parse(b"a=%ff"), Err(FormError::NotUtf8));
        assert_eq!(parse(b"a=\xff"), Err(FormError::NotUtf8));
    }

    #[test]
    fn parameters_are_found_without_case() {
        assert_eq!(parameter(Some("zone=3&x=1"), "Zone"), Ok(Some("3".to_owned())));
        assert_eq!(parameter(None, "Zone"), Ok(None));
        assert!(parameter(Some("zone=3&ZONE=4"), "Zone").is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(name in "[A-Za-z]{1,9}", value: String) {
            let encoded: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
            let read = parse(format!("{name}={encoded}").as_bytes()).unwrap();
            prop_assert_eq!(read, vec![(name, value)]);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
