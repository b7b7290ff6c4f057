//! Files that are not what was written: a named error, no panic, and not a byte of them changes.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::{
    tests::{record, session, token},
    *,
};

/// Draws of the flips; a failure prints its place.
const FLIPS: usize = 200;

const FILE: &str = "accounting.redb";

/// All rows that a test can compare.
type Rows = (Opened, Vec<UsageRecord>, Vec<Option<Token>>);

fn rows(disk: &Disk) -> Result<Rows, StoreError> {
    let tokens = (1..=40).map(|id| disk.token(id)).collect::<Result<_, _>>()?;
    Ok((disk.opened()?, disk.usage()?, tokens))
}

/// The bytes of a store with rows of every kind, and those rows.
fn sound() -> (Vec<u8>, Rows) {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    // In one commit: each leaves pages behind where nobody looks any more.
    let mut writes = Vec::new();
    for id in 1..=40 {
        writes.extend([Write::Create(token(id)), Write::Open(session(id, id))]);
        if id % 2 == 0 {
            writes.push(Write::Release(record(id)));
        }
    }
    disk.commit(&writes, Checkpoint::default()).unwrap();
    let rows = rows(&disk).unwrap();
    drop(disk);
    (fs::read(folder.path().join(FILE)).unwrap(), rows)
}

/// Opens `bytes` as a store. Damage is told and leaves the file alone; what opens all the same reads as it was written.
fn judge(folder: &Path, bytes: &[u8], expected: &Rows, what: &str) -> Result<(), StoreError> {
    let file = folder.join(FILE);
    fs::write(&file, bytes).unwrap();
    let opened = Disk::open(folder).and_then(|disk| rows(&disk));
    match opened {
        Ok(found) => {
            assert_eq!(&found, expected, "{what}: rows changed unnoticed");
            Ok(())
        }
        Err(error) => {
            assert!(fs::read(&file).unwrap() == bytes, "{what}: the file was touched");
            assert!(error.to_string().contains(FILE), "{what}: {error}");
            Err(error)
        }
    }
}

#[test]
fn a_truncated_store_is_named_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, expected) = sound();
    let mut refused = 0;
    for length in (0..bytes.len()).step_by(4_096) {
        let what = format!("cut to {length} bytes");
        refused += usize::from(judge(folder.path(), &bytes[..length], &expected, &what).is_err());
    }
    assert_eq!(refused, bytes.len().div_ceil(4_096), "of {} bytes", bytes.len());
}

#[test]
fn flipped_bits_are_named_or_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, expected) = sound();
    // Most of the file is room for more, where nobody looks.
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    let mut draw = Draw(7);
    let mut refused = 0;
    for _ in 0..FLIPS {
        let (at, bit) = (used[draw.below(used.len())], draw.below(8));
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        let what = format!("bit {bit} of byte {at}");
        refused += usize::from(judge(folder.path(), &flipped, &expected, &what).is_err());
    }
    assert!(
        refused > FLIPS / 50,
        "only {refused} of {FLIPS} flips were noticed"
    );
}

#[test]
fn an_empty_file_a_folder_and_a_file_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, expected) = sound();
    let error = judge(folder.path(), &[], &expected, "empty").unwrap_err();
    assert!(error.to_string().contains("it is empty"), "{error}");

    let file = folder.path().join(FILE);
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let error = Disk::open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error}");
    fs::remove_dir(&file).unwrap();

    fs::write(&file, &bytes).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let opened = Disk::open(folder.path());
    if !rustix::process::geteuid().is_root() {
        let error = opened.unwrap_err().to_string();
        assert!(error.contains("readable and writable"), "{error}");
    }
}

#[test]
fn a_newer_store_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    disk.write(|rows| {
        rows.open_table(schema::META)?.insert(
            schema::META_VERSION,
            (schema::VERSION + 1).to_le_bytes().as_slice(),
        )?;
        Ok(())
    })
    .unwrap();
    drop(disk);
    let file = folder.path().join(FILE);
    let bytes = fs::read(&file).unwrap();
    let error = Disk::open(folder.path()).unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Newer {
                found: 4,
                known: 3,
                ..
            }
        ),
        "{error}"
    );
    assert!(fs::read(&file).unwrap() == bytes);
}

#[test]
fn a_store_of_an_unfinished_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    disk.write(|rows| {
        rows.delete_table(schema::USERS)?;
        Ok(())
    })
    .unwrap();
    drop(disk);
    let disk = Disk::open(folder.path()).unwrap();
    let error = disk.users(None, 1).unwrap_err().to_string();
    for words in ["accounting.redb", "the table users", "start that version"] {
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn damage_that_shows_later_seals_the_store_until_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    disk.commit(&[Write::Create(token(1))], Checkpoint::default())
        .unwrap();
    let file = folder.path().join(FILE);
    let bytes = fs::read(&file).unwrap();
    let error = disk.write(|_| panic!("a page is not what it was")).unwrap_err();
    assert!(
        matches!(&error, StoreError::Corrupt { reason, .. } if reason == "a page is not what it was"),
        "{error}"
    );
    assert!(disk.token(1).is_err());
    assert!(disk.commit(&[], Checkpoint::default()).is_err());
    assert!(fs::read(&file).unwrap() == bytes);
    disk.reopen().unwrap();
    assert_eq!(disk.token(1).unwrap(), Some(token(1)));
}

/// Numbers that look random and are the same in each run.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// A number from 0 up to, not including, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
    }
}
