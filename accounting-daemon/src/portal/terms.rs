//! `/terms`: what guests accept.

use std::sync::Arc;

use hyper::StatusCode;

use super::{
    Asked, Portal,
    page::Page,
    refusal::{Refusal, message},
};
use crate::http::answer::Answer;

/// The page of the terms.
pub(super) fn page(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let page = Page::new(Arc::clone(&asked.language)).with("here", "/terms");
    match &portal.pages.terms {
        Some(terms) => {
            let page = page.with("paragraphs", terms.clone());
            portal.pages.render(StatusCode::OK, "terms.html", page)
        }
        None => message(portal, asked, &Refusal::NotFound),
    }
}
