//! The tables, and the version of their layout.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError, WriteTransaction};

use super::{
    StoreError,
    account::{User, fold_email},
    balances,
    codec::Row,
    index,
    meta::number,
    usage,
};

/// The layout that this program writes.
pub(super) const VERSION: u64 = 3 + cfg!(feature = "next") as u64;

/// The oldest layout that is brought to the current one when it is opened.
const VERSION_OLDEST: u64 = 1;

/// The layout that found tokens by number and code only.
const VERSION_WITHOUT_INDEXES: u64 = 1;

/// Single values by name; see the constants below.
pub(super) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
/// Token number to token, as it was made or edited last.
pub(super) const TOKENS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("tokens");
/// Token number to the balance of one that was used since.
pub(super) const BALANCES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("balances");
/// Folded code to token number.
pub(super) const CODES: TableDefinition<'_, &str, u64> = TableDefinition::new("codes");
/// Session number to open session.
pub(super) const SESSIONS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("sessions");
/// Session number to the number of its token, whose row does not show that session yet.
pub(super) const ADMISSIONS: TableDefinition<'_, u64, u64> = TableDefinition::new("admissions");
/// Session number to what went through it so far.
pub(super) const HEARD: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("heard");
/// Session number, or number of a run, to usage record.
pub(super) const USAGE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("usage");
/// Token number to the milliseconds that its pruned usage records were charged.
pub(super) const PRUNED: TableDefinition<'_, u64, u64> = TableDefinition::new("pruned");
/// Token number and number of a usage record.
pub(super) const USAGE_OF_TOKENS: TableDefinition<'_, (u64, u64), ()> =
    TableDefinition::new("usage_of_tokens");
/// List and device to what is said of it there.
pub(super) const LISTS: TableDefinition<'_, (u8, u64), &[u8]> = TableDefinition::new("lists");
/// Numbers of the tokens on which elapsed time runs.
pub(super) const RUNS: TableDefinition<'_, u64, ()> = TableDefinition::new("runs");
/// Token number and a number that grows, to adjustment.
pub(super) const ADJUSTMENTS: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("adjustments");
/// Token number to what must be given besides its code.
pub(super) const FACTORS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("factors");
/// UUID of a token to its number.
pub(super) const UNIQUE_IDS: TableDefinition<'_, u128, u64> = TableDefinition::new("unique_ids");
/// Location and number of a token.
pub(super) const LOCATIONS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("locations");
/// Address of the device admitted last, as a number, and number of the token.
pub(super) const MACS: TableDefinition<'_, (u64, u64), ()> = TableDefinition::new("macs");
/// A number that grows, to changes that the table above has not taken yet.
pub(super) const MACS_RECENT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("macs_recent");
/// Booking and number of a token.
pub(super) const BOOKINGS: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("bookings");
/// Visitor and number of a token.
pub(super) const VISITORS: TableDefinition<'_, (u128, u64), ()> = TableDefinition::new("visitors");
/// Location (0: all) and block of 1,024 numbers, to how many of them are tokens.
pub(super) const COUNTS: TableDefinition<'_, (u64, u64), u64> = TableDefinition::new("counts");
/// Of the first layout: e-mail address to password hash of an administrator, a user by now.
const ADMINISTRATORS: TableDefinition<'_, &str, &str> = TableDefinition::new("administrators");
/// Digest of a browser's secret to token number and wall clock milliseconds of its issue.
pub(super) const RESUMPTIONS: TableDefinition<'_, &[u8; 32], (u64, i64)> =
    TableDefinition::new("resumptions");
/// The same by token number and time.
pub(super) const RESUMPTIONS_OF: TableDefinition<'_, (u64, i64, &[u8; 32]), ()> =
    TableDefinition::new("resumptions_of");

/// Folded e-mail address to user.
pub(super) const USERS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("users");
/// Number to API client.
pub(super) const CLIENTS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("clients");
/// SHA-256 of a token to what it is good for.
pub(super) const GRANTS: TableDefinition<'_, &[u8; 32], &[u8]> = TableDefinition::new("grants");
/// Owner, wall clock milliseconds of when it was given, SHA-256 of a token.
pub(super) const GRANTS_BY_OWNER: TableDefinition<'_, (&str, i64, &[u8; 32]), ()> =
    TableDefinition::new("grants_by_owner");
/// Number to audit record.
pub(super) const AUDIT: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("audit");

/// In [`META`]: the version, 8 bytes.
pub(super) const META_VERSION: &str = "version";
/// In [`META`]: the checkpoint.
pub(super) const META_CHECKPOINT: &str = "checkpoint";
/// In [`META`]: the floor of the calendar, 8 bytes; absent before a synchronised clock was seen.
pub(super) const META_FLOOR: &str = "floor";
/// In [`META`]: the next number of a token, 8 bytes.
pub(super) const META_NEXT_TOKEN: &str = "next_token";
/// In [`META`]: the next number of a session, 8 bytes.
pub(super) const META_NEXT_SESSION: &str = "next_session";
/// In [`META`]: the next number of an audit record, 8 bytes; absent before the first.
pub(super) const META_NEXT_AUDIT: &str = "next_audit";

/// Calls a macro with the names of all tables, so that what is made is what is copied into a backup.
macro_rules! every_table {
    ($with:ident) => {
        $with!(
            META TOKENS BALANCES CODES SESSIONS ADMISSIONS USAGE USAGE_OF_TOKENS PRUNED HEARD
            ADJUSTMENTS RUNS LISTS FACTORS UNIQUE_IDS LOCATIONS MACS MACS_RECENT BOOKINGS VISITORS COUNTS
            RESUMPTIONS RESUMPTIONS_OF AUDIT USERS CLIENTS GRANTS GRANTS_BY_OWNER
        )
    };
}
pub(super) use every_table;

/// Makes the tables in a new store; says whether this program can use one that is there.
pub(super) fn prepare(path: &str, database: &Database) -> Result<(), StoreError> {
    let failed = |error: redb::Error| StoreError::of(path, "read the version", error);
    match version(database).map_err(failed)? {
        None => make(database).map_err(|error| StoreError::of(path, "make the tables", error)),
        Some(Some(VERSION_OLDEST..=VERSION)) => Ok(()),
        Some(Some(found)) if found > VERSION => Err(StoreError::Newer {
            path: path.to_owned(),
            found,
            known: VERSION,
        }),
        Some(_) => Err(StoreError::Damaged {
            path: path.to_owned(),
            table: "meta",
        }),
    }
}

/// The version; `None` in a new store, `Some(None)` where it is none.
fn version(database: &Database) -> Result<Option<Option<u64>>, redb::Error> {
    let meta = match database.begin_read()?.open_table(META) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        table => table?,
    };
    Ok(meta.get(META_VERSION)?.map(|row| number(row.value())))
}

fn make(database: &Database) -> Result<(), redb::Error> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    make_tables(&transaction)?;
    transaction.commit()?;
    Ok(())
}

/// Brings an older layout to the current one, in one transaction.
pub(super) fn upgrade(path: &str, database: &Database) -> Result<(), StoreError> {
    let failed = |error: redb::Error| StoreError::of(path, "bring it to this version", error);
    let before = version(database).map_err(failed)?.flatten();
    if before == Some(VERSION) {
        return Ok(());
    }
    tracing::info!(to = VERSION, "the store is brought to a newer version");
    let convert = || -> Result<(), redb::Error> {
        let mut transaction = database.begin_write()?;
        transaction.set_two_phase_commit(true);
        make_tables(&transaction)?;
        if before == Some(VERSION_WITHOUT_INDEXES) {
            index::build(&transaction)?;
            usage::build(&transaction)?;
        }
        balances::build(&transaction)?;
        transaction.commit()?;
        Ok(())
    };
    convert().map_err(failed)
}

/// Makes the tables that are missing, and says which version they are.
fn make_tables(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction
        .open_table(META)?
        .insert(META_VERSION, VERSION.to_le_bytes().as_slice())?;
    macro_rules! make {
        ($($table:ident)*) => { $(transaction.open_table($table)?;)* };
    }
    every_table!(make);
    let mut users = transaction.open_table(USERS)?;
    for row in transaction.open_table(ADMINISTRATORS)?.iter()? {
        let (email, hash) = row?;
        let user = User::administrator(email.value(), hash.value());
        users.insert(fold_email(&user.email).as_str(), user.encode().as_slice())?;
    }
    transaction.delete_table(ADMINISTRATORS)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use redb::TableHandle;

    use super::*;

    #[test]
    fn the_document_of_the_format_has_every_table() {
        const DOCUMENT: &str = include_str!("../../../docs/FORMAT.md");
        let has = |table: &str| {
            let name = format!("`{table}`");
            let mut rows = DOCUMENT.lines().filter(|line| line.starts_with("| `"));
            assert!(
                rows.any(|row| row.contains(&name)),
                "{name} is not in docs/FORMAT.md"
            );
        };
        macro_rules! each {
            ($($table:ident)*) => { $(has($table.name());)* };
        }
        every_table!(each);
    }
}
