//! The answers of a round, as things stand at its end.

use std::collections::BTreeSet;

use super::{
    BalanceView, Core, Refusal, SessionView, TokenView, Unavailable,
    answer::{PageAsked, Pending},
};
use crate::{
    gate::Gate,
    ledger::{EditError, Now, RedeemError, SessionId, TokenId, Traffic},
    mac::DeviceId,
    store::Store,
};

impl<S: Store, G: Gate> Core<S, G> {
    /// Sends what was decided; `refused` are the sessions that the kernel did not take.
    pub(super) fn answer(&self, decided: Pending, refused: &BTreeSet<SessionId>, now: Now) {
        // An asker that has gone away is no fault.
        let _ = match decided {
            Pending::Create(result, answer) => {
                let result = result.map_err(Refusal::Ledger).and_then(|id| {
                    self.token_view(id, now)
                        .map(|view| view.token)
                        .ok_or(Refusal::Unavailable(Unavailable::Store))
                });
                answer.send(result).is_ok()
            }
            Pending::CreateAll(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Edit(result, answer) => {
                let result = result.and_then(|id| self.token_view(id, now).ok_or(EditError::NotFound));
                answer.send(result.map_err(Refusal::Ledger)).is_ok()
            }
            Pending::Delete(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Token(id, answer) => answer.send(Ok(self.token_view(id, now))).is_ok(),
            Pending::Redeem(result, answer) => {
                let result = result.map_err(Refusal::Ledger).and_then(|(device, id)| {
                    if refused.contains(&id) {
                        return Err(Refusal::Ledger(RedeemError::GateFull));
                    }
                    // Another letter of the same round may have ended it again: asked once more, it is decided anew.
                    let view = self.session_view(device, now).filter(|view| view.id == id);
                    view.ok_or(Refusal::Unavailable(Unavailable::Busy))
                });
                answer.send(result).is_ok()
            }
            Pending::Release(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::SessionsOf(mac, zone, answer) => {
                let devices = self
                    .ledger
                    .devices_of(mac)
                    .filter(|device| zone.is_none_or(|zone| device.zone == zone));
                let views = devices.filter_map(|device| self.session_view(device, now));
                answer.send(Ok(views.collect())).is_ok()
            }
            Pending::Check(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::Sessions(asked, answer) => {
                let PageAsked { filter, after, size } = asked;
                answer.send(Ok(self.page(&filter, after, size, now))).is_ok()
            }
            Pending::ChangeList(result, answer) => answer.send(result.map_err(Refusal::Ledger)).is_ok(),
            Pending::List(asked, answer) => answer.send(Ok(self.list_page(&asked))).is_ok(),
            Pending::Nothing => true,
            Pending::Stop(answer) => answer.send(()).is_ok(),
        };
    }

    pub(super) fn token_view(&self, id: TokenId, now: Now) -> Option<TokenView> {
        let account = self.ledger.token(id, now)?;
        Some(TokenView {
            token: account.token,
            seats_used: account.seats_used,
        })
    }

    pub(super) fn balance_view(&self, id: TokenId, now: Now) -> Option<BalanceView> {
        let account = self.ledger.balance(id, now)?;
        Some(BalanceView {
            token: account.balance,
            seats_used: account.seats_used,
        })
    }

    pub(super) fn session_view(&self, device: DeviceId, now: Now) -> Option<SessionView> {
        let found = self.ledger.session(device, now)?;
        let counted = self.gate.traffic(device).unwrap_or_default();
        let heard = self.carried.row(found.session.id, counted, now);
        Some(SessionView {
            id: found.session.id,
            device,
            token: found.account.balance,
            seats_used: found.account.seats_used,
            opened_on: found.session.opened_wall,
            last_seen: heard.last_seen_on.unwrap_or(found.session.opened_wall),
            left: found.left,
            traffic: Traffic {
                seen_up: counted.seen_up,
                seen_down: counted.seen_down,
                ..heard.total
            },
            addresses: found.session.addresses,
        })
    }
}
