//! What the engine reads and writes.

use redb::{ReadableTable, TableHandle as _};

use super::{Disk, prepare};
use crate::{
    ledger::{FoldedCode, SecondFactor, Session, SessionId, Token, TokenBalance, TokenId, UsageRecord},
    store::{
        Checkpoint, Opened, Store, StoreError, Write,
        codec::Row,
        meta::number,
        schema::{HEARD, META, META_CHECKPOINT, META_NEXT_SESSION, META_NEXT_TOKEN, RUNS, SESSIONS, USAGE},
        write::write_all,
    },
};

impl Store for Disk {
    fn opened(&self) -> Result<Opened, StoreError> {
        self.held.with(|database| {
            let meta = self.table(database, META)?;
            let next = |name| -> Result<u64, StoreError> {
                match self.did("read the numbers", meta.get(name))? {
                    None => Ok(1),
                    Some(row) => number(row.value()).ok_or_else(|| self.damaged("meta")),
                }
            };
            let checkpoint = self.did("read the checkpoint", meta.get(META_CHECKPOINT))?;
            let checkpoint = checkpoint
                .map(|row| Checkpoint::decode(row.value()))
                .transpose()
                .map_err(|_| self.damaged("meta"))?;
            let sessions: Vec<Session> = self.all(database, SESSIONS, "sessions")?;
            // A store that an earlier program left has no such table before the first commit.
            let heard = if self.has(database, HEARD.name())? {
                self.all(database, HEARD, "heard")?
            } else {
                Vec::new()
            };
            let lists = self.lists_of(database)?;
            let mut ids: Vec<TokenId> = sessions.iter().map(|session| session.token).collect();
            for row in self.did("read the runs", self.table(database, RUNS)?.iter())? {
                ids.push(self.did("read the runs", row)?.0.value());
            }
            ids.sort_unstable();
            ids.dedup();
            let balances = self.read(database, |tables| {
                let found = ids.into_iter().map(|id| self.find_balance(tables, id));
                found
                    .map(|balance| balance?.ok_or_else(|| self.damaged("sessions")))
                    .collect::<Result<_, _>>()
            })?;
            Ok(Opened {
                checkpoint,
                lists,
                sessions,
                heard,
                balances,
                next_token: next(META_NEXT_TOKEN)?,
                next_session: next(META_NEXT_SESSION)?,
            })
        })
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.held
            .with(|database| self.read(database, |tables| self.find(tables, id)))
    }

    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError> {
        self.held.with(|database| {
            self.read(database, |tables| {
                let row = self.did("read a code", tables.codes.get(code.as_str()))?;
                let Some(id) = row.map(|row| row.value()) else {
                    return Ok(None);
                };
                self.find_balance(tables, id)?
                    .map(Some)
                    .ok_or_else(|| self.damaged("codes"))
            })
        })
    }

    fn factor(&self, token: TokenId) -> Result<Option<SecondFactor>, StoreError> {
        self.held
            .with(|database| self.read(database, |tables| self.find_factor(tables, token)))
    }

    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError> {
        self.held.with(|database| {
            let table = self.table(database, USAGE)?;
            let mut found = Vec::new();
            for row in self.did("read the usage records", table.iter())?.take(most) {
                let (id, bytes) = self.did("read the usage records", row)?;
                let record = UsageRecord::decode(bytes.value()).map_err(|_| self.damaged("usage"))?;
                if record.released_on < before {
                    found.push(id.value());
                }
            }
            Ok(found)
        })
    }

    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        let mut merge = self.merge();
        let done = self.write(|transaction| {
            let hints = &self.hints;
            write_all(transaction, writes, checkpoint, self.retention, hints, &mut merge)
        });
        match done {
            Ok(()) => self.hints.committed(),
            Err(_) => {
                self.hints.failed();
                merge.forget();
            }
        }
        done
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        self.reader.forget();
        self.merge().forget();
        let name = self.held.shown();
        self.held.reopen(|database| prepare(name, database, &self.hints))
    }
}
