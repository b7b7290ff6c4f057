//! What goes into the audit with a round's commit.

use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::Core;
use crate::{
    gate::Gate,
    ledger::{Class, Metering, Now, Token, TokenId, minutes_shown},
    mac::Mac,
    store::{Actor, AuditRecord, Store, shortened},
};

impl<S: Store, G: Gate> Core<S, G> {
    /// The token as the audit shows it now; `None` where there is none.
    pub(super) fn audited(&self, id: TokenId, now: Now) -> Option<String> {
        Some(self.shown(id, now)?.to_string())
    }

    fn shown(&self, id: TokenId, now: Now) -> Option<Value> {
        let class = self.ledger.class(id).map(Class::as_str);
        Some(shown(&self.ledger.token(id, now)?.token, class))
    }

    /// A change of a token that has been decided; its present state is what it is after.
    pub(super) fn audit_token(
        &mut self,
        action: &'static str,
        id: TokenId,
        before: Option<String>,
        by: Actor,
        now: Now,
    ) {
        let after = self.audited(id, now);
        self.push_token(action, id, before, after, by, now);
    }

    /// A balance that was set, with the reason that was given.
    pub(super) fn audit_balance(
        &mut self,
        id: TokenId,
        before: Option<String>,
        reason: String,
        by: Actor,
        now: Now,
    ) {
        let after = self.shown(id, now).map(|mut shown| {
            if !reason.is_empty() {
                shown["Reason"] = reason.into();
            }
            shown.to_string()
        });
        self.push_token("token.balance", id, before, after, by, now);
    }

    fn push_token(
        &mut self,
        action: &'static str,
        id: TokenId,
        before: Option<String>,
        after: Option<String>,
        by: Actor,
        now: Now,
    ) {
        self.audits.push(AuditRecord {
            on: now.wall,
            by,
            action: action.into(),
            object: format!("token/{id}"),
            before,
            after,
        });
    }

    /// Many tokens that were made at once, one record for all: their numbers, and the first of them.
    pub(super) fn audit_creation(&mut self, ids: &[TokenId], by: Actor, now: Now) {
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            return;
        };
        self.audits.push(AuditRecord {
            on: now.wall,
            by,
            action: "token.create".into(),
            object: format!("token/{first}-{last}"),
            before: None,
            after: self.audited(*first, now),
        });
    }

    /// A device that an administrator has disconnected.
    pub(super) fn audit_disconnect(&mut self, mac: Mac, zone: Option<u16>, by: Actor, now: Now) {
        self.audits.push(AuditRecord {
            on: now.wall,
            by,
            action: "session.disconnect".into(),
            object: format!("session/{mac}"),
            before: Some(json!({"MacAddress": mac.to_string(), "Zone": zone}).to_string()),
            after: None,
        });
    }
}

fn shown(token: &Token, class: Option<&str>) -> Value {
    let time = |ms: Option<i64>| {
        let time = DateTime::from_timestamp_millis(ms?)?;
        Some(time.to_rfc3339_opts(SecondsFormat::Secs, true))
    };
    let metering = match token.metering {
        Metering::ConnectedTime => "ConnectedTime",
        Metering::ElapsedTime => "ElapsedTime",
    };
    let mut shown = json!({
        "BusinessId": token.business_id,
        "AccessCode": shortened(token.code.as_str()),
        "Description": token.description,
        "MinutesIncluded": token.minutes_included,
        "MinutesLeft": minutes_shown(token.left()),
        "ValidFrom": time(token.valid_from),
        "ValidTo": time(token.valid_to),
        "UserLimit": token.user_limit,
        "MacAddress": token.mac_address.map(|mac| mac.to_string()),
        "BookingGuid": token.booking_guid,
        "VisitorGuid": token.visitor_guid,
        "SystemId": token.system_id,
        "Metering": metering,
    });
    if let Some(class) = class {
        // The address is personal; that one is asked for is not.
        shown["Class"] = class.into();
    }
    shown
}
