//! `/status`: how long it goes on, and who shares it.

use hyper::StatusCode;

use super::{Asked, Portal, Refusal, login, offer::Offer, refusal};
use crate::{engine::SessionView, http::answer::Answer, ledger::Metering};

/// The first page: the form, or the status of who is online.
pub(super) async fn home(portal: &Portal, asked: &Asked<'_>) -> Answer {
    if portal.is_online(asked.guest) {
        return login::to_status(asked, false, None);
    }
    login::show(portal, asked).await
}

/// The status, or why there is none.
pub(super) async fn show(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let guest = asked.guest;
    let sessions = if portal.is_online(guest) {
        portal
            .engine
            .sessions_of(guest.device.mac, Some(guest.device.zone))
            .await
    } else {
        Ok(Vec::new())
    };
    match sessions {
        Ok(sessions) => match sessions.first() {
            Some(session) => online(portal, asked, session),
            None => offline(portal, asked).await,
        },
        Err(reason) => portal.refuse(asked, Refusal::Unavailable(reason)).await,
    }
}

fn online(portal: &Portal, asked: &Asked<'_>, session: &SessionView) -> Answer {
    let token = &session.token;
    let (left, of) = (token.left(), token.entitled.max(1).cast_unsigned());
    // What is shown is when this device is cut; other devices and dates may make that sooner than the balance.
    let ends_in = session.left.unwrap_or(left);
    let percent = u128::from(left) * 100 / u128::from(of);
    let wanted = login::destination(asked);
    let page = login::plain(asked)
        .with("here", "/status")
        .with("welcome", asked.field("welcome").is_some())
        .with("clock", clock(ends_in))
        .with("seconds", ends_in.div_ceil(1_000))
        .with("left", asked.language.duration(ends_in))
        .with("balance", asked.language.duration(left))
        .with("minutes", login::minutes(left))
        .with("percent", u64::try_from(percent.min(100)).unwrap_or(100))
        .with("seats_used", session.seats_used)
        .with("seats", token.user_limit.get().unwrap_or(1))
        .with("elapsed", token.metering == Metering::ElapsedTime)
        .with("valid_to", token.valid_to.get().map(refusal::shown))
        .with("device", session.device.mac.to_string())
        .with("dst", wanted.as_ref().map(|wanted| wanted.url.clone()))
        .with("dst_host", wanted.map(|wanted| wanted.host));
    login::spoken(asked, portal.pages.render(StatusCode::OK, "status.html", page))
}

/// Who watched the end of the time is told that, and what can be done.
async fn offline(portal: &Portal, asked: &Asked<'_>) -> Answer {
    let ended = Offer::of(portal, asked)
        .await
        .is_some_and(|offer| offer.token.token.left() == 0);
    let page = login::page(portal, asked).await;
    let page = page
        .with("here", "/login")
        .with("ended", ended)
        .with("offline", !ended);
    login::spoken(asked, portal.pages.render(StatusCode::OK, "login.html", page))
}

/// Hours, minutes and seconds as on a clock.
fn clock(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_rounds_up_and_has_hours_only_when_needed() {
        for (ms, shown) in [
            (0, "0:00"),
            (1, "0:01"),
            (59_001, "1:00"),
            (3_599_000, "59:59"),
            (3_600_000, "1:00:00"),
            (360_061_000, "100:01:01"),
        ] {
            assert_eq!(clock(ms), shown);
        }
    }
}
