//! What the fuzzer asks of the readers of tokens, besides that they do not panic: what is shown is read again as it was.

use uuid::Uuid;

use super::{
    draft::Draft,
    export,
    filter::{Filter, Filters},
    import, list,
};
use crate::{
    http::{
        auth::Caller,
        fields::{BodyError, Fields},
        form,
        record::Record,
    },
    ledger::{AccessCode, MINUTE_MS, Metering, Run, Token},
    mac::{DeviceId, Mac},
    store::Among,
};

fn caller() -> Caller {
    Caller::administrator("fuzz")
}

/// A new token: as a record, and in a table, it is the same token.
pub(in crate::http) fn draft(fields: impl Fn() -> Result<Fields, BodyError>) {
    let Ok(Ok(draft)) = fields().map(|fields| Draft::read(fields, &caller())) else {
        return;
    };
    let token = made(&draft);
    let shown = serde_json::to_vec(&Record::from(&token)).unwrap_or_default();
    let again = Fields::json(&shown).map(|fields| Draft::read(fields, &caller()));
    let code = Some(token.code.clone());
    let minutes_left = draft.minutes_left.or(Some(draft.minutes_included));
    let expected = Draft {
        code,
        minutes_left,
        ..draft
    };
    assert!(
        matches!(&again, Ok(Ok(again)) if *again == expected),
        "a record is read as another token: {}",
        String::from_utf8_lossy(&shown)
    );
    in_a_table(expected, &token);
}

/// A table to import.
pub(in crate::http) fn table(body: &[u8]) {
    let (drafts, faults) = import::read(body, &caller());
    for fault in &faults {
        assert!(
            fault.row.is_none_or(|row| row > 0 && !drafts.contains_key(&row)),
            "a row is good and bad"
        );
    }
    for draft in drafts.into_values() {
        let token = made(&draft);
        let code = Some(token.code.clone());
        let minutes_left = draft.minutes_left.or(Some(draft.minutes_included));
        let draft = Draft {
            code,
            minutes_left,
            ..draft
        };
        in_a_table(draft, &token);
    }
}

/// What the export writes of a token, the import reads; only an empty text comes back as none.
fn in_a_table(mut expected: Draft, token: &Token) {
    let table = export::rows(true, std::iter::once(token));
    let mut cells = csv::ReaderBuilder::new();
    for row in cells.has_headers(false).from_reader(table.as_slice()).records() {
        let harmless = |cell: &str| !cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
        assert!(row.is_ok_and(|row| row.iter().all(harmless)), "a formula");
    }
    expected.description = expected.description.filter(|text| !text.is_empty());
    expected.system_id = expected.system_id.filter(|text| !text.is_empty());
    let (drafts, faults) = import::read(&table, &caller());
    assert!(
        faults.is_empty() && drafts.values().eq([&expected]),
        "an export imports as other tokens: {}",
        String::from_utf8_lossy(&table)
    );
}

/// The token that a draft makes, as the ledger makes it.
fn made(draft: &Draft) -> Token {
    let minutes = draft.minutes_left.unwrap_or(draft.minutes_included);
    Token {
        business_id: draft.business_id,
        code: draft.code.clone().unwrap_or_else(|| sample().code),
        description: draft.description.clone(),
        minutes_included: draft.minutes_included,
        valid_from: draft.valid_from,
        valid_to: draft.valid_to,
        user_limit: draft.user_limit,
        mac_address: draft.mac_address,
        booking_guid: draft.booking_guid,
        visitor_guid: draft.visitor_guid,
        system_id: draft.system_id.clone(),
        metering: draft.metering,
        entitled: u64::from(minutes) * MINUTE_MS,
        used: 0,
        ..sample()
    }
}

/// A token with a value in every field.
fn sample() -> Token {
    let device = DeviceId {
        mac: Mac([2, 0, 0, 0, 0, 7]),
        zone: 3,
    };
    let Ok(code) = AccessCode::new("CODE-7") else {
        unreachable!("it is a code")
    };
    Token {
        id: 7,
        unique_id: Uuid::from_u128(7),
        business_id: 1,
        code,
        description: Some("Room 4".to_owned()),
        minutes_included: 60,
        valid_from: Some(1_736_937_000_000),
        valid_to: None,
        user_limit: Some(2),
        mac_address: Some(device.mac),
        booking_guid: Some(Uuid::from_u128(8)),
        visitor_guid: Some(Uuid::from_u128(9)),
        last_access: Some(1_736_938_000_000),
        created_on: 1_736_936_000_000,
        updated_on: 1_736_936_500_000,
        updated_by: "a@b".to_owned(),
        system_id: Some("{}".to_owned()),
        metering: Metering::ElapsedTime,
        entitled: 60 * MINUTE_MS,
        used: 5,
        settled: 0,
        draws: 0,
        run: Some(Run {
            id: 5,
            device,
            opened_wall: 1_736_938_000_000,
            charged: 1,
            paused: false,
        }),
    }
}

/// The query of a list: it asks for a token exactly when each of its parameters alone does, whichever index finds it.
pub(in crate::http) fn list(query: &str) {
    let caller = caller();
    if list::read(Some(query), &caller, false).is_err() {
        return;
    }
    let pairs = form::pairs(query.as_bytes()).unwrap_or_default();
    let is_filter =
        |name: &str| !["page", "size", "orderby", "dir"].contains(&name.to_ascii_lowercase().as_str());
    let pairs: Vec<_> = pairs.into_iter().filter(|(name, _)| is_filter(name)).collect();
    let filter = |pairs: &[(String, String)]| {
        let mut filters = Filters::new(&caller);
        pairs.iter().for_each(|(name, text)| filters.take(name, text));
        filters.finish()
    };
    let Ok(all) = filter(&pairs) else {
        panic!("a filter that a list takes is none")
    };
    // Numbers that are asked for add up.
    let is_id = |name: &str| ["id", "accesstoken_id"].contains(&name.to_ascii_lowercase().as_str());
    let (ids, others): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|(name, _)| is_id(name));
    let alone: Vec<Filter> = std::iter::once(ids.as_slice())
        .filter(|ids| !ids.is_empty())
        .chain(others.chunks(1))
        .filter_map(|pairs| filter(pairs).ok())
        .collect();
    for token in [sample(), bare()] {
        let wanted = alone.iter().all(|filter| is_meant(filter, &token));
        assert_eq!(finds(&all, &token), wanted, "{query:?} about token {}", token.id);
    }
}

/// A token with as few values as there can be.
fn bare() -> Token {
    Token {
        id: 8,
        unique_id: Uuid::nil(),
        business_id: 2,
        description: None,
        minutes_included: 0,
        valid_from: None,
        valid_to: Some(0),
        user_limit: None,
        mac_address: None,
        booking_guid: None,
        visitor_guid: None,
        last_access: None,
        system_id: None,
        metering: Metering::ConnectedTime,
        run: None,
        ..sample()
    }
}

/// Whether a walk for this filter comes to a token and takes it.
fn finds(filter: &Filter, token: &Token) -> bool {
    let begun = filter.begins_after().is_none_or(|after| token.id > after);
    begun && !filter.is_over_after(token.id - 1) && is_meant(filter, token)
}

/// Whether a walk over all tokens of the index takes it.
fn is_meant(filter: &Filter, token: &Token) -> bool {
    let walked = match filter.among() {
        Among::All => true,
        Among::Ids(ids) => ids.contains(&token.id),
        Among::Code(code) => token.code.folded() == *code,
        Among::UniqueId(guid) => token.unique_id == *guid,
        Among::Mac(mac) => token.mac_address == Some(*mac),
        Among::Booking(guid) => token.booking_guid == Some(*guid),
        Among::Visitor(guid) => token.visitor_guid == Some(*guid),
        Among::Locations(locations) => locations.contains(&token.business_id),
    };
    walked && filter.takes(token)
}
