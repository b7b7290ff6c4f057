//! The texts of the pages: a TOML file each language, to which an operator can add.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hyper::{header::ACCEPT_LANGUAGE, http::request::Parts};
use serde::Deserialize;

use super::{cookie, form_of};

/// The languages that are built in; the first one has every text and stands in for what another lacks.
const BUILT_IN: [(&str, &str); 6] = [
    ("en", include_str!("texts/en.toml")),
    ("ar", include_str!("texts/ar.toml")),
    ("de", include_str!("texts/de.toml")),
    ("es", include_str!("texts/es.toml")),
    ("fr", include_str!("texts/fr.toml")),
    ("pt", include_str!("texts/pt.toml")),
];

/// Languages of an `Accept-Language` header that are looked at.
const WISHES_MAX: usize = 16;

/// Languages at all.
const LANGUAGES_MAX: usize = 64;

/// Why a file of texts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LanguageError {
    /// It is not TOML, or has other members.
    #[error("{0}")]
    Malformed(#[from] toml::de::Error),
    /// Its name is no language.
    #[error("is not named after a language such as `nl.toml` or `pt-BR.toml`")]
    Tag,
    /// No page has such a text.
    #[error("has the text `{0}`, which no page shows: correct its name")]
    Unknown(String),
    /// A text with a number has no form for it.
    #[error("`{0}` needs the form `other`")]
    NoOther(String),
    /// There are too many.
    #[error("is one language more than the {LANGUAGES_MAX} that are possible")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    plural: Plural,
    texts: BTreeMap<String, Text>,
}

/// Which way it is written.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Direction {
    #[default]
    Ltr,
    Rtl,
}

/// Which form a number takes; the rules are those of Unicode CLDR for whole numbers.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Plural {
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

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Plain(String),
    Forms(BTreeMap<Form, String>),
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "lowercase")]
enum Form {
    Zero,
    One,
    Two,
    Few,
    Many,
    Other,
}

/// One language.
#[derive(Debug)]
pub(super) struct Language {
    /// Such as `pt-BR`.
    pub(super) tag: String,
    /// What it calls itself.
    pub(super) name: String,
    direction: Direction,
    plural: Plural,
    texts: BTreeMap<String, Text>,
    /// Where missing texts are taken from.
    fallback: Option<Arc<Self>>,
}

/// All languages, by tag.
#[derive(Debug)]
pub(super) struct Languages {
    by_tag: BTreeMap<String, Arc<Language>>,
    english: Arc<Language>,
}

impl Language {
    /// A text with its placeholders such as `{host}` filled in. `n` is a number that chooses the form.
    pub(super) fn say(&self, key: &str, n: Option<u64>, arguments: &[(&str, String)]) -> String {
        let Some(text) = self.texts.get(key) else {
            let fallback = self.fallback.as_ref();
            return fallback.map_or_else(|| key.to_owned(), |other| other.say(key, n, arguments));
        };
        let pattern = match text {
            Text::Plain(pattern) => pattern,
            Text::Forms(forms) => {
                let form = self.plural.form(n.unwrap_or_default());
                let found = forms.get(&form).or_else(|| forms.get(&Form::Other));
                found.map_or(key, String::as_str)
            }
        };
        fill(pattern, n, arguments)
    }

    pub(super) fn direction(&self) -> &'static str {
        match self.direction {
            Direction::Ltr => "ltr",
            Direction::Rtl => "rtl",
        }
    }

    /// A length of time in hours and minutes, rounded up.
    pub(super) fn duration(&self, ms: u64) -> String {
        let minutes = ms.div_ceil(60_000);
        let (hours, rest) = (minutes / 60, minutes % 60);
        match (hours, rest) {
            (0, _) => self.say("minutes", Some(minutes), &[]),
            (_, 0) => self.say("hours", Some(hours), &[]),
            _ => {
                let (hours, minutes) = (
                    self.say("hours", Some(hours), &[]),
                    self.say("minutes", Some(rest), &[]),
                );
                self.say(
                    "hours_and_minutes",
                    None,
                    &[("hours", hours), ("minutes", minutes)],
                )
            }
        }
    }
}

/// Each placeholder once, in one pass: what is filled in is not looked at again.
fn fill(pattern: &str, n: Option<u64>, arguments: &[(&str, String)]) -> String {
    let mut filled = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((name, behind)) = after.split_once('}') else {
            filled.push('{');
            rest = after;
            continue;
        };
        match (n, arguments.iter().find(|(other, _)| *other == name)) {
            (_, Some((_, value))) => filled.push_str(value),
            (Some(n), None) if name == "n" => filled.push_str(&n.to_string()),
            _ => {}
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
}

impl Plural {
    fn form(self, n: u64) -> Form {
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

impl Languages {
    /// The built-in ones.
    pub(super) fn built_in() -> Result<Self, LanguageError> {
        let [(tag, text), rest @ ..] = BUILT_IN;
        let english = Arc::new(read(tag, text, None)?);
        let mut languages = Self {
            by_tag: BTreeMap::from([(tag.to_owned(), Arc::clone(&english))]),
            english,
        };
        for (tag, text) in rest {
            languages.add(tag, text)?;
        }
        Ok(languages)
    }

    /// Adds a language, or puts texts in place of those of a language that is there.
    pub(super) fn add(&mut self, tag: &str, text: &str) -> Result<(), LanguageError> {
        let mut parts = tag.split('-');
        let primary = parts.next().unwrap_or_default();
        let is_part = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let is_primary =
            (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !is_primary || !parts.all(is_part) {
            return Err(LanguageError::Tag);
        }
        let known: BTreeSet<&String> = self.english.texts.keys().collect();
        let before = self.by_tag.get(&tag.to_ascii_lowercase());
        let fallback = before.unwrap_or(&self.english);
        let language = read(tag, text, Some(Arc::clone(fallback)))?;
        if let Some(key) = language.texts.keys().find(|key| !known.contains(key)) {
            return Err(LanguageError::Unknown(key.clone()));
        }
        if before.is_none() && self.by_tag.len() == LANGUAGES_MAX {
            return Err(LanguageError::TooMany);
        }
        self.by_tag.insert(tag.to_ascii_lowercase(), Arc::new(language));
        Ok(())
    }

    /// All of them, by tag.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.by_tag.values()
    }

    /// What the guest asked for by a link, on an earlier page, or in the settings of the browser; else English.
    pub(super) fn of_request(&self, head: &Parts) -> Arc<Language> {
        let asked = asked(head).and_then(|tag| self.find(&tag));
        let kept = || self.find(cookie::value(&head.headers, cookie::LANGUAGE)?);
        let language = asked.or_else(kept).or_else(|| self.accepted(head));
        Arc::clone(language.unwrap_or(&self.english))
    }

    fn find(&self, tag: &str) -> Option<&Arc<Language>> {
        let tag = tag.to_ascii_lowercase();
        let primary = tag.split('-').next().unwrap_or_default();
        self.by_tag.get(&tag).or_else(|| self.by_tag.get(primary))
    }

    fn accepted(&self, head: &Parts) -> Option<&Arc<Language>> {
        let header = head.headers.get(ACCEPT_LANGUAGE)?.to_str().ok()?;
        let mut wishes: Vec<(u32, &str)> = header
            .split(',')
            .take(WISHES_MAX)
            .filter_map(|wish| {
                let mut parts = wish.split(';').map(str::trim);
                let tag = parts.next()?;
                let weight = parts
                    .find_map(|part| part.strip_prefix("q="))
                    .map_or(Some(1.0), |q| {
                        q.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q))
                    })?;
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "0 to 1000"
                )]
                Some(((weight * 1_000.0) as u32, tag))
            })
            .filter(|(weight, _)| *weight > 0)
            .collect();
        // Stable: of equals the first.
        wishes.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        wishes.into_iter().find_map(|(_, tag)| self.find(tag))
    }
}

/// The language of a link such as `?lang=es`.
pub(super) fn asked(head: &Parts) -> Option<String> {
    let query = form_of(head.uri.query()?.as_bytes())?;
    query
        .into_iter()
        .find_map(|(name, value)| (name == "lang").then_some(value))
}

fn read(tag: &str, text: &str, fallback: Option<Arc<Language>>) -> Result<Language, LanguageError> {
    let file: File = toml::from_str(text)?;
    for (key, text) in &file.texts {
        if let Text::Forms(forms) = text
            && !forms.contains_key(&Form::Other)
        {
            return Err(LanguageError::NoOther(key.clone()));
        }
    }
    Ok(Language {
        tag: tag.to_owned(),
        name: file.name,
        direction: file.direction,
        plural: file.plural,
        texts: file.texts,
        fallback,
    })
}

#[cfg(test)]
mod tests {
    use hyper::{Request, header::COOKIE};

    use super::*;

    fn chosen(uri: &str, accept: &str, cookie: &str) -> String {
        let languages = Languages::built_in().unwrap();
        let request = Request::get(uri)
            .header(ACCEPT_LANGUAGE, accept)
            .header(COOKIE, cookie);
        let head = request.body(()).unwrap().into_parts().0;
        languages.of_request(&head).tag.clone()
    }

    #[test]
    fn every_built_in_language_has_every_text() {
        let languages = Languages::built_in().unwrap();
        let placeholders = |text: &Text| -> BTreeSet<String> {
            let patterns: Vec<&String> = match text {
                Text::Plain(pattern) => vec![pattern],
                Text::Forms(forms) => vec![&forms[&Form::Other]],
            };
            let names = patterns
                .into_iter()
                .flat_map(|pattern| pattern.split('{').skip(1));
            names
                .map(|part| part.split('}').next().unwrap().to_owned())
                .collect()
        };
        for language in languages.all() {
            for (key, text) in &languages.english.texts {
                let other = language
                    .texts
                    .get(key)
                    .unwrap_or_else(|| panic!("{}: {key}", language.tag));
                assert_eq!(placeholders(other), placeholders(text), "{}: {key}", language.tag);
            }
        }
    }

    #[test]
    fn the_language_is_the_links_then_the_cookies_then_the_browsers() {
        assert_eq!(chosen("/?lang=es", "fr", "language=de"), "es");
        assert_eq!(chosen("/?lang=xx", "fr", "language=de"), "de");
        assert_eq!(chosen("/", "fr", "language=xx"), "fr");
        assert_eq!(chosen("/", "xx, ar-EG;q=0.3, pt-BR;q=0.8, *;q=0.1", ""), "pt");
        assert_eq!(chosen("/", "de;q=0, es;q=9, it", ""), "en");
        assert_eq!(chosen("/", "", ""), "en");
    }

    #[test]
    fn numbers_take_the_form_of_their_language() {
        let languages = Languages::built_in().unwrap();
        let say = |tag: &str, n| languages.by_tag[tag].say("minutes", Some(n), &[]);
        assert_eq!(
            (say("en", 1).as_str(), say("en", 0).as_str()),
            ("1 minute", "0 minutes")
        );
        assert_eq!(say("fr", 0), "0 minute");
        let forms: BTreeSet<String> = [1, 2, 5, 11, 100].map(|n| say("ar", n)).into();
        assert_eq!(forms.len(), 5);
        assert_eq!(
            [1, 2, 5, 12, 21, 22].map(|n| Plural::Slavic.form(n)),
            [Form::One, Form::Few, Form::Many, Form::Many, Form::One, Form::Few]
        );
    }

    #[test]
    fn durations_are_rounded_up() {
        let languages = Languages::built_in().unwrap();
        let say = |ms| languages.english.duration(ms);
        assert_eq!(say(1), "1 minute");
        assert_eq!(say(3_600_000), "1 hour");
        assert_eq!(say(3_600_001), "1 hour 1 minute");
        assert_eq!(say(0), "0 minutes");
    }

    #[test]
    fn what_is_filled_in_is_not_filled_again() {
        let arguments = [("host", "{n}{host}".to_owned())];
        assert_eq!(
            fill("to {host}, {n}, {none}{", Some(7), &arguments),
            "to {n}{host}, 7, {"
        );
    }

    #[test]
    fn an_operator_adds_and_replaces() {
        let mut languages = Languages::built_in().unwrap();
        languages
            .add("nl", "name = \"Nederlands\"\n[texts]\nconnect = \"Verbinden\"\n")
            .unwrap();
        let dutch = &languages.by_tag["nl"];
        assert_eq!(dutch.say("connect", None, &[]), "Verbinden");
        assert_eq!(dutch.say("log_out", None, &[]), "Log out");
        languages
            .add("de", "name = \"Deutsch\"\n[texts]\nconnect = \"Los\"\n")
            .unwrap();
        let german = &languages.by_tag["de"];
        assert_eq!(german.say("connect", None, &[]), "Los");
        assert_eq!(german.say("log_out", None, &[]), "Abmelden");
        for (tag, text) in [
            ("../x", "name = \"x\"\n[texts]\n"),
            ("x", "name = \"x\"\n[texts]\n"),
            ("nl", "name = \"x\"\n[texts]\nconect = \"x\"\n"),
            ("nl", "name = \"x\"\n[texts]\nminutes = {one = \"x\"}\n"),
            ("nl", "[texts]\n"),
            ("nl", "name = "),
        ] {
            assert!(languages.add(tag, text).is_err(), "{text}");
        }
    }
}
