//! One transaction: every row of a commit, and the checkpoint.

use redb::{ReadableTable, WriteTransaction};

use super::{
    AuditRetention, Checkpoint, Write, audit,
    codec::Row,
    codes::Codes,
    devices::Merge,
    disk::{number, time},
    index::Indexes,
    lists,
    schema::{
        ADJUSTMENTS, HEARD, META, META_CHECKPOINT, META_FLOOR, META_NEXT_SESSION, META_NEXT_TOKEN, PRUNED,
        RUNS, SESSIONS, TOKENS,
    },
    usage::UsageTables,
};
use crate::ledger::{SessionId, TokenId};

pub(super) fn write_all(
    transaction: &WriteTransaction,
    writes: &[Write],
    checkpoint: Checkpoint,
    retention: AuditRetention,
    merge: &mut Merge,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(META_CHECKPOINT, checkpoint.encode().as_slice())?;
    if writes.is_empty() {
        return Ok(());
    }
    let mut tokens = transaction.open_table(TOKENS)?;
    let mut codes = Codes::open(transaction)?;
    let mut sessions = transaction.open_table(SESSIONS)?;
    let mut usage = UsageTables::open(transaction)?;
    let mut adjustments = transaction.open_table(ADJUSTMENTS)?;
    let mut runs = transaction.open_table(RUNS)?;
    let mut pruned = transaction.open_table(PRUNED)?;
    let mut heard = transaction.open_table(HEARD)?;
    let mut audited = Vec::new();
    let mut indexes = Indexes::open(transaction)?;
    let mut last_token: Option<TokenId> = None;
    let mut last_session: Option<SessionId> = None;
    for write in writes {
        match write {
            Write::Create(token) | Write::Update(token) => {
                let row = token.encode();
                let before = tokens.insert(token.id, row.as_slice())?;
                let before_row = before.as_ref().map(redb::AccessGuard::value);
                indexes.moved(before_row, Some(&row))?;
                codes.keep(token, before_row)?;
                drop(before);
                if token.run.is_some() {
                    runs.insert(token.id, ())?;
                } else {
                    runs.remove(token.id)?;
                }
                // The number of a run is taken from its beginning on.
                last_session = last_session.max(token.run.as_ref().map(|run| run.id));
                if let Write::Create(token) = write {
                    last_token = last_token.max(Some(token.id));
                }
            }
            Write::Uncode(code) => {
                codes.forget(code);
            }
            Write::Delete(id) => {
                runs.remove(id)?;
                pruned.remove(id)?;
                let before = tokens.remove(id)?;
                indexes.moved(before.as_ref().map(redb::AccessGuard::value), None)?;
            }
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
                sessions.insert(session.id, session.encode().as_slice())?;
                last_session = last_session.max(Some(session.id));
            }
            Write::Heard(row) => {
                heard.insert(row.id, row.encode().as_slice())?;
            }
            Write::Release(record) => {
                sessions.remove(record.id)?;
                heard.remove(record.id)?;
                usage.keep(record)?;
            }
            Write::EndRun(record) => {
                usage.keep(record)?;
                last_session = last_session.max(Some(record.id));
            }
            Write::Void(id) => {
                sessions.remove(id)?;
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
                    if tokens.get(record.token)?.is_some() {
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
    codes.finish()?;
    indexes.finish(merge)?;
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
