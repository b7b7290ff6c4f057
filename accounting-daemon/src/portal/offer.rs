//! What a browser may resume: the token of the redemption whose secret it holds. A MAC address alone never does.

use super::{Asked, Portal, cookie::Secret};
use crate::{
    engine::TokenView,
    store::{Digest, Resumption},
};

const DAY_MS: i64 = 86_400_000;

/// Characters of a code that are shown, at most.
const SHOWN_MAX: usize = 3;

/// A token that may be resumed.
pub(super) struct Offer {
    pub(super) token: TokenView,
    /// The secret by which it may.
    pub(super) digest: Digest,
}

impl Offer {
    /// What the browser of a request may resume; `None` also where it cannot be found out.
    pub(super) async fn of(portal: &Portal, asked: &Asked<'_>) -> Option<Self> {
        let digest = Secret::of(&asked.head.headers)?.digest();
        let resumption = match portal.disk.resumption(&digest) {
            Ok(found) => found?,
            Err(error) => {
                tracing::warn!(%error, "a resumption could not be looked up");
                return None;
            }
        };
        let now = (portal.clock)();
        let age = now.wall.saturating_sub(resumption.issued);
        if age > i64::from(portal.config.resume_days) * DAY_MS {
            return None;
        }
        let token = portal.engine.token(resumption.token).await.ok()??;
        Some(Self { token, digest })
    }

    /// The end of its code, so that people recognise it.
    pub(super) fn hint(&self) -> String {
        let folded = self.token.token.code.folded();
        let text = folded.as_str();
        let characters = text.chars().count();
        let hidden = characters - (characters / 3).min(SHOWN_MAX);
        text.chars().skip(hidden).collect()
    }
}

impl Portal {
    /// A secret for a redemption that just succeeded, in place of the one that was `spent`; nothing where it cannot be kept.
    pub(super) async fn give_secret(&self, token: u64, spent: Option<Digest>) -> Option<Secret> {
        if self.config.resume_days == 0 {
            return None;
        }
        let secret = Secret::draw().ok()?;
        let kept = Resumption {
            digest: secret.digest(),
            token,
            issued: (self.clock)().wall,
        };
        self.writer.keep(kept, spent).await.then_some(secret)
    }
}
