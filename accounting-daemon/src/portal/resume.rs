//! `/resume`: back online with one tap, for a browser that holds the secret of its redemption.

use hyper::StatusCode;

use super::{Asked, Portal, Refusal, login, offer::Offer};
use crate::{http::answer::Answer, ledger::Given};

/// Offers it.
pub(super) async fn show(portal: &Portal, asked: &Asked<'_>) -> Answer {
    if portal.is_online(asked.guest) {
        return login::to_status(asked, false, None);
    }
    let Some(offer) = Offer::of(portal, asked).await else {
        return login::see("/login");
    };
    let page = login::plain(asked)
        .with("here", "/resume")
        .with("offer", login::offered(&offer, asked))
        .with("dst", login::destination(asked).map(|wanted| wanted.url));
    login::spoken(asked, portal.pages.render(StatusCode::OK, "resume.html", page))
}

/// Opens a session as the code itself would, with the same conditions.
pub(super) async fn redeem(portal: &Portal, asked: &Asked<'_>) -> Answer {
    match Offer::of(portal, asked).await {
        Some(offer) => {
            let token = &offer.token.token;
            let given = Given::Secret(token.id);
            login::enter(portal, asked, token.code.clone(), given, Some(offer.digest)).await
        }
        None => portal.refuse(asked, Refusal::NotResumable).await,
    }
}
