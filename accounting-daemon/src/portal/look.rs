//! How the pages look: everything that the configuration names is read once, at start, so that what is wrong is told
//! then.

mod style;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use minijinja::{Environment, UndefinedBehavior, Value};
use sha2::{Digest as _, Sha256};

use super::{
    assets::SCRIPT,
    language::{LanguageError, Languages},
    page,
    pages::{FUEL, Pages},
};
use crate::{
    config::PortalConfig,
    http::{Tls, TlsError},
};
use style::style;

/// The largest file, in bytes.
const FILE_BYTES_MAX: u64 = 512 * 1024;

/// The templates; an operator's own of the same name takes their place.
const TEMPLATES: [(&str, &str); 7] = [
    ("layout.html", include_str!("templates/layout.html")),
    ("login.html", include_str!("templates/login.html")),
    ("logout.html", include_str!("templates/logout.html")),
    ("message.html", include_str!("templates/message.html")),
    ("resume.html", include_str!("templates/resume.html")),
    ("status.html", include_str!("templates/status.html")),
    ("terms.html", include_str!("templates/terms.html")),
];

const ICON: &str = include_str!("assets/icon.svg");

/// Why the pages cannot look as configured.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// There is no TLS.
    #[error("`portal.tls`: {0}")]
    Tls(#[from] TlsError),
    /// A file cannot be read.
    #[error("`portal.{key}` names {path}, which cannot be read: {source}")]
    Unreadable {
        /// The setting.
        key: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is too large.
    #[error("`portal.{key}` names {path}, which has more than {FILE_BYTES_MAX} bytes: make it smaller")]
    TooLarge {
        /// The setting.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The logo is no picture that browsers know.
    #[error("`portal.logo` names {0}: choose a file that ends in .png, .jpg, .webp or .svg")]
    Picture(PathBuf),
    /// A file of texts cannot be used.
    #[error("the texts in {path} cannot be used: {source}")]
    Language {
        /// The file.
        path: PathBuf,
        /// Why.
        source: LanguageError,
    },
    /// No page is made of this template.
    #[error(
        "{0} is the template of no page: name it layout, login, logout, message, resume, status or terms.html"
    )]
    UnknownTemplate(PathBuf),
    /// A template is malformed.
    #[error("the template {name} cannot be used: {source:#}")]
    Template {
        /// Its name.
        name: String,
        /// Why, and where.
        source: minijinja::Error,
    },
}

/// The pages as configured, and the certificate they are served with.
pub struct Look {
    pub(super) pages: Pages,
    pub(super) tls: Option<Tls>,
}

impl Look {
    /// Reads and checks all that the configuration names.
    ///
    /// # Errors
    /// [`LookError`], the first one.
    pub fn load(config: &PortalConfig) -> Result<Self, LookError> {
        let languages = languages(config)?;
        let logo = config.logo.as_deref().map(picture).transpose()?;
        let terms = config.terms.as_deref().map(paragraphs).transpose()?;
        let style = style(config.colour);
        let mut hash = Sha256::new_with_prefix(&style);
        hash.update(SCRIPT);
        hash.update(logo.as_ref().map_or(&[][..], |(_, bytes)| bytes));
        let version: String = hash
            .finalize()
            .iter()
            .take(6)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let all: Vec<Value> = languages
            .all()
            .map(|language| {
                Value::from(BTreeMap::from([
                    ("tag", Value::from(language.tag.clone())),
                    ("name", Value::from(language.name.clone())),
                ]))
            })
            .collect();
        let common = BTreeMap::from([
            ("name", Value::from(config.name.clone())),
            ("colour", Value::from(config.colour.to_string())),
            ("logo", Value::from(logo.is_some())),
            ("help", Value::from(config.help.clone())),
            ("home", Value::from(config.home.clone())),
            ("terms_to_accept", Value::from(terms.is_some())),
            ("version", Value::from(version)),
            ("languages", Value::from(all)),
        ]);
        let pages = Pages {
            templates: templates(config)?,
            languages,
            common,
            style: style.into(),
            icon: ICON.replace("currentColor", &config.colour.to_string()).into(),
            logo: logo.map(|(media_type, bytes)| (media_type, bytes.into())),
            terms,
        };
        let tls = config.tls.as_ref().map(Tls::load).transpose()?;
        Ok(Self { pages, tls })
    }
}

fn languages(config: &PortalConfig) -> Result<Languages, LookError> {
    let built_in = Languages::built_in().map_err(|source| LookError::Language {
        path: "(built in)".into(),
        source,
    });
    let mut languages = built_in?;
    let Some(folder) = &config.languages else {
        return Ok(languages);
    };
    for path in files("languages", folder, "toml")? {
        let text = text("languages", &path)?;
        let tag = path
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        let added = languages.add(tag, &text);
        added.map_err(|source| LookError::Language { path, source })?;
    }
    Ok(languages)
}

fn templates(config: &PortalConfig) -> Result<Environment<'static>, LookError> {
    let mut sources: BTreeMap<String, String> = TEMPLATES
        .into_iter()
        .map(|(name, source)| (name.to_owned(), source.to_owned()))
        .collect();
    if let Some(folder) = &config.templates {
        for path in files("templates", folder, "html")? {
            let source = text("templates", &path)?;
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            match sources.get_mut(name) {
                Some(built_in) => *built_in = source,
                None => return Err(LookError::UnknownTemplate(path)),
            }
        }
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(page::escape);
    environment.add_function("dst_query", |text: String| -> String {
        form_urlencoded::byte_serialize(text.as_bytes()).collect()
    });
    for (name, source) in sources {
        let added = environment.add_template_owned(name.clone(), source);
        added.map_err(|source| LookError::Template { name, source })?;
    }
    Ok(environment)
}

fn paragraphs(path: &Path) -> Result<Vec<String>, LookError> {
    let text = text("terms", path)?.replace("\r\n", "\n");
    let blocks = text
        .split("\n\n")
        .map(str::trim)
        .filter(|block| !block.is_empty());
    Ok(blocks.map(str::to_owned).collect())
}

fn picture(path: &Path) -> Result<(&'static str, Vec<u8>), LookError> {
    let ending = path
        .extension()
        .and_then(|ending| ending.to_str())
        .unwrap_or_default();
    let media_type = match ending.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "svg" => "image/svg+xml",
        _ => return Err(LookError::Picture(path.to_owned())),
    };
    Ok((media_type, bytes("logo", path)?))
}

/// The files of a folder with this ending, in order.
fn files(key: &'static str, folder: &Path, ending: &str) -> Result<Vec<PathBuf>, LookError> {
    let failed = |source| LookError::Unreadable {
        key,
        path: folder.to_owned(),
        source,
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|other| other == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn text(key: &'static str, path: &Path) -> Result<String, LookError> {
    String::from_utf8(bytes(key, path)?).map_err(|error| LookError::Unreadable {
        key,
        path: path.to_owned(),
        source: io::Error::new(io::ErrorKind::InvalidData, error),
    })
}

fn bytes(key: &'static str, path: &Path) -> Result<Vec<u8>, LookError> {
    let failed = |source| LookError::Unreadable {
        key,
        path: path.to_owned(),
        source,
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let path = path.to_owned();
        return Err(LookError::TooLarge { key, path });
    }
    Ok(bytes)
}
