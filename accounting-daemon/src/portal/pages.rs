//! Rendered pages and their headers.

use std::collections::BTreeMap;

use hyper::{
    StatusCode,
    body::Bytes,
    header::{CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, VARY},
};
use minijinja::{Environment, Value};

use super::{language::Languages, page::Page};
use crate::http::answer::{self, Answer};

/// Nothing but the portal's own style, script and pictures; forms go to the portal; no page is shown within another.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Steps that one template may take.
pub(super) const FUEL: u64 = 50_000;

/// Everything that a page is made of.
pub(super) struct Pages {
    pub(super) templates: Environment<'static>,
    pub(super) languages: Languages,
    /// What every page has.
    pub(super) common: BTreeMap<&'static str, Value>,
    pub(super) style: Bytes,
    pub(super) icon: Bytes,
    /// A picture with its media type.
    pub(super) logo: Option<(&'static str, Bytes)>,
    /// The terms, a paragraph each.
    pub(super) terms: Option<Vec<String>>,
}

impl Pages {
    pub(super) fn languages(&self) -> &Languages {
        &self.languages
    }

    /// Renders a template.
    pub(super) fn render(&self, status: StatusCode, template: &str, page: Page) -> Answer {
        let language = HeaderValue::from_str(&page.language().tag).ok();
        let rendered = self
            .templates
            .get_template(template)
            .and_then(|template| template.render(page.context(&self.common)));
        let answer = match rendered {
            Ok(html) => answer::bytes(status, "text/html; charset=utf-8", html),
            Err(error) => {
                tracing::error!(template, error = %format!("{error:#}"), "a page could not be rendered");
                return bare(StatusCode::INTERNAL_SERVER_ERROR);
            }
        };
        let answer = guarded(answer);
        let answer = answer::with(answer, VARY, HeaderValue::from_static("Accept-Language, Cookie"));
        match language {
            Some(language) => answer::with(answer, CONTENT_LANGUAGE, language),
            None => answer,
        }
    }
}

/// The headers that keep a page to itself.
pub(super) fn guarded(answer: Answer) -> Answer {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        // Not `no-referrer`: browsers would then hide the origin of the forms that they post.
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("x-frame-options"), "DENY"),
        (
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=()",
        ),
    ];
    headers.into_iter().fold(answer, |answer, (name, value)| {
        answer::with(answer, name, HeaderValue::from_static(value))
    })
}

/// A page that needs nothing of what may be broken.
pub(super) fn bare(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or("Error");
    guarded(answer::bytes(
        status,
        "text/plain; charset=utf-8",
        format!("{reason}\n"),
    ))
}
