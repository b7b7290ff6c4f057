//! What must be given besides the codes of some tokens.

use redb::WriteTransaction;

use super::{
    codec::{Damaged, Reader, Row, Writer},
    schema::FACTORS,
};
use crate::ledger::{Class, SecondFactor, TokenId};

impl Row for SecondFactor {
    fn write(&self, out: &mut Writer) {
        out.u8(match self.class {
            Class::Visitor => 0,
            Class::Booking => 1,
        });
        out.bytes(&self.salt);
        out.bytes(&self.digest);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let class = match from.u8()? {
            0 => Class::Visitor,
            1 => Class::Booking,
            _ => return Err(Damaged),
        };
        Ok(Self {
            class,
            salt: from.array()?,
            digest: from.array()?,
        })
    }
}

/// Keeps one.
pub(super) fn keep(
    transaction: &WriteTransaction,
    token: TokenId,
    factor: &SecondFactor,
) -> Result<(), redb::Error> {
    let mut factors = transaction.open_table(FACTORS)?;
    factors.insert(token, factor.encode().as_slice())?;
    Ok(())
}

/// Forgets the one of a token, where there is one.
pub(super) fn forget(transaction: &WriteTransaction, token: TokenId) -> Result<(), redb::Error> {
    transaction.open_table(FACTORS)?.remove(token)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::Email,
        store::{Checkpoint, Disk, Store, Write},
    };

    #[test]
    fn what_is_kept_is_read_back_until_its_token_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        assert_eq!(disk.factor(7).unwrap(), None);
        let email = Email::new("ann@example.org").unwrap();
        let factors = Class::ALL.map(|class| SecondFactor::new(class, &email, [3; 16]));
        for (token, factor) in (7..).zip(factors) {
            disk.commit(&[Write::Factor(token, factor)], Checkpoint::default())
                .unwrap();
        }
        drop(disk);
        let mut disk = Disk::open(folder.path()).unwrap();
        assert_eq!(disk.factor(7).unwrap(), Some(factors[0]));
        assert_eq!(disk.factor(8).unwrap(), Some(factors[1]));
        disk.commit(&[Write::Delete(7)], Checkpoint::default()).unwrap();
        assert_eq!(disk.factor(7).unwrap(), None);
        assert_eq!(disk.factor(8).unwrap(), Some(factors[1]));
    }

    #[test]
    fn nothing_of_the_address_is_in_the_row() {
        let email = Email::new("ann@example.org").unwrap();
        let row = SecondFactor::new(Class::Visitor, &email, [0; 16]).encode();
        assert_eq!(row.len(), 50);
        assert!(!row.windows(3).any(|part| part.eq_ignore_ascii_case(b"ann")));
    }
}
