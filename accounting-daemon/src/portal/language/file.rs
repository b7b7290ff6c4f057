//! A file of texts: what it may hold, and what can be wrong with it.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use super::{
    LANGUAGES_MAX, Language,
    plural::{Form, Plural},
};

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
pub(super) enum Direction {
    #[default]
    Ltr,
    Rtl,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Forms(BTreeMap<Form, String>),
}

/// Reads a file; `fallback` has what it lacks.
pub(super) fn read(
    tag: &str,
    text: &str,
    fallback: Option<Arc<Language>>,
) -> Result<Language, LanguageError> {
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
