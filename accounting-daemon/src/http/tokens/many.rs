//! Many tokens at once, for commands and imports: all or none.

use super::{create::GENERATED_MAX, draft::Draft};
use crate::{
    engine::Refusal,
    http::{Context, answer::Answer, auth::Caller, dialect::Dialect, endpoint::Asked, nexudus},
    ledger::{CreateError, TokenId},
};

/// Tokens of one call at most: they are one commit, and lie in memory until it is done.
pub(super) const TOKENS_MAX: usize = 100_000;

/// Tokens between two looks at what else waits.
const TURN: usize = 1_024;

/// Why none was made.
pub(super) enum NoneMade {
    /// Codes that were given are in use: their places.
    InUse(Vec<usize>),
    /// What to answer.
    Answer(Answer),
}

/// Makes a token of each draft; codes that are not given are generated.
pub(super) async fn create(
    context: &Context,
    caller: &Caller,
    asked: &Asked,
    drafts: &[&Draft],
) -> Result<Vec<TokenId>, NoneMade> {
    for _ in 0..GENERATED_MAX {
        let mut new = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.iter().enumerate() {
            if place % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
            let one = draft.to_new(context, caller, drafts.len() as u64);
            new.push(one.map_err(|error| {
                tracing::error!(%error, "no tokens were made");
                NoneMade::Answer(nexudus::failed())
            })?);
        }
        let clashes = match context.engine.create_all(new, asked.actor(caller)).await {
            Ok(ids) => {
                ids.last().into_iter().for_each(|id| context.codes.created(*id));
                return Ok(ids);
            }
            Err(Refusal::Ledger(refused)) => refused.0,
            Err(Refusal::Unavailable(reason)) => {
                return Err(NoneMade::Answer(Dialect::Record.unavailable(reason)));
            }
        };
        if let Some(clash) = clashes.iter().find(|clash| clash.error != CreateError::CodeInUse) {
            tracing::error!(error = %clash.error, "no tokens were made");
            return Err(NoneMade::Answer(nexudus::failed()));
        }
        let given = |place: &usize| drafts.get(*place).is_some_and(|draft| draft.code.is_some());
        let places: Vec<usize> = clashes.iter().map(|clash| clash.place).filter(given).collect();
        if !places.is_empty() {
            return Err(NoneMade::InUse(places));
        }
    }
    tracing::error!("generated access codes were in use again and again: raise `codes.length`");
    Err(NoneMade::Answer(nexudus::failed()))
}
