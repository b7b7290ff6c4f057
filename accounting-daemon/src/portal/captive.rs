//! `/captive-api`: RFC 8908, for devices that ask the network itself whether they are online.

use hyper::{
    StatusCode,
    header::{CACHE_CONTROL, HeaderValue},
};
use serde::Serialize;

use super::{Asked, Portal};
use crate::http::answer::{self, Answer};

/// The state of the device that asks. There is no limit of bytes, so no `bytes-remaining`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct State<'a> {
    captive: bool,
    user_portal_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    venue_info_url: Option<&'a str>,
    can_extend_session: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_remaining: Option<u64>,
}

/// Answers before and after login; 503 while the engine gives no answer, which is no news.
pub(super) async fn answer(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let guest = asked.guest;
    let mut seconds_remaining = None;
    let mut captive = true;
    if portal.is_online(guest) {
        match portal
            .engine
            .sessions_of(guest.device.mac, Some(guest.device.zone))
            .await
        {
            Ok(sessions) => {
                if let Some(session) = sessions.first() {
                    captive = false;
                    // What is left of the last second is nothing to promise.
                    seconds_remaining = session.left.map(|ms| ms / 1_000);
                }
            }
            Err(_) => return private(super::pages::bare(StatusCode::SERVICE_UNAVAILABLE)),
        }
    }
    let state = State {
        captive,
        user_portal_url: format!("{}/", asked.base),
        venue_info_url: portal.config.venue.as_deref(),
        // Another code adds its time.
        can_extend_session: true,
        seconds_remaining,
    };
    private(answer::typed_json(
        StatusCode::OK,
        "application/captive+json",
        &state,
    ))
}

fn private(answer: Answer) -> Answer {
    answer::with(
        answer,
        CACHE_CONTROL,
        HeaderValue::from_static("private, no-store"),
    )
}
