//! Names of the walled garden as they are listed.

use std::{fmt, str::FromStr};

/// A listed name, or all names below one: `example.org`, `*.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// In lower case, without a dot at either end.
    name: String,
    below: bool,
}

/// What was given names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name of DNS: expected labels of letters, digits and hyphens such as example.org, or *.example.org"
)]
pub struct PatternError;

impl Pattern {
    /// Whether a name of lower case is meant. `*.example.org` means all names below `example.org`, and not itself.
    pub(super) fn matches(&self, name: &str) -> bool {
        if !self.below {
            return name == self.name;
        }
        name.strip_suffix(&self.name)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |rest| (rest, true));
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
            return Err(PatternError);
        }
        Ok(Self { name, below })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for good in ["example.org", "*.example.org", "EXAMPLE.org.", "_x.a-b.example"] {
            assert!(good.parse::<Pattern>().is_ok(), "{good}");
        }
        for bad in [
            "", "*", "*.", "org", "*.org", "a..b", ".a.b", "a b.c", "*.*.a.b", "a.*.b", "ä.de",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        assert_eq!(
            "*.Example.org.".parse::<Pattern>().unwrap().to_string(),
            "*.example.org"
        );
    }
}
