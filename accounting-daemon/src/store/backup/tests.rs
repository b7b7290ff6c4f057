//! Copies under load, damaged ones, and the way back.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::{
    ledger::{Token, TokenId, UsageRecord},
    store::{
        Checkpoint, Store, User, Write, file,
        tests::{record, session, token},
    },
};

const CHECKPOINT: Checkpoint = Checkpoint {
    boot: [7; 16],
    monotonic: 3,
    wall: 4,
};

/// A token that a session has used up by so much.
fn used(id: TokenId, used: u64) -> Token {
    Token { used, ..token(id) }
}

/// A usage record of so much of a token.
fn charged(id: u64, token: TokenId, charged: u64) -> UsageRecord {
    UsageRecord {
        token,
        charged,
        ..record(id)
    }
}

#[test]
fn a_new_store_has_no_table_that_a_copy_would_lack() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    let forgotten = disk.at_once(|source| Ok(forgotten(source).unwrap())).unwrap();
    assert_eq!(forgotten, None);
}

/// Each commit charges one session and writes the record of it: in any copy they agree, however many commits it has.
#[test]
fn a_copy_made_under_load_has_whole_commits_only() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    let mut owner = disk.clone();
    let new: Vec<_> = (1..=50).map(|id| Write::Create(token(id))).collect();
    owner.commit(&new, CHECKPOINT).unwrap();
    let stop = AtomicBool::new(false);
    let copies: Vec<PathBuf> = (0..8)
        .map(|nth| folder.path().join(format!("copy-{nth}")))
        .collect();
    let mut ends = Vec::new();
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut commits = 0;
            let mut sums = [0; 51];
            while !stop.load(Ordering::Relaxed) {
                commits += 1;
                let id = commits % 50 + 1;
                let sum = &mut sums[usize::try_from(id).unwrap()];
                *sum += 1;
                let writes = [
                    Write::Update(used(id, *sum).balance()),
                    Write::EndRun(charged(commits, id, 1)),
                ];
                owner.commit(&writes, CHECKPOINT).unwrap();
            }
            commits
        });
        for copy in &copies {
            disk.copy_to(copy).unwrap();
            ends.push(count(copy).unwrap().usage);
        }
        stop.store(true, Ordering::Relaxed);
        assert!(writer.join().unwrap() > 0);
    });
    assert!(
        ends.last() > ends.first(),
        "nothing was committed between the copies: {ends:?}"
    );
    for copy in &copies {
        let home = tempfile::tempdir().unwrap();
        restore(copy, home.path(), "old").unwrap();
        let restored = Disk::open(home.path()).unwrap();
        let mut sums: BTreeMap<TokenId, u64> = BTreeMap::new();
        for record in restored.usage().unwrap() {
            *sums.entry(record.token).or_default() += record.charged;
        }
        for id in 1..=50 {
            let token = restored.token(id).unwrap().unwrap();
            assert_eq!(token.used, sums.get(&id).copied().unwrap_or(0), "token {id}");
        }
    }
}

#[test]
fn a_copy_does_not_overwrite() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    let path = folder.path().join("copy");
    fs::write(&path, "precious").unwrap();
    assert!(disk.copy_to(&path).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn a_restored_store_is_what_it_was_and_the_other_is_kept() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("backup");
    let mut disk = Disk::open(folder.path()).unwrap();
    let writes = [
        Write::Create(token(1)),
        Write::Create(token(2)),
        Write::Open(session(1, 1)),
        Write::EndRun(record(2)),
    ];
    disk.commit(&writes, CHECKPOINT).unwrap();
    let changed: Result<(), StoreError> =
        disk.change(|accounts| accounts.set_user(&User::administrator("a@b", "hash")));
    changed.unwrap();
    let before = disk.opened().unwrap();
    disk.copy_to(&copy).unwrap();
    disk.commit(&[Write::Create(token(3))], CHECKPOINT).unwrap();
    let error = restore(&copy, folder.path(), "old").unwrap_err().to_string();
    assert!(error.contains("stop the daemon first"), "{error}");
    drop(disk);

    let replaced = restore(&copy, folder.path(), "old").unwrap();
    let counted = Counted {
        tokens: 2,
        sessions: 1,
        usage: 1,
    };
    assert_eq!(replaced.counted, counted);
    let kept = replaced.kept.unwrap();
    assert_eq!(count(&kept).unwrap().tokens, 3);
    let disk = Disk::open(folder.path()).unwrap();
    assert_eq!(disk.opened().unwrap(), before);
    assert!(disk.user("a@b").unwrap().is_some());
    assert!(disk.balance_by_code(&token(2).code.folded()).unwrap().is_some());
    assert!(copy.exists(), "a backup can be restored again");
}

#[test]
fn a_damaged_backup_is_refused_and_the_store_stays() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("backup");
    let mut disk = Disk::open(folder.path()).unwrap();
    let new: Vec<_> = (1..=200).map(|id| Write::Create(token(id))).collect();
    disk.commit(&new, CHECKPOINT).unwrap();
    disk.copy_to(&copy).unwrap();
    drop(disk);
    let store = folder.path().join(file::NAME);
    let (kept, whole) = (fs::read(&store).unwrap(), fs::read(&copy).unwrap());
    let mut flipped = whole.clone();
    // Somewhere in the row of a token.
    let place = whole.windows(6).position(|bytes| bytes == b"code-7").unwrap();
    flipped[place] ^= 0x20;
    for (bytes, what) in [
        (&b""[..], "empty"),
        (b"this is no store of anything", "text"),
        (&whole[..whole.len() / 2], "half"),
        (&flipped, "flipped"),
    ] {
        fs::write(&copy, bytes).unwrap();
        let error = restore(&copy, folder.path(), "old").unwrap_err();
        println!("{what}: {error}");
        assert!(fs::read(&store).unwrap() == kept, "{what}");
        let left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(left, [file::NAME], "{what}");
    }
    assert!(restore(&other.path().join("none"), folder.path(), "old").is_err());
}

#[test]
fn looking_through_a_store_does_not_touch_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    disk.commit(&[Write::Create(token(1))], CHECKPOINT).unwrap();
    let copy = folder.path().join("copy");
    disk.copy_to(&copy).unwrap();
    let bytes = fs::read(&copy).unwrap();
    assert_eq!(count(&copy).unwrap().tokens, 1);
    assert!(fs::read(&copy).unwrap() == bytes);
    // A code without its token.
    let mut broken = disk.clone();
    broken.commit(&[Write::Delete(1)], CHECKPOINT).unwrap();
    let other = folder.path().join("other");
    disk.copy_to(&other).unwrap();
    let error = count(&other).unwrap_err();
    assert!(
        matches!(error, StoreError::Damaged { table: "codes", .. }),
        "{error}"
    );
}

#[test]
fn a_store_is_for_its_daemon_alone_also_a_restored_one() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    let (outer, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = outer.path().join("made/here");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let store = folder.join(file::NAME);
    let disk = Disk::open(&folder).unwrap();
    assert_eq!((mode(&folder) & 0o027, mode(&store)), (0, 0o600));
    let copy = other.path().join("backup");
    disk.copy_to(&copy).unwrap();
    drop(disk);
    if rustix::process::geteuid().is_root() {
        // Of a user of its own.
        chown(&folder, Some(65_534), Some(65_534)).unwrap();
    }
    restore(&copy, &folder, "old").unwrap();
    let (is, wanted) = (fs::metadata(&store).unwrap(), fs::metadata(&folder).unwrap());
    assert_eq!(mode(&store), 0o600);
    assert_eq!((is.uid(), is.gid()), (wanted.uid(), wanted.gid()));
}
