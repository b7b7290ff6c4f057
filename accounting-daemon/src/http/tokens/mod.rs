//! `/api/spaces/accesstokens`: the record API, one call a file.

mod cell;
pub(super) mod classed;
mod column;
mod commands;
#[cfg(test)]
mod conformance;
mod create;
mod delete;
mod draft;
mod edit;
mod endpoints;
mod export;
mod filter;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod import;
mod list;
mod many;
mod order;
mod query;
mod select;
mod show;

pub(super) use endpoints::ENDPOINTS;

use super::{
    Context,
    answer::Answer,
    auth::Caller,
    body::MediaType,
    endpoint::Asked,
    fields::{BodyError, Fields},
    nexudus,
};
use crate::ledger::TokenId;

/// Writes, unless the caller has written too much.
async fn write(context: &Context, caller: &Caller, work: impl Future<Output = Answer>) -> Answer {
    match context.writes.take(&caller.name, (context.clock)().monotonic) {
        Some(wait) => nexudus::throttled(wait),
        None => work.await,
    }
}

/// The members of the body.
fn fields(asked: &Asked) -> Result<Fields, BodyError> {
    match asked.media_type {
        Some(MediaType::Form) => Fields::form(&asked.body),
        _ => Fields::loose_json(&asked.body),
    }
}

/// The number in the path; `None` for anything that no token can have.
fn id(asked: &Asked) -> Option<TokenId> {
    let id = asked.variable.parse().ok()?;
    (1..=crate::ledger::ID_MAX).contains(&id).then_some(id)
}
