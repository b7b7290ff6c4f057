//! The power goes, or the process dies, at every sync of the store in turn: nothing acknowledged is lost.

use std::ops::RangeInclusive;

use super::story::Story;
use crate::store::faulty::{FaultyDisk, Survives};

/// What a disk may hold after the power went, for each sync.
const LEFT: [Survives; 4] = [
    Survives::Nothing,
    Survives::Everything,
    Survives::Some(1),
    Survives::Some(2),
];

/// The syncs of the whole story. Those that make the file come before: a file is made under another name.
fn syncs() -> RangeInclusive<u64> {
    let disk = FaultyDisk::default();
    let mut story = Story::new(disk.clone());
    let first = disk.syncs() + 1;
    story.play().unwrap();
    first..=disk.syncs()
}

/// The story up to a power cut at one sync, and what is wrong afterwards.
fn cut(disk: FaultyDisk, sync: u64, left: Survives) -> Result<(), String> {
    let mut story = Story::new(disk.clone());
    disk.cut_at_sync(sync);
    // The last sync belongs to the closing of the file, after the story.
    let _ = story.play();
    disk.cycle_power(left);
    story.reboot();
    story.judge(true)
}

/// "A power cut loses at most the checkpoint interval of charge, always in the customer's favour."
#[test]
fn after_a_power_cut_at_any_sync_the_books_are_right() {
    let syncs = syncs();
    assert!(
        syncs.clone().count() > 50,
        "the story has only the syncs {syncs:?}"
    );
    for sync in syncs {
        for left in LEFT {
            if let Err(wrong) = cut(FaultyDisk::default(), sync, left) {
                panic!("power cut at sync {sync}, {left:?} left: {wrong}");
            }
        }
    }
}

/// "A deadline is shortened before the joining device is inserted, and lengthened only after the leaver's entry is gone
/// and its charge is durable: a crash in between never gives time away."
#[test]
fn after_a_kill_at_any_sync_the_books_are_right_and_nobody_was_cut_off() {
    for sync in syncs() {
        let disk = FaultyDisk::default();
        let mut story = Story::new(disk.clone());
        disk.cut_at_sync(sync);
        let _ = story.play();
        disk.cycle_power(Survives::Everything);
        if let Err(wrong) = story.judge(false) {
            panic!("killed at sync {sync}: {wrong}");
        }
    }
}

#[test]
fn a_disk_whose_syncs_lie_is_found_out() {
    let found = syncs()
        .step_by(7)
        .filter(|sync| cut(FaultyDisk::that_lies(), *sync, Survives::Nothing).is_err())
        .count();
    assert!(found > 0, "durability does not matter to these tests");
}
