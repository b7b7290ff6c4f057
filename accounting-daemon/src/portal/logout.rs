//! `/logout`: a question, since links change nothing, and the end of the session.

use hyper::{StatusCode, header::SET_COOKIE};

use super::{Asked, Portal, Refusal, cookie, login, offer::Offer};
use crate::{
    engine,
    http::answer::{self, Answer},
    ledger::{Cause, Metering},
};

/// Asks whether it is meant.
pub(super) async fn show(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let guest = asked.guest;
    let sessions = match portal
        .engine
        .sessions_of(guest.device.mac, Some(guest.device.zone))
        .await
    {
        Ok(sessions) => sessions,
        Err(reason) => return portal.refuse(asked, Refusal::Unavailable(reason)).await,
    };
    let Some(session) = sessions.first() else {
        return login::see("/login");
    };
    let page = login::plain(asked)
        .with("here", "/logout")
        .with("question", true)
        .with("keeps", session.token.metering == Metering::ConnectedTime);
    login::spoken(asked, portal.pages.render(StatusCode::OK, "logout.html", page))
}

/// Ends the session of the device that asks, whatever its form says.
pub(super) async fn release(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let guest = asked.guest;
    let released = portal
        .engine
        .release(guest.device.mac, Some(guest.device.zone), Cause::Logout);
    match released.await {
        // Who is offline already has what was asked for.
        Ok(()) | Err(engine::Refusal::Ledger(_)) => {}
        Err(engine::Refusal::Unavailable(reason)) => {
            return portal.refuse(asked, Refusal::Unavailable(reason)).await;
        }
    }
    let forget = asked.field("forget").is_some();
    let page = login::plain(asked).with("here", "/login").with("question", false);
    let page = match Offer::of(portal, asked).await {
        Some(offer) if !forget => page.with("offer", login::offered(&offer, asked)),
        _ => page,
    };
    let answer = portal.pages.render(StatusCode::OK, "logout.html", page);
    if forget {
        return answer::with(answer, SET_COOKIE, cookie::forget());
    }
    answer
}
