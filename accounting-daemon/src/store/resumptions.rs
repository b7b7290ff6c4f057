//! Who may resume without typing a code: hashes of the secrets that browsers hold, each with its token.

use redb::{ReadableDatabase, ReadableTable, TableError, WriteTransaction};

use super::{
    Disk, StoreError,
    schema::{RESUMPTIONS, RESUMPTIONS_OF},
};
use crate::ledger::TokenId;

/// The SHA-256 of a secret; the secret itself is nowhere but in the browser.
pub type Digest = [u8; 32];

/// Secrets kept for one token; the oldest is forgotten first.
pub const RESUMPTIONS_PER_TOKEN_MAX: usize = 16;

/// A secret that was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resumption {
    /// What the browser holds, hashed.
    pub digest: Digest,
    /// The token that was redeemed.
    pub token: TokenId,
    /// Milliseconds since 1970 by the wall clock.
    pub issued: i64,
}

impl Disk {
    /// The token that a secret resumes, and when it was given out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn resumption(&self, digest: &Digest) -> Result<Option<Resumption>, StoreError> {
        self.look("look up a resumption", |database| {
            let table = match database.begin_read()?.open_table(RESUMPTIONS) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            let row = table.get(digest)?;
            Ok(row.map(|row| {
                let (token, issued) = row.value();
                Resumption {
                    digest: *digest,
                    token,
                    issued,
                }
            }))
        })
    }

    /// Keeps secrets, durably and in one transaction, in place of those that are `spent`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_resumptions(&self, kept: &[Resumption], spent: &[Digest]) -> Result<(), StoreError> {
        self.write(|transaction| {
            for digest in spent {
                forget(transaction, digest)?;
            }
            for resumption in kept {
                keep(transaction, resumption)?;
            }
            Ok(())
        })
    }

    /// Forgets the secrets given out before an instant of the wall clock; says how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn forget_resumptions(&self, before: i64) -> Result<usize, StoreError> {
        let mut forgotten = 0;
        self.write(|transaction| {
            let mut old = Vec::new();
            for row in transaction.open_table(RESUMPTIONS)?.iter()? {
                let (digest, resumption) = row?;
                if resumption.value().1 < before {
                    old.push(*digest.value());
                }
            }
            forgotten = old.len();
            old.iter().try_for_each(|digest| forget(transaction, digest))
        })?;
        Ok(forgotten)
    }
}

fn keep(transaction: &WriteTransaction, resumption: &Resumption) -> Result<(), redb::Error> {
    let mut of = transaction.open_table(RESUMPTIONS_OF)?;
    let mut all = transaction.open_table(RESUMPTIONS)?;
    all.insert(&resumption.digest, (resumption.token, resumption.issued))?;
    of.insert((resumption.token, resumption.issued, &resumption.digest), ())?;
    let of_token = (resumption.token, i64::MIN, &[0; 32])..=(resumption.token, i64::MAX, &[0xff; 32]);
    let mut digests = Vec::new();
    for row in of.range(of_token)? {
        let (key, _) = row?;
        let (_, issued, digest) = key.value();
        digests.push((issued, *digest));
    }
    let surplus = digests.len().saturating_sub(RESUMPTIONS_PER_TOKEN_MAX);
    for (issued, digest) in digests.iter().take(surplus) {
        of.remove((resumption.token, *issued, digest))?;
        all.remove(digest)?;
    }
    Ok(())
}

fn forget(transaction: &WriteTransaction, digest: &Digest) -> Result<(), redb::Error> {
    let mut all = transaction.open_table(RESUMPTIONS)?;
    let Some((token, issued)) = all.remove(digest)?.map(|row| row.value()) else {
        return Ok(());
    };
    transaction
        .open_table(RESUMPTIONS_OF)?
        .remove((token, issued, digest))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resumption(nth: u8, token: TokenId, issued: i64) -> Resumption {
        Resumption {
            digest: [nth; 32],
            token,
            issued,
        }
    }

    #[test]
    fn what_is_kept_is_found_until_it_is_spent() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        assert_eq!(disk.resumption(&[1; 32]).unwrap(), None);
        let first = resumption(1, 7, 100);
        disk.keep_resumptions(&[first], &[]).unwrap();
        assert_eq!(disk.resumption(&[1; 32]).unwrap(), Some(first));
        let next = resumption(2, 7, 200);
        disk.keep_resumptions(&[next], &[[1; 32], [9; 32]]).unwrap();
        assert_eq!(disk.resumption(&[1; 32]).unwrap(), None);
        drop(disk);
        let disk = Disk::open(folder.path()).unwrap();
        assert_eq!(disk.resumption(&[2; 32]).unwrap(), Some(next));
    }

    #[test]
    fn a_token_keeps_so_many_and_forgets_the_oldest() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let max = u8::try_from(RESUMPTIONS_PER_TOKEN_MAX).unwrap();
        disk.keep_resumptions(&[resumption(200, 8, -5)], &[]).unwrap();
        for nth in 0..=max {
            // Later ones first in the order of digests.
            let one = resumption(100 - nth, 7, i64::from(nth));
            disk.keep_resumptions(&[one], &[]).unwrap();
        }
        assert_eq!(disk.resumption(&[100; 32]).unwrap(), None);
        assert!(disk.resumption(&[99; 32]).unwrap().is_some());
        assert!(disk.resumption(&[100 - max; 32]).unwrap().is_some());
        assert!(disk.resumption(&[200; 32]).unwrap().is_some());
    }

    #[test]
    fn old_ones_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let (old, young) = (resumption(1, 7, 99), resumption(2, 7, 100));
        disk.keep_resumptions(&[old, young], &[]).unwrap();
        assert_eq!(disk.forget_resumptions(100).unwrap(), 1);
        assert_eq!(disk.resumption(&[1; 32]).unwrap(), None);
        assert_eq!(disk.resumption(&[2; 32]).unwrap(), Some(young));
        assert_eq!(disk.forget_resumptions(100).unwrap(), 0);
    }
}
