//! Open sessions, page by page: each page is a letter of its own, so that redemptions pass in between.

use std::collections::BTreeSet;

use super::{Core, SessionView};
use crate::{
    gate::Gate,
    ledger::{Now, Online, SessionId, TokenId},
    mac::{DeviceId, Mac},
    store::Store,
};

/// Sessions that one letter looks at.
const LOOKED_AT_MAX: usize = 2_048;

/// Which open sessions are asked for; `None`: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Those on this token.
    pub token: Option<TokenId>,
    /// Those of this address.
    pub mac: Option<Mac>,
    /// Those in this zone.
    pub zone: Option<u16>,
    /// Those on tokens of these locations.
    pub locations: Option<BTreeSet<u64>>,
}

/// Some of them, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionView>,
    /// The number of the last session that was looked at, where there are more.
    pub next: Option<SessionId>,
}

impl<S: Store, G: Gate> Core<S, G> {
    /// At most `size` sessions with greater numbers than `after`; fewer may come although there are more.
    pub(super) fn page(
        &self,
        filter: &SessionFilter,
        after: SessionId,
        size: usize,
        now: Now,
    ) -> SessionPage {
        let mut page = SessionPage::default();
        let (mut looked_at, mut last) = (0, after);
        for session in self.candidates(filter, after) {
            if looked_at == LOOKED_AT_MAX || page.sessions.len() == size {
                page.next = Some(last);
                break;
            }
            (looked_at, last) = (looked_at + 1, session.id);
            if self.wanted(filter, &session) {
                page.sessions.extend(self.session_view(session.device, now));
            }
        }
        page
    }

    fn candidates<'a>(
        &'a self,
        filter: &SessionFilter,
        after: SessionId,
    ) -> Box<dyn Iterator<Item = Online> + 'a> {
        let few: Vec<DeviceId> = match (filter.mac, filter.token) {
            (Some(mac), _) => self.ledger.devices_of(mac).collect(),
            (None, Some(token)) => self.ledger.devices_on(token).to_vec(),
            (None, None) => return Box::new(self.ledger.sessions_after(after)),
        };
        let mut few: Vec<Online> = few
            .into_iter()
            .filter_map(|device| self.ledger.online_as(device))
            .filter(|session| session.id > after)
            .collect();
        few.sort_by_key(|session| session.id);
        Box::new(few.into_iter())
    }

    fn wanted(&self, filter: &SessionFilter, session: &Online) -> bool {
        let location = || self.ledger.location_of(session.token);
        filter.token.is_none_or(|token| token == session.token)
            && filter.mac.is_none_or(|mac| mac == session.device.mac)
            && filter.zone.is_none_or(|zone| zone == session.device.zone)
            && (filter.locations.as_ref())
                .is_none_or(|seen| location().is_some_and(|location| seen.contains(&location)))
    }
}
