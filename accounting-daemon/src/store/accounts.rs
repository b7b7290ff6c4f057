//! The tables of users, API clients and what was given to them, read one by one and changed by one transaction at a time.

use std::ops::Bound;

use redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};

use super::{
    AuditRecord, Disk, StoreError,
    account::{Client, User, fold_email},
    audit,
    codec::Row,
    schema::{CLIENTS, USERS},
};

/// Users at most.
pub const USERS_MAX: u64 = 10_000;

/// API clients at most.
pub const CLIENTS_MAX: u64 = 10_000;

/// Users, clients and grants, as one transaction sees and changes them.
pub struct Accounts<'t> {
    pub(super) disk: &'t Disk,
    pub(super) transaction: &'t WriteTransaction,
}

impl Disk {
    /// The user with this e-mail address.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn user(&self, email: &str) -> Result<Option<User>, StoreError> {
        self.reading(|database| {
            let table = self.table(database, USERS)?;
            let row = self.did("read a user", table.get(fold_email(email).as_str()))?;
            row.map(|row| User::decode(row.value()))
                .transpose()
                .map_err(|_| self.damaged("users"))
        })
    }

    /// At most `size` users by address, from behind `after` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn users(&self, after: Option<&str>, size: usize) -> Result<Vec<User>, StoreError> {
        self.listed(USERS, "users", after.map(fold_email).as_deref(), size)
    }

    /// The API client with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        self.reading(|database| {
            let table = self.table(database, CLIENTS)?;
            let row = self.did("read a client", table.get(id))?;
            row.map(|row| Client::decode(row.value()))
                .transpose()
                .map_err(|_| self.damaged("clients"))
        })
    }

    /// At most `size` clients by number, from behind `after` on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn clients(&self, after: Option<&str>, size: usize) -> Result<Vec<Client>, StoreError> {
        self.listed(CLIENTS, "clients", after, size)
    }

    /// Changes accounts in one transaction, durable when it returns; an error of `work` leaves everything as it was.
    ///
    /// # Errors
    /// What `work` says, or [`StoreError`].
    pub fn change<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Accounts<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.deciding(|transaction| {
            work(&Accounts {
                disk: self,
                transaction,
            })
        })
    }

    fn listed<R: Row>(
        &self,
        table: redb::TableDefinition<'_, &'static str, &'static [u8]>,
        name: &'static str,
        after: Option<&str>,
        size: usize,
    ) -> Result<Vec<R>, StoreError> {
        self.reading(|database| {
            let table = self.table(database, table)?;
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let rows = self.did("read a table", table.range::<&str>((from, Bound::Unbounded)))?;
            let mut found = Vec::new();
            for row in rows.take(size) {
                let (_, bytes) = self.did("read a table", row)?;
                found.push(R::decode(bytes.value()).map_err(|_| self.damaged(name))?);
            }
            Ok(found)
        })
    }
}

impl Accounts<'_> {
    /// The user with this e-mail address.
    ///
    /// # Errors
    /// [`StoreError`], as for all that follow.
    pub fn user(&self, email: &str) -> Result<Option<User>, StoreError> {
        let table = self.did(self.transaction.open_table(USERS))?;
        let row = self.did(table.get(fold_email(email).as_str()))?;
        row.map(|row| User::decode(row.value()))
            .transpose()
            .map_err(|_| self.disk.damaged("users"))
    }

    /// Makes or replaces a user.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_user(&self, user: &User) -> Result<(), StoreError> {
        let mut table = self.did(self.transaction.open_table(USERS))?;
        let key = fold_email(&user.email);
        self.did(table.insert(key.as_str(), user.encode().as_slice()))?;
        Ok(())
    }

    /// Forgets a user and revokes what was given to them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_user(&self, user: &User) -> Result<(), StoreError> {
        self.revoke(&user.owner())?;
        let mut table = self.did(self.transaction.open_table(USERS))?;
        self.did(table.remove(fold_email(&user.email).as_str()))?;
        Ok(())
    }

    /// How many users there are, and how many of them can administer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_users(&self) -> Result<(u64, u64), StoreError> {
        let table = self.did(self.transaction.open_table(USERS))?;
        let mut administrators = 0;
        for row in self.did(table.iter())? {
            let (_, bytes) = self.did(row)?;
            let user = User::decode(bytes.value()).map_err(|_| self.disk.damaged("users"))?;
            administrators += u64::from(user.administers());
        }
        Ok((self.did(table.len())?, administrators))
    }

    /// The API client with this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn client(&self, id: &str) -> Result<Option<Client>, StoreError> {
        let table = self.did(self.transaction.open_table(CLIENTS))?;
        let row = self.did(table.get(id))?;
        row.map(|row| Client::decode(row.value()))
            .transpose()
            .map_err(|_| self.disk.damaged("clients"))
    }

    /// Makes or replaces a client.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn set_client(&self, client: &Client) -> Result<(), StoreError> {
        let mut table = self.did(self.transaction.open_table(CLIENTS))?;
        self.did(table.insert(client.id.as_str(), client.encode().as_slice()))?;
        Ok(())
    }

    /// Forgets a client and revokes what was given to it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn remove_client(&self, client: &Client) -> Result<(), StoreError> {
        self.revoke(&client.owner())?;
        let mut table = self.did(self.transaction.open_table(CLIENTS))?;
        self.did(table.remove(client.id.as_str()))?;
        Ok(())
    }

    /// How many clients there are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count_clients(&self) -> Result<u64, StoreError> {
        let table = self.did(self.transaction.open_table(CLIENTS))?;
        self.did(table.len())
    }

    /// Adds to the audit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn audit(&self, record: &AuditRecord) -> Result<(), StoreError> {
        self.did(audit::keep(self.transaction, &[record], self.disk.retention()))
    }

    pub(super) fn did<T, E: Into<redb::Error>>(&self, result: Result<T, E>) -> Result<T, StoreError> {
        self.disk.did("change the accounts", result)
    }
}
