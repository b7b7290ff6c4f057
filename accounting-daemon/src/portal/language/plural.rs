//! Which form of a text a number takes.

use serde::Deserialize;

/// Which form a number takes; the rules are those of Unicode CLDR for whole numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Plural {
    /// Japanese, Chinese, Turkish words after a number.
    None,
    /// One thing, several things.
    #[default]
    One,
    /// French: none and one are alike.
    ZeroOne,
    /// Czech and Slovak.
    Czech,
    /// Russian and Ukrainian.
    Slavic,
    /// Polish.
    Polish,
    Arabic,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

impl Plural {
    pub(super) fn form(self, n: u64) -> Form {
        let (tens, ones) = (n % 100, n % 10);
        let teen = (11..=14).contains(&tens);
        match self {
            Self::None => Form::Other,
            Self::One if n == 1 => Form::One,
            Self::ZeroOne if n <= 1 => Form::One,
            Self::Czech if n == 1 => Form::One,
            Self::Czech if (2..=4).contains(&n) => Form::Few,
            Self::Slavic if ones == 1 && tens != 11 => Form::One,
            Self::Polish if n == 1 => Form::One,
            Self::Slavic | Self::Polish if (2..=4).contains(&ones) && !teen => Form::Few,
            Self::Slavic | Self::Polish => Form::Many,
            Self::Arabic => match (n, tens) {
                (0, _) => Form::Zero,
                (1, _) => Form::One,
                (2, _) => Form::Two,
                (_, 3..=10) => Form::Few,
                (_, 11..=99) => Form::Many,
                _ => Form::Other,
            },
            Self::One | Self::ZeroOne | Self::Czech => Form::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_count_in_their_own_way() {
        assert_eq!(
            [1, 2, 5, 12, 21, 22].map(|n| Plural::Slavic.form(n)),
            [Form::One, Form::Few, Form::Many, Form::Many, Form::One, Form::Few]
        );
        assert_eq!(
            [0, 1, 2].map(|n| Plural::One.form(n)),
            [Form::Other, Form::One, Form::Other]
        );
        assert_eq!(
            [0, 1, 2].map(|n| Plural::ZeroOne.form(n)),
            [Form::One, Form::One, Form::Other]
        );
        assert_eq!(
            [0, 1, 2, 5, 11, 100].map(|n| Plural::Arabic.form(n)),
            [
                Form::Zero,
                Form::One,
                Form::Two,
                Form::Few,
                Form::Many,
                Form::Other
            ]
        );
    }
}
