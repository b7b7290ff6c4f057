//! The store on disk: one redb file, one write transaction a commit, on disk in two phases before it returns.

use std::{path::Path, sync::Arc};

use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, StorageError, WriteTransaction};

use super::{
    Checkpoint, Opened, Store, StoreError, Write,
    codec::Row,
    schema::{
        ADJUSTMENTS, ADMINISTRATORS, CODES, META, META_CHECKPOINT, META_NEXT_SESSION, META_NEXT_TOKEN,
        META_VERSION, RUNS, SESSIONS, TOKENS, USAGE, VERSION,
    },
};
use crate::ledger::{FoldedCode, Session, SessionId, Token, TokenId, UsageRecord};

/// The redb file `accounting.redb` in the data folder. Clones share it.
#[derive(Clone, Debug)]
pub struct Disk {
    database: Arc<Database>,
    path: Arc<str>,
}

impl Disk {
    /// Opens the store in a folder, or makes both.
    ///
    /// # Errors
    /// [`StoreError`] when the folder cannot be made, another daemon has the file, or it is damaged or newer.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let path = folder.join("accounting.redb");
        let shown = path.display().to_string();
        let failed = |reason: String, advice| StoreError::Open {
            path: shown.clone(),
            reason,
            advice,
        };
        std::fs::create_dir_all(folder)
            .map_err(|error| failed(error.to_string(), "make the folder `data` names writable"))?;
        let database = Database::create(&path).map_err(|error| {
            let advice = match &error {
                DatabaseError::DatabaseAlreadyOpen => "stop the other daemon that uses this `data` folder",
                DatabaseError::Storage(StorageError::Io(io))
                    if io.kind() != std::io::ErrorKind::InvalidData =>
                {
                    "see that the file is readable and writable for the daemon and the disk is not full"
                }
                _ => "the file is damaged or no store: restore a backup, or move it away to begin anew",
            };
            failed(error.to_string(), advice)
        })?;
        let disk = Self {
            database: Arc::new(database),
            path: shown.into(),
        };
        disk.prepare()?;
        Ok(disk)
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        {
            let mut meta = self.did("open a table", transaction.open_table(META))?;
            let found = self
                .did("read the version", meta.get(META_VERSION))?
                .map(|row| number(row.value()));
            match found {
                None => {
                    self.did(
                        "write the version",
                        meta.insert(META_VERSION, VERSION.to_le_bytes().as_slice()),
                    )?;
                }
                Some(Some(VERSION)) => {}
                Some(Some(found)) if found > VERSION => {
                    return Err(StoreError::Newer {
                        path: self.path.to_string(),
                        found,
                        known: VERSION,
                    });
                }
                Some(_) => return Err(self.damaged("meta")),
            }
            self.did("open a table", transaction.open_table(TOKENS))?;
            self.did("open a table", transaction.open_table(CODES))?;
            self.did("open a table", transaction.open_table(SESSIONS))?;
            self.did("open a table", transaction.open_table(USAGE))?;
            self.did("open a table", transaction.open_table(ADJUSTMENTS))?;
            self.did("open a table", transaction.open_table(RUNS))?;
            self.did("open a table", transaction.open_table(ADMINISTRATORS))?;
        }
        self.did("commit", transaction.commit())
    }

    /// The password hash of an administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn administrators(&self) -> Result<Vec<(String, String)>, StoreError> {
        let table = self.table(ADMINISTRATORS)?;
        let mut found = Vec::new();
        for row in self.did("read the administrators", table.iter())? {
            let (email, hash) = self.did("read the administrators", row)?;
            found.push((email.value().to_owned(), hash.value().to_owned()));
        }
        Ok(found)
    }

    /// Keeps the password hash of an administrator.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_administrator(&self, email: &str, hash: &str) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        {
            let mut table = self.did("open a table", transaction.open_table(ADMINISTRATORS))?;
            self.did("write an administrator", table.insert(email, hash))?;
        }
        self.did("commit", transaction.commit())
    }

    /// How many tokens were ever made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens_made(&self) -> Result<u64, StoreError> {
        let row = self.did("read the numbers", self.table(META)?.get(META_NEXT_TOKEN))?;
        Ok(row.and_then(|row| number(row.value())).map_or(0, |next| next - 1))
    }

    /// The usage records of released sessions, by number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn usage(&self) -> Result<Vec<UsageRecord>, StoreError> {
        self.all(USAGE, "usage")
    }

    fn begin(&self) -> Result<WriteTransaction, StoreError> {
        let mut transaction = self.did("begin a transaction", self.database.begin_write())?;
        transaction.set_two_phase_commit(true);
        Ok(transaction)
    }

    fn table<K: redb::Key + 'static, V: redb::Value + 'static>(
        &self,
        table: redb::TableDefinition<'_, K, V>,
    ) -> Result<redb::ReadOnlyTable<K, V>, StoreError> {
        let transaction = self.did("begin reading", self.database.begin_read())?;
        self.did("open a table", transaction.open_table(table))
    }

    fn all<R: Row>(
        &self,
        table: redb::TableDefinition<'_, u64, &'static [u8]>,
        name: &'static str,
    ) -> Result<Vec<R>, StoreError> {
        let table = self.table(table)?;
        let mut rows = Vec::new();
        for row in self.did("read a table", table.iter())? {
            let (_, bytes) = self.did("read a table", row)?;
            rows.push(R::decode(bytes.value()).map_err(|_| self.damaged(name))?);
        }
        Ok(rows)
    }

    fn did<T, E: ToString>(&self, action: &'static str, result: Result<T, E>) -> Result<T, StoreError> {
        result.map_err(|error| StoreError::Failed {
            path: self.path.to_string(),
            action,
            reason: error.to_string(),
        })
    }

    fn damaged(&self, table: &'static str) -> StoreError {
        StoreError::Damaged {
            path: self.path.to_string(),
            table,
        }
    }
}

impl Store for Disk {
    fn opened(&self) -> Result<Opened, StoreError> {
        let meta = self.table(META)?;
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
        let sessions: Vec<Session> = self.all(SESSIONS, "sessions")?;
        let mut ids: Vec<TokenId> = sessions.iter().map(|session| session.token).collect();
        for row in self.did("read the runs", self.table(RUNS)?.iter())? {
            ids.push(self.did("read the runs", row)?.0.value());
        }
        ids.sort_unstable();
        ids.dedup();
        let tokens = ids
            .into_iter()
            .map(|id| self.token(id)?.ok_or_else(|| self.damaged("sessions")))
            .collect::<Result<_, _>>()?;
        Ok(Opened {
            checkpoint,
            sessions,
            tokens,
            next_token: next(META_NEXT_TOKEN)?,
            next_session: next(META_NEXT_SESSION)?,
        })
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        let row = self.did("read a token", self.table(TOKENS)?.get(id))?;
        row.map(|row| Token::decode(row.value()))
            .transpose()
            .map_err(|_| self.damaged("tokens"))
    }

    fn token_by_code(&self, code: &FoldedCode) -> Result<Option<Token>, StoreError> {
        let Some(id) = self
            .did("read a code", self.table(CODES)?.get(code.as_str()))?
            .map(|row| row.value())
        else {
            return Ok(None);
        };
        self.token(id)?.map(Some).ok_or_else(|| self.damaged("codes"))
    }

    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        let transaction = self.begin()?;
        self.did("write", write_all(&transaction, writes, checkpoint))?;
        self.did("commit", transaction.commit())
    }
}

fn write_all(
    transaction: &WriteTransaction,
    writes: &[Write],
    checkpoint: Checkpoint,
) -> Result<(), redb::Error> {
    let mut meta = transaction.open_table(META)?;
    meta.insert(META_CHECKPOINT, checkpoint.encode().as_slice())?;
    if writes.is_empty() {
        return Ok(());
    }
    let mut tokens = transaction.open_table(TOKENS)?;
    let mut codes = transaction.open_table(CODES)?;
    let mut sessions = transaction.open_table(SESSIONS)?;
    let mut usage = transaction.open_table(USAGE)?;
    let mut adjustments = transaction.open_table(ADJUSTMENTS)?;
    let mut runs = transaction.open_table(RUNS)?;
    let mut last_token: Option<TokenId> = None;
    let mut last_session: Option<SessionId> = None;
    for write in writes {
        match write {
            Write::Create(token) | Write::Update(token) => {
                tokens.insert(token.id, token.encode().as_slice())?;
                codes.insert(token.code.folded().as_str(), token.id)?;
                if token.run.is_some() {
                    runs.insert(token.id, ())?;
                } else {
                    runs.remove(token.id)?;
                }
                if let Write::Create(token) = write {
                    last_token = last_token.max(Some(token.id));
                }
            }
            Write::Uncode(code) => {
                codes.remove(code.as_str())?;
            }
            Write::Delete(id) => {
                runs.remove(id)?;
                tokens.remove(id)?;
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
            Write::Release(record) => {
                sessions.remove(record.id)?;
                usage.insert(record.id, record.encode().as_slice())?;
            }
            Write::EndRun(record) => {
                usage.insert(record.id, record.encode().as_slice())?;
                last_session = last_session.max(Some(record.id));
            }
            Write::Void(id) => {
                sessions.remove(id)?;
            }
            Write::Unrelease(id) => {
                usage.remove(id)?;
            }
        }
    }
    for (name, last) in [(META_NEXT_TOKEN, last_token), (META_NEXT_SESSION, last_session)] {
        let kept = meta.get(name)?.and_then(|row| number(row.value())).unwrap_or(1);
        if let Some(last) = last
            && last >= kept
        {
            meta.insert(name, (last + 1).to_le_bytes().as_slice())?;
        }
    }
    Ok(())
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::{AccessCode, Cause, Metering, Traffic},
        mac::{DeviceId, Mac},
    };
    use uuid::Uuid;

    fn token(id: TokenId) -> Token {
        Token {
            id,
            unique_id: Uuid::from_u128(id.into()),
            business_id: 1,
            code: AccessCode::new(format!("code-{id}")).unwrap(),
            description: None,
            minutes_included: 1,
            valid_from: None,
            valid_to: None,
            user_limit: None,
            mac_address: None,
            booking_guid: None,
            visitor_guid: None,
            last_access: None,
            created_on: 0,
            updated_on: 0,
            updated_by: String::new(),
            system_id: None,
            metering: Metering::ConnectedTime,
            entitled: 60_000,
            used: 0,
            settled: 0,
            run: None,
        }
    }

    fn session(id: SessionId, token: TokenId) -> Session {
        let device = DeviceId {
            mac: Mac([2, 0, 0, 0, 0, u8::try_from(id).unwrap()]),
            zone: 0,
        };
        Session {
            id,
            device,
            token,
            opened: 0,
            opened_wall: 0,
            charged: 0,
            settled: 0,
            metering: Metering::ConnectedTime,
            addresses: Vec::new(),
        }
    }

    fn record(id: SessionId) -> UsageRecord {
        UsageRecord {
            id,
            token: 1,
            device: session(id, 1).device,
            addresses: Vec::new(),
            opened_on: 0,
            released_on: 5,
            charged: 5,
            traffic: Traffic::default(),
            cause: Cause::Logout,
        }
    }

    #[test]
    fn what_was_committed_is_there_after_the_file_was_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint {
            boot: [7; 16],
            monotonic: 3,
            wall: 4,
        };
        let mut disk = Disk::open(folder.path()).unwrap();
        assert_eq!(
            disk.opened().unwrap(),
            Opened {
                next_token: 1,
                next_session: 1,
                ..Opened::default()
            }
        );
        let writes = [
            Write::Create(token(1)),
            Write::Create(token(2)),
            Write::Open(session(1, 1)),
            Write::Open(session(2, 2)),
            Write::Release(record(1)),
        ];
        disk.commit(&writes, checkpoint).unwrap();
        drop(disk);
        let disk = Disk::open(folder.path()).unwrap();
        let opened = disk.opened().unwrap();
        assert_eq!(
            opened,
            Opened {
                checkpoint: Some(checkpoint),
                sessions: vec![session(2, 2)],
                tokens: vec![token(2)],
                next_token: 3,
                next_session: 3,
            }
        );
        assert_eq!(
            disk.token_by_code(&AccessCode::new("CODE1").unwrap().folded())
                .unwrap(),
            Some(token(1))
        );
        assert_eq!(disk.usage().unwrap(), vec![record(1)]);
    }

    #[test]
    fn numbers_of_sessions_that_are_gone_are_not_given_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        disk.commit(
            &[Write::Create(token(1)), Write::Open(session(9, 1))],
            Checkpoint::default(),
        )
        .unwrap();
        disk.commit(&[Write::Void(9)], Checkpoint::default()).unwrap();
        assert_eq!(disk.opened().unwrap().next_session, 10);
    }

    #[test]
    fn a_store_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let held = Disk::open(folder.path()).unwrap();
        let error = Disk::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("accounting.redb") && error.contains("stop the other daemon"),
            "{error}"
        );
        drop(held);

        let transaction = Disk::open(folder.path()).unwrap();
        let write = transaction.begin().unwrap();
        write
            .open_table(META)
            .unwrap()
            .insert(META_VERSION, 2u64.to_le_bytes().as_slice())
            .unwrap();
        write.commit().unwrap();
        drop(transaction);
        assert!(matches!(
            Disk::open(folder.path()),
            Err(StoreError::Newer {
                found: 2,
                known: 1,
                ..
            })
        ));

        let file = folder.path().join("accounting.redb");
        std::fs::write(&file, vec![0x5a; 8192]).unwrap();
        let error = Disk::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("damaged or no store"), "{error}");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(matches!(Disk::open(folder.path()), Err(StoreError::Open { .. })));
    }
}
