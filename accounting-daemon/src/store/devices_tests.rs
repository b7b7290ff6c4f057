//! The index by device says what a walk over all tokens says, however far it is merged and whatever happened on the way.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
};

use redb::{ReadableDatabase, ReadableTableMetadata};

use super::{
    damage_tests::Draw,
    devices::Limits,
    faulty::{FaultyDisk, Survives},
    schema::{MACS, MACS_RECENT},
    tests::token,
    *,
};
use crate::mac::Mac;

/// Small enough that a story of some commits merges several times.
const LIMITS: Limits = Limits {
    run: 5,
    runs: 4,
    stretch: 3,
};

const TOKENS_MAX: u64 = 24;
const DEVICES: u8 = 6;

fn open(faulty: &FaultyDisk) -> Disk {
    let faulty = faulty.clone();
    let disk = Disk::over("faulty", move || faulty.handle()).unwrap();
    disk.merging(LIMITS)
}

fn memory() -> Disk {
    open(&FaultyDisk::default())
}

fn mac(last: u8) -> Mac {
    Mac([2, 0xff, 0, 0, 0x80, last])
}

fn of(id: TokenId, device: Option<u8>) -> Token {
    Token {
        mac_address: device.map(mac),
        ..token(id)
    }
}

/// Some tokens that change their device, come or go.
fn changes(draw: &mut Draw, disk: &Disk) -> Vec<Write> {
    let mut writes = Vec::new();
    for _ in 0..=draw.below(4) {
        let id = 1 + u64::try_from(draw.below(usize::try_from(TOKENS_MAX).unwrap())).unwrap();
        let device = u8::try_from(draw.below(usize::from(DEVICES) + 1)).unwrap();
        let there = disk.token(id).unwrap();
        match there {
            Some(token) if draw.below(5) == 0 => {
                writes.extend([Write::Uncode(token.code.folded()), Write::Delete(id)]);
            }
            _ => {
                let token = of(id, (device < DEVICES).then_some(device));
                writes.push(match there {
                    Some(_) if draw.below(3) > 0 => Write::Update(token.balance()),
                    Some(_) => Write::Edit(token.clone()),
                    None => Write::Create(token.clone()),
                });
                writes.push(Write::Update(token.balance()));
            }
        }
    }
    writes
}

/// What a walk over the tokens says.
fn pairs(disk: &Disk) -> BTreeSet<(Mac, TokenId)> {
    let all = disk
        .stretch(&Among::All, None, Direction::Ascending, 100)
        .unwrap();
    let pair = |token: &Token| token.mac_address.map(|mac| (mac, token.id));
    all.tokens.iter().filter_map(pair).collect()
}

/// Each device in stretches of every kind.
fn check(disk: &Disk) {
    let expected = pairs(disk);
    for device in (0..DEVICES).map(mac) {
        let mut wanted: Vec<_> = expected
            .iter()
            .filter(|pair| pair.0 == device)
            .map(|pair| pair.1)
            .collect();
        for direction in [Direction::Ascending, Direction::Descending] {
            for rows_max in [1, 2, 100] {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let among = Among::Mac(device);
                    let stretch = disk.stretch(&among, after, direction, rows_max).unwrap();
                    found.extend(stretch.tokens.iter().map(|token| token.id));
                    after = stretch.next;
                    if after.is_none() {
                        break;
                    }
                }
                assert_eq!(found, wanted, "{direction:?}, {rows_max} at a time");
            }
            wanted.reverse();
        }
    }
}

/// How many pairs the merged index has, and how many runs wait.
fn lengths(disk: &Disk) -> (u64, u64) {
    disk.look("count", |database| {
        let read = database.begin_read()?;
        Ok((
            read.open_table(MACS)?.len()?,
            read.open_table(MACS_RECENT)?.len()?,
        ))
    })
    .unwrap()
}

#[test]
fn every_device_is_found_at_every_step_of_merging() {
    let (mut merged, mut gathered) = (0, 0);
    for seed in 0..3 {
        let mut disk = memory();
        let mut draw = Draw(seed);
        for _ in 0..120 {
            let writes = changes(&mut draw, &disk);
            disk.commit(&writes, Checkpoint::default()).unwrap();
            if draw.below(20) == 0 {
                disk.reopen().unwrap();
            }
            check(&disk);
            let (pairs, runs) = lengths(&disk);
            merged = merged.max(pairs);
            gathered = gathered.max(runs);
        }
    }
    assert!(merged > 5, "nothing was merged");
    assert!(
        (LIMITS.runs..4 * LIMITS.runs).contains(&gathered),
        "{gathered} runs waited"
    );
}

#[test]
fn tokens_that_are_gone_leave_nothing() {
    let mut disk = memory();
    let mut draw = Draw(3);
    for _ in 0..60 {
        let writes = changes(&mut draw, &disk);
        disk.commit(&writes, Checkpoint::default()).unwrap();
    }
    for (_, id) in pairs(&disk) {
        disk.commit(&[Write::Delete(id)], Checkpoint::default()).unwrap();
    }
    check(&disk);
    // Others come and go until all of that is merged.
    for id in 1..=100 {
        disk.commit(
            &[Write::Update(of(200, Some(0)).balance())],
            Checkpoint::default(),
        )
        .unwrap();
        disk.commit(
            &[Write::Update(
                of(200, Some(1 + u8::try_from(id % 5).unwrap())).balance(),
            )],
            Checkpoint::default(),
        )
        .unwrap();
    }
    assert!(lengths(&disk).0 <= u64::from(DEVICES), "{:?}", lengths(&disk));
}

#[test]
fn a_commit_merges_twice_what_it_brings() {
    let mut disk = memory();
    let many = |from: u64| -> Vec<Write> {
        (from..from + 50)
            .map(|id| Write::Create(of(id, Some(1))))
            .collect()
    };
    for from in 0..10 {
        disk.commit(&many(1 + from * 50), Checkpoint::default()).unwrap();
        assert!(
            lengths(&disk).1 <= 30,
            "merging falls behind: {:?}",
            lengths(&disk)
        );
    }
    assert!(lengths(&disk).0 >= 350);
}

#[test]
fn a_power_cut_at_any_sync_loses_no_device() {
    let story = |disk: &mut Disk| -> Result<(), StoreError> {
        let mut draw = Draw(11);
        (0..24).try_for_each(|_| {
            let writes = changes(&mut draw, disk);
            disk.commit(&writes, Checkpoint::default())
        })
    };
    let whole = FaultyDisk::default();
    let mut disk = open(&whole);
    let first = whole.syncs() + 1;
    story(&mut disk).unwrap();
    assert!(lengths(&disk).0 > 0, "nothing was merged");
    for sync in (first..=whole.syncs()).step_by(3) {
        for left in [Survives::Nothing, Survives::Everything, Survives::Some(sync)] {
            let faulty = FaultyDisk::default();
            let mut disk = open(&faulty);
            faulty.cut_at_sync(sync);
            let _ = story(&mut disk);
            faulty.cycle_power(left);
            drop(disk);
            let mut disk = open(&faulty);
            check(&disk);
            story(&mut disk).unwrap();
            check(&disk);
        }
    }
}

#[test]
fn after_a_failed_commit_merging_begins_anew() {
    for call in (1..200).step_by(7) {
        let faulty = FaultyDisk::default();
        let mut disk = open(&faulty);
        let mut draw = Draw(5);
        for _ in 0..30 {
            let writes = changes(&mut draw, &disk);
            disk.commit(&writes, Checkpoint::default()).unwrap();
        }
        faulty.fail_from(Some((faulty.calls() + call, std::io::ErrorKind::StorageFull)));
        let mut failed = false;
        for _ in 0..6 {
            let writes = changes(&mut draw, &disk);
            if disk.commit(&writes, Checkpoint::default()).is_err() {
                failed = true;
                faulty.fail_from(None);
                disk.reopen().unwrap();
            }
            check(&disk);
        }
        if !failed {
            return;
        }
        for _ in 0..30 {
            let writes = changes(&mut draw, &disk);
            disk.commit(&writes, Checkpoint::default()).unwrap();
        }
        check(&disk);
    }
    panic!("every call failed");
}

#[test]
fn a_copy_has_what_is_not_merged_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = memory();
    let mut draw = Draw(9);
    for place in 0..40 {
        let writes = changes(&mut draw, &disk);
        disk.commit(&writes, Checkpoint::default()).unwrap();
        let path = folder.path().join(format!("{place}.redb"));
        disk.copy_to(&path).unwrap();
        let restored = folder.path().join(format!("{place}"));
        restore(&path, &restored, "before").unwrap();
        let copy = Disk::open(&restored).unwrap();
        check(&copy);
        assert_eq!(pairs(&copy), pairs(&disk));
    }
}

#[test]
fn who_reads_beside_the_writer_finds_every_device() {
    let mut disk = memory();
    let stay: Vec<Write> = (1..=20).map(|id| Write::Create(of(id, Some(0)))).collect();
    disk.commit(&stay, Checkpoint::default()).unwrap();
    let beside = disk.clone();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !over.load(Ordering::Relaxed) || looks == 0 {
                let found = beside
                    .stretch(&Among::Mac(mac(0)), None, Direction::Ascending, 100)
                    .unwrap();
                assert_eq!(found.tokens.len(), 20);
                looks += 1;
            }
        });
        for round in 0..300u64 {
            let device = Some(1 + u8::try_from(round % 5).unwrap());
            let writes: Vec<Write> = (0..4)
                .map(|id| Write::Update(of(100 + id, device).balance()))
                .collect();
            disk.commit(&writes, Checkpoint::default()).unwrap();
        }
        over.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
}
