//! A token reads as it was written last, whether its row shows that or its session does.

mod books;

use std::sync::atomic::{AtomicBool, Ordering};

use redb::{ReadableDatabase, ReadableTableMetadata};

use super::{
    admissions::Admissions,
    damage_tests::Draw,
    faulty::{FaultyDisk, Survives},
    schema::ADMISSIONS,
    tests::{record, token},
    *,
};
use books::{Books, TOKENS};

fn open(faulty: &FaultyDisk) -> Disk {
    let faulty = faulty.clone();
    Disk::over("faulty", move || faulty.handle()).unwrap()
}

/// How many tokens are shown by their sessions: what the table says, and what is remembered of it.
fn left(disk: &Disk) -> (u64, usize) {
    let rows = disk.look("count", |database| {
        Ok(database.begin_read()?.open_table(ADMISSIONS)?.len()?)
    });
    (rows.unwrap(), disk.hints().len())
}

fn commit(disk: &mut Disk, writes: &[Write]) -> Result<(), StoreError> {
    disk.commit(writes, Checkpoint::default())
}

#[test]
fn a_token_reads_as_it_was_written_last() {
    let mut most = 0;
    for seed in 0..8 {
        let mut disk = open(&FaultyDisk::default());
        let (mut books, mut draw) = (Books::default(), Draw(seed));
        for _ in 0..60 {
            commit(&mut disk, &books.step(&mut draw)).unwrap();
            if draw.below(9) == 0 {
                disk.reopen().unwrap();
            }
            books.check(&disk);
            most = most.max(left(&disk).0);
        }
        while let Some(open) = books.some(&mut draw) {
            let mut writes = Vec::new();
            books.close(&open, &mut draw, &mut writes);
            commit(&mut disk, &writes).unwrap();
        }
        books.check(&disk);
        assert_eq!(left(&disk), (0, 0), "something stays behind");
    }
    assert!(most > 1, "every row was written");
}

#[test]
fn the_first_device_on_a_token_does_not_touch_its_row_and_the_second_does() {
    let mut disk = open(&FaultyDisk::default());
    let mut books = Books::default();
    let mut writes = Vec::new();
    for id in 1..=TOKENS {
        books.tokens.insert(id, token(id));
        writes.push(Write::Create(token(id)));
    }
    commit(&mut disk, &writes).unwrap();
    for (id, expected) in [(1, 1), (2, 2), (1, 1), (1, 1), (3, 2)] {
        books.clock += 1;
        let mut writes = Vec::new();
        books.redeem(id, &mut writes);
        commit(&mut disk, &writes).unwrap();
        books.check(&disk);
        assert_eq!(left(&disk), (expected, usize::try_from(expected).unwrap()));
    }
}

#[test]
fn after_a_power_cut_at_any_sync_tokens_read_as_some_commit_left_them() {
    let story = |disk: &mut Disk, states: &mut Vec<Books>| {
        let (mut books, mut draw) = (Books::default(), Draw(17));
        states.push(books.clone());
        for _ in 0..25 {
            let writes = books.step(&mut draw);
            states.push(books.clone());
            if commit(disk, &writes).is_err() {
                return;
            }
        }
    };
    let whole = FaultyDisk::default();
    let mut disk = open(&whole);
    let first = whole.syncs() + 1;
    story(&mut disk, &mut Vec::new());
    for sync in (first..=whole.syncs()).step_by(2) {
        for survives in [Survives::Nothing, Survives::Everything, Survives::Some(sync)] {
            let faulty = FaultyDisk::default();
            let mut disk = open(&faulty);
            faulty.cut_at_sync(sync);
            let mut states = Vec::new();
            story(&mut disk, &mut states);
            faulty.cycle_power(survives);
            drop(disk);
            let disk = open(&faulty);
            let found = states.iter().rev().take(2).find(|books| books.are_in(&disk));
            found
                .unwrap_or_else(|| panic!("cut at {sync}, {survives:?}: no commit left this"))
                .check(&disk);
        }
    }
}

#[test]
fn after_a_commit_that_failed_tokens_read_as_before() {
    for call in (1..120).step_by(5) {
        let faulty = FaultyDisk::default();
        let mut disk = open(&faulty);
        let (mut books, mut draw) = (Books::default(), Draw(23));
        for _ in 0..12 {
            commit(&mut disk, &books.step(&mut draw)).unwrap();
        }
        faulty.fail_from(Some((faulty.calls() + call, std::io::ErrorKind::StorageFull)));
        let mut failed = false;
        for _ in 0..4 {
            let before = books.clone();
            if commit(&mut disk, &books.step(&mut draw)).is_err() {
                failed = true;
                faulty.fail_from(None);
                disk.reopen().unwrap();
                if !books.are_in(&disk) {
                    books = before;
                }
            }
            books.check(&disk);
        }
        if !failed {
            return;
        }
    }
    panic!("every call failed");
}

#[test]
fn who_reads_beside_the_writer_never_sees_a_token_go_back() {
    let mut disk = open(&FaultyDisk::default());
    commit(&mut disk, &[Write::Create(token(1))]).unwrap();
    let beside = disk.clone();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [false, true].map(|all| {
            let (beside, over) = (&beside, &over);
            scope.spawn(move || {
                let mut last = None;
                while !over.load(Ordering::Relaxed) {
                    let found = if all {
                        let stretch = beside.stretch(&Among::All, None, Direction::Ascending, 9);
                        stretch.unwrap().tokens.pop()
                    } else {
                        beside.token(1).unwrap()
                    };
                    let access = found.unwrap().last_access;
                    assert!(access >= last, "{access:?} after {last:?}");
                    last = access;
                }
            })
        });
        let mut books = Books::default();
        books.tokens.insert(1, token(1));
        for _ in 0..120 {
            books.clock += 1;
            let mut writes = Vec::new();
            books.redeem(1, &mut writes);
            commit(&mut disk, &writes).unwrap();
            let (_, open) = books.sessions.pop_first().unwrap();
            let release = Write::Release(record(open.id));
            commit(&mut disk, &[books.settle(1, 1), release]).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        for reader in readers {
            reader.join().unwrap();
        }
    });
}

#[test]
fn a_session_that_opens_takes_no_hint_from_who_still_reads() {
    let mut disk = open(&FaultyDisk::default());
    let mut books = Books::default();
    commit(&mut disk, &[Write::Create(token(1))]).unwrap();
    books.tokens.insert(1, token(1));
    let redeem = |books: &mut Books, disk: &mut Disk| {
        books.clock += 1;
        let mut writes = Vec::new();
        books.redeem(1, &mut writes);
        commit(disk, &writes).unwrap();
    };
    redeem(&mut books, &mut disk);
    assert_eq!(left(&disk), (1, 1), "the first session shows its token");
    let first = disk.token(1).unwrap().unwrap();
    let beside = disk.clone();
    let reading = beside.hints().reading();
    let snapshot = beside
        .look("look", |database| Ok(database.begin_read()?))
        .unwrap();
    let (_, open) = books.sessions.pop_first().unwrap();
    let release = Write::Release(record(open.id));
    commit(&mut disk, &[books.settle(1, 1), release]).unwrap();
    redeem(&mut books, &mut disk);
    let mut seen = token(1);
    let admissions = Admissions::open(&snapshot).unwrap();
    admissions.show(&mut seen, beside.hints()).unwrap();
    assert_eq!(seen.last_access, first.last_access);
    drop((reading, snapshot, admissions));
    assert_eq!(disk.token(1).unwrap(), books.tokens.get(&1).cloned());
}
