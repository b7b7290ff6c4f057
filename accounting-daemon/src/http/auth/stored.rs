//! The accounts in the store on disk.

use super::{Account, Accounts, AccountsError};
use crate::store::Disk;

impl Accounts for Disk {
    fn administrator(&self) -> Result<Option<Account>, AccountsError> {
        let found = self
            .administrators()
            .map_err(|error| AccountsError(Box::new(error)))?;
        Ok(found
            .into_iter()
            .next()
            .map(|(email, password_hash)| Account { email, password_hash }))
    }

    fn set_administrator(&self, account: &Account) -> Result<(), AccountsError> {
        Self::set_administrator(self, &account.email, &account.password_hash)
            .map_err(|error| AccountsError(Box::new(error)))
    }
}
