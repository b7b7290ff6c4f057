//! One transaction: every row of a commit, and the checkpoint.

use redb::{ReadableTable, WriteTransaction};

use super::{
    AuditRetention, Checkpoint, Write,
    admissions::Hints,
    audit,
    codec::Row,
    devices::Merge,
    factors, lists,
    meta::{number, time},
    schema::{
        ADJUSTMENTS, HEARD, META, META_CHECKPOINT, META_FLOOR, META_NEXT_SESSION, META_NEXT_TOKEN, PRUNED,
    },
    tokens::{Tokens, first_seats},
    usage::UsageTables,
};
use crate::ledger::{SessionId, TokenId};

pub(super) fn write_all(
    transaction: &WriteTransaction,
    writes: &[Write],
    checkpoint: Checkpoint,
    retention: AuditRetention,
    hints: &Hints,
    merge: &mut Merge,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(META_CHECKPOINT, checkpoint.encode().as_slice())?;
    if writes.is_empty() {
        return Ok(());
    }
    let mut tokens = Tokens::open(transaction, hints)?;
    let first_seats = first_seats(writes);
    let mut usage = UsageTables::open(transaction)?;
    let mut adjustments = transaction.open_table(ADJUSTMENTS)?;
    let mut pruned = transaction.open_table(PRUNED)?;
    let mut heard = transaction.open_table(HEARD)?;
    let mut audited = Vec::new();
    let mut last_token: Option<TokenId> = None;
    let mut last_session: Option<SessionId> = None;
    for write in writes {
        match write {
            Write::Create(token) | Write::Edit(token) => {
                tokens.keep(token)?;
                if let Write::Create(token) = write {
                    last_token = last_token.max(Some(token.id));
                }
            }
            Write::Update(balance) => {
                match first_seats.get(&balance.id) {
                    Some(session) => tokens.charge_with(balance, session)?,
                    None => tokens.charge(balance)?,
                }
                // The number of a run is taken from its beginning on.
                last_session = last_session.max(balance.run.as_ref().map(|run| run.id));
            }
            Write::Uncode(code) => tokens.uncode(code),
            Write::Delete(id) => {
                pruned.remove(id)?;
                factors::forget(transaction, *id)?;
                tokens.remove(*id)?;
            }
            Write::Factor(id, factor) => factors::keep(transaction, *id, factor)?,
            Write::Adjust(adjustment) => {
                let of_token = (adjustment.token, 0)..=(adjustment.token, u64::MAX);
                let last = adjustments
                    .range(of_token)?
                    .next_back()
                    .transpose()?
                    .map(|(key, _)| key.value().1);
                let number = last.map_or(1, |last| last + 1);
                adjustments.insert((adjustment.token, number), adjustment.encode().as_slice())?;
            }
            Write::Open(session) => {
                tokens.open_session(session)?;
                last_session = last_session.max(Some(session.id));
            }
            Write::Heard(row) => {
                heard.insert(row.id, row.encode().as_slice())?;
            }
            Write::Release(record) => {
                tokens.close_session(record.id)?;
                heard.remove(record.id)?;
                usage.keep(record)?;
            }
            Write::EndRun(record) => {
                usage.keep(record)?;
                last_session = last_session.max(Some(record.id));
            }
            Write::Void(id) => {
                tokens.close_session(*id)?;
                heard.remove(id)?;
            }
            Write::Unrelease(id) => {
                usage.forget(*id)?;
            }
            Write::Prune(records) => {
                for id in records {
                    let Some(record) = usage.forget(*id)? else {
                        continue;
                    };
                    if tokens.has(record.token)? {
                        let sum = pruned.get(record.token)?.map_or(0, |sum| sum.value());
                        pruned.insert(record.token, sum.saturating_add(record.charged))?;
                    }
                }
            }
            Write::List(entry) => lists::keep(transaction, entry)?,
            Write::Unlist(kind, device) => lists::forget(transaction, *kind, *device)?,
            Write::Floor(wall) => {
                let kept = meta.get(META_FLOOR)?.and_then(|row| time(row.value()));
                let wall = kept.map_or(*wall, |kept| kept.max(*wall));
                meta.insert(META_FLOOR, wall.to_le_bytes().as_slice())?;
            }
            Write::Audit(record) => audited.push(record),
        }
    }
    tokens.finish(merge)?;
    for (name, last) in [(META_NEXT_TOKEN, last_token), (META_NEXT_SESSION, last_session)] {
        let kept = meta.get(name)?.and_then(|row| number(row.value())).unwrap_or(1);
        if let Some(last) = last
            && last >= kept
        {
            meta.insert(name, (last + 1).to_le_bytes().as_slice())?;
        }
    }
    drop(meta);
    audit::keep(transaction, &audited, retention)
}
