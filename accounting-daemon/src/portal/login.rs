//! `/login`: the form for a code, and what happens when one is given.
//!
//! The form asks for an e-mail address where the code looks like one that needs it, whether there is such a code or not.

use std::{collections::BTreeMap, sync::Arc};

use hyper::{
    StatusCode,
    header::{HeaderValue, LOCATION, SET_COOKIE},
};
use minijinja::Value;

use super::{Asked, Portal, Refusal, cookie, destination::Destination, language, offer::Offer, page::Page};
use crate::{
    engine,
    http::answer::{self, Answer},
    ledger::{AccessCode, Asker, EMAIL_CHARACTERS_MAX, Email, Given, MINUTE_MS, RedeemError, Redemption},
    metrics::RedeemResult,
    store::Digest,
};

/// The longest code that is filled into the form.
const FILLED_MAX: usize = 128;

/// The form; who is online and brings no code sees the status instead.
pub(super) async fn show(portal: &Portal, asked: &Asked<'_>) -> Answer {
    if code(asked).is_none() && asked.field("another").is_none() && portal.is_online(asked.guest) {
        return to_status(asked, false, None);
    }
    let page = page(portal, asked).await;
    spoken(asked, portal.pages.render(StatusCode::OK, "login.html", page))
}

/// What the form needs, filled with what the request brought.
pub(super) async fn page(portal: &Portal, asked: &Asked<'_>) -> Page {
    let filled = code(asked).filter(|code| code.len() <= FILLED_MAX);
    let wanted = destination(asked);
    let email = asked.field("email");
    let asks = email.is_some() || asked.field("visitor").is_some();
    let page = portal
        .page(asked)
        .with("here", "/login")
        .with("code", filled)
        .with(
            "email",
            email.filter(|email| email.chars().count() <= EMAIL_CHARACTERS_MAX),
        )
        .with(
            "asks_for_email",
            asks || filled.is_some_and(|code| asks_for_email(portal, code)),
        )
        .with("online", portal.is_online(asked.guest))
        .with("accepted", asked.field("accept").is_some())
        .with("dst", wanted.as_ref().map(|wanted| wanted.url.clone()));
    match Offer::of(portal, asked).await {
        Some(offer) => page.with("offer", offered(&offer, asked)),
        None => page,
    }
}

/// What may be resumed, for people.
pub(super) fn offered(offer: &Offer, asked: &Asked<'_>) -> Value {
    let left = offer.token.token.left();
    Value::from(BTreeMap::from([
        ("code", Value::from(offer.hint())),
        ("left", Value::from(asked.language.duration(left))),
        ("empty", Value::from(left == 0)),
    ]))
}

/// A code was given.
pub(super) async fn redeem(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let Some(text) = code(asked) else {
        return portal.refuse(asked, Refusal::NoCode).await;
    };
    let Ok(code) = AccessCode::new(text) else {
        return portal.refuse(asked, Refusal::BadCode).await;
    };
    let given = match asked.field("email").map(Email::new) {
        None => Given::Nothing,
        Some(Ok(email)) => Given::Email(email),
        Some(Err(_)) => return portal.refuse(asked, Refusal::BadEmail).await,
    };
    enter(portal, asked, code, given, None).await
}

/// Whether a text looks like a code that an address must come with.
fn asks_for_email(portal: &Portal, text: &str) -> bool {
    AccessCode::new(text).is_ok_and(|code| portal.codes.asks_for_email(&code.folded()))
}

/// Opens a session with a code and what came with it; `spent` is the secret that stood for both.
pub(super) async fn enter(
    portal: &Portal,
    asked: &Asked<'_>,
    code: AccessCode,
    given: Given,
    spent: Option<Digest>,
) -> Answer {
    if portal.pages.terms.is_some() && asked.field("accept").is_none() {
        return portal.refuse(asked, Refusal::Terms).await;
    }
    let takeover = asked.field("takeover").is_some();
    let alone = given == Given::Nothing && portal.codes.asks_for_email(&code.folded());
    let redemption = Redemption {
        code,
        given,
        device: asked.guest.device,
        takeover,
        asker: Asker::Address(asked.guest.address),
        among: None,
    };
    match portal.engine.redeem(redemption).await {
        Ok(view) => {
            portal.metrics.redeemed(RedeemResult::Admitted);
            let secret = portal.give_secret(view.token.id, spent).await;
            let secret = secret.and_then(|secret| {
                let days = portal.config.resume_days;
                secret.header(days, asked.guest.secure)
            });
            to_status(asked, true, secret)
        }
        Err(engine::Refusal::Ledger(error)) => {
            portal.metrics.redeemed(RedeemResult::from(&error));
            let refusal = match error {
                RedeemError::UnknownCode if alone => Refusal::EmailNeeded,
                error => Refusal::Code { error, takeover },
            };
            portal.refuse(asked, refusal).await
        }
        Err(engine::Refusal::Unavailable(reason)) => {
            portal.metrics.redeemed(RedeemResult::Unavailable);
            portal.refuse(asked, Refusal::Unavailable(reason)).await
        }
    }
}

/// The code of a form or of a link: `code`, or `username` as hotspots call it.
pub(super) fn code<'a>(asked: &'a Asked<'_>) -> Option<&'a str> {
    asked.field("code").or_else(|| asked.field("username"))
}

/// Where the guest wanted to go.
pub(super) fn destination(asked: &Asked<'_>) -> Option<Destination> {
    let wanted = Destination::new(asked.field("dst")?)?;
    // The way on does not lead back here.
    let here = asked.base.split("//").nth(1).unwrap_or_default();
    let host = wanted.url.split('/').nth(2).unwrap_or_default();
    (!host.eq_ignore_ascii_case(here)).then_some(wanted)
}

/// On to the status, by a request that can be repeated.
pub(super) fn to_status(asked: &Asked<'_>, welcome: bool, cookie: Option<HeaderValue>) -> Answer {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if welcome {
        query.append_pair("welcome", "1");
    }
    if let Some(wanted) = destination(asked) {
        query.append_pair("dst", &wanted.url);
    }
    let query = query.finish();
    let target = if query.is_empty() {
        "/status".to_owned()
    } else {
        format!("/status?{query}")
    };
    let answer = see(&target);
    match cookie {
        Some(cookie) => answer::with(answer, SET_COOKIE, cookie),
        None => answer,
    }
}

/// `303 See Other` to a page of the portal.
pub(super) fn see(target: &str) -> Answer {
    let answer = super::pages::guarded(answer::bytes(
        StatusCode::SEE_OTHER,
        "text/plain; charset=utf-8",
        "See the next page.\n",
    ));
    match HeaderValue::from_str(target) {
        Ok(target) => answer::with(answer, LOCATION, target),
        Err(_) => answer::with(answer, LOCATION, HeaderValue::from_static("/")),
    }
}

/// Keeps the language that a link asked for.
pub(super) fn spoken(asked: &Asked<'_>, answer: Answer) -> Answer {
    let chosen = language::asked(&asked.head).and_then(|_| cookie::language(&asked.language.tag));
    match chosen {
        Some(cookie) => answer::with(answer, SET_COOKIE, cookie),
        None => answer,
    }
}

/// Milliseconds as whole minutes, rounded up.
pub(super) fn minutes(ms: u64) -> u64 {
    ms.div_ceil(MINUTE_MS)
}

/// The page's language, shared.
pub(super) fn plain(asked: &Asked<'_>) -> Page {
    Page::new(Arc::clone(&asked.language))
}
