//! The texts of the pages: a TOML file each language, to which an operator can add.

mod file;
mod plural;
mod wishes;
mod wording;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hyper::http::request::Parts;

use super::{cookie, form_of};
pub(super) use file::LanguageError;
use file::{Direction, Text, read};
use plural::Plural;

/// The languages that are built in; the first one has every text and stands in for what another lacks.
const BUILT_IN: [(&str, &str); 6] = [
    ("en", include_str!("texts/en.toml")),
    ("ar", include_str!("texts/ar.toml")),
    ("de", include_str!("texts/de.toml")),
    ("es", include_str!("texts/es.toml")),
    ("fr", include_str!("texts/fr.toml")),
    ("pt", include_str!("texts/pt.toml")),
];

/// Languages at all.
const LANGUAGES_MAX: usize = 64;

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
        let language = asked
            .or_else(kept)
            .or_else(|| wishes::of(head).into_iter().find_map(|tag| self.find(tag)));
        Arc::clone(language.unwrap_or(&self.english))
    }

    fn find(&self, tag: &str) -> Option<&Arc<Language>> {
        let tag = tag.to_ascii_lowercase();
        let primary = tag.split('-').next().unwrap_or_default();
        self.by_tag.get(&tag).or_else(|| self.by_tag.get(primary))
    }
}

/// The language of a link such as `?lang=es`.
pub(super) fn asked(head: &Parts) -> Option<String> {
    let query = form_of(head.uri.query()?.as_bytes())?;
    query
        .into_iter()
        .find_map(|(name, value)| (name == "lang").then_some(value))
}

#[cfg(test)]
mod tests {
    use hyper::{
        Request,
        header::{ACCEPT_LANGUAGE, COOKIE},
    };

    use super::{plural::Form, *};

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
