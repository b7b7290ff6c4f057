//! Every way to say no, each in plain words and with what to do next.

use std::sync::Arc;

use chrono::DateTime;
use hyper::{
    StatusCode,
    header::{ALLOW, HeaderValue},
};
use minijinja::Value;

use super::{Asked, Portal, login, page::Page};
use crate::{
    engine::Unavailable,
    http::answer::{self, Answer},
    ledger::RedeemError,
};

/// A seat that is in use is asked to rest for at most so many seconds; who is told to wait longer has taken over too often.
const SEAT_RESTS_S: u64 = 30;

/// Why a guest does not get what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No code was typed.
    NoCode,
    /// What was typed is no code.
    BadCode,
    /// The code looks like one that an e-mail address must come with, and opens nothing without.
    EmailNeeded,
    /// What was typed is no e-mail address.
    BadEmail,
    /// The terms were not accepted.
    Terms,
    /// The ledger's reason, and whether a seat was to be taken over.
    Code {
        error: RedeemError,
        takeover: bool,
    },
    /// The browser may not resume, or not any more.
    NotResumable,
    /// More posts than a person makes.
    TooFast,
    /// The engine gave no answer.
    Unavailable(Unavailable),
    /// Another site's page posted it.
    Foreign,
    TooLarge,
    MediaType,
    Malformed,
    Method(&'static str),
    NotFound,
}

impl Refusal {
    /// The name of its texts: `{name}_title` and `{name}_text`.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::NoCode => "no_code",
            Self::BadCode => "bad_code",
            Self::EmailNeeded => "email_needed",
            Self::BadEmail => "bad_email",
            Self::Terms => "terms_needed",
            Self::NotResumable => "not_resumable",
            Self::TooFast => "too_many_attempts",
            Self::Unavailable(_) => "unavailable",
            Self::Foreign => "foreign",
            Self::TooLarge | Self::MediaType | Self::Malformed | Self::Method(_) => "malformed",
            Self::NotFound => "not_found",
            Self::Code { error, takeover } => match error {
                RedeemError::TooManyAttempts { .. } => "too_many_attempts",
                RedeemError::UnknownCode => "unknown_code",
                RedeemError::WrongLocation => "wrong_location",
                RedeemError::ClockNotSet => "clock_not_set",
                RedeemError::NotYetValid { .. } => "not_yet_valid",
                RedeemError::Expired => "expired",
                RedeemError::Depleted => "depleted",
                RedeemError::NoSeat { .. } if *takeover => "seat_in_use",
                RedeemError::NoSeat { .. } => "no_seat",
                // Whoever is blocked does not reach the portal, but for the moment in which that begins.
                RedeemError::GateFull | RedeemError::Blocked => "gate_full",
            },
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::NoCode | Self::BadCode | Self::BadEmail | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::EmailNeeded | Self::Terms | Self::NotResumable | Self::Foreign => StatusCode::FORBIDDEN,
            Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Code { error, .. } => match error {
                RedeemError::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
                RedeemError::NoSeat { .. } => StatusCode::CONFLICT,
                RedeemError::ClockNotSet | RedeemError::GateFull => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::FORBIDDEN,
            },
        }
    }

    /// Seconds until it may be otherwise.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooFast => Some(5),
            Self::Unavailable(_) => Some(1),
            Self::Code { error, .. } => match error {
                RedeemError::TooManyAttempts { retry_after_s } => Some(*retry_after_s),
                RedeemError::NoSeat { retry_after_s, .. } => *retry_after_s,
                RedeemError::ClockNotSet | RedeemError::GateFull => Some(60),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the form for a code belongs on the same page.
    fn asks_for_code(&self) -> bool {
        !matches!(
            self,
            Self::Foreign
                | Self::TooLarge
                | Self::MediaType
                | Self::Malformed
                | Self::Method(_)
                | Self::NotFound
        )
    }

    /// Whether what was typed is a code of somebody's.
    fn knows_code(&self) -> bool {
        match self {
            Self::Code { error, .. } => !matches!(
                error,
                RedeemError::UnknownCode | RedeemError::TooManyAttempts { .. }
            ),
            _ => false,
        }
    }

    /// Whether an e-mail address may be what was missing; the same whether the code is somebody's or not.
    fn may_lack_email(&self) -> bool {
        matches!(
            self,
            Self::Code {
                error: RedeemError::UnknownCode,
                ..
            }
        )
    }

    /// Its heading and its text.
    fn told(&self, page: &Page) -> Value {
        let language = page.language();
        let name = self.name();
        let mut arguments = Vec::new();
        if let Some(seconds) = self.retry_after() {
            let wait = if seconds < 120 {
                language.say("seconds", Some(seconds), &[])
            } else {
                language.duration(seconds.saturating_mul(1_000))
            };
            arguments.push(("wait", wait));
        }
        let mut n = None;
        match self {
            Self::Code {
                error: RedeemError::NotYetValid { valid_from },
                ..
            } => arguments.push(("when", shown(*valid_from))),
            Self::Code {
                error: RedeemError::NoSeat { user_limit, .. },
                ..
            } => n = Some(u64::from(*user_limit)),
            _ => {}
        }
        let seat_later = match self {
            Self::Code {
                error: RedeemError::NoSeat { retry_after_s, .. },
                takeover: true,
            } => retry_after_s.is_some_and(|seconds| seconds > SEAT_RESTS_S),
            _ => false,
        };
        let text = if seat_later { "too_many_takeovers" } else { name };
        Value::from(std::collections::BTreeMap::from([
            ("name", Value::from(name)),
            (
                "title",
                language.say(&format!("{name}_title"), n, &arguments).into(),
            ),
            (
                "text",
                language.say(&format!("{text}_text"), n, &arguments).into(),
            ),
        ]))
    }
}

/// A time of the calendar for people; the gateway does not know where they are.
pub(super) fn shown(ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(ms);
    time.map(|time| time.format("%Y-%m-%d %H:%M UTC").to_string())
        .unwrap_or_default()
}

/// The page that says no: with the form for a code where one helps.
pub(super) async fn answer(portal: &Portal, asked: &Asked<'_>, refusal: Refusal) -> Answer {
    if !refusal.asks_for_code() {
        return message(portal, asked, &refusal);
    }
    let page = login::page(portal, asked).await;
    let told = refusal.told(&page);
    let mut page = page
        .with("refusal", told)
        .with("email_link", refusal.may_lack_email())
        .with("email_missing", refusal == Refusal::EmailNeeded)
        .with("email_wrong", refusal == Refusal::BadEmail);
    if refusal.knows_code() {
        // What opens sessions is not shown again.
        let code = login::code(asked).map(str::to_owned);
        page = page.with("code", ());
        if let Refusal::Code {
            error: RedeemError::NoSeat { .. },
            ..
        } = refusal
        {
            page = page.with("takeover", true).with("takeover_code", code);
        }
    }
    finish(
        portal.pages.render(refusal.status(), "login.html", page),
        &refusal,
    )
}

/// A page with the refusal alone.
pub(super) fn message(portal: &Portal, asked: &Asked<'_>, refusal: &Refusal) -> Answer {
    let page = Page::new(Arc::clone(&asked.language)).with("here", "/");
    let told = refusal.told(&page);
    let page = page.with("refusal", told);
    finish(
        portal.pages.render(refusal.status(), "message.html", page),
        refusal,
    )
}

fn finish(answer: Answer, refusal: &Refusal) -> Answer {
    let answer = match refusal.retry_after() {
        Some(seconds) => answer::retry_after(answer, seconds),
        None => answer,
    };
    match refusal {
        Refusal::Method(allow) => answer::with(answer, ALLOW, HeaderValue::from_static(allow)),
        Refusal::TooLarge => answer::closing(answer),
        _ => answer,
    }
}
