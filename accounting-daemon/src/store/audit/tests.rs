//! What the audit keeps, finds and lets go.

use super::*;
use crate::store::{Checkpoint, Store, Write};

fn record(on: i64, name: &str, object: &str) -> AuditRecord {
    AuditRecord {
        on,
        by: Actor {
            name: name.to_owned(),
            via: Via::Client,
            address: Some("2001:db8::7".parse().unwrap()),
        },
        action: "token.edit".into(),
        object: object.to_owned(),
        before: None,
        after: Some("{}".to_owned()),
    }
}

fn numbers(part: &Part<AuditRecord>) -> Vec<u64> {
    part.records.iter().map(|(number, _)| *number).collect()
}

fn commit(disk: &mut Disk, records: &[AuditRecord]) {
    let writes: Vec<_> = records.iter().cloned().map(Write::Audit).collect();
    disk.commit(&writes, Checkpoint::default()).unwrap();
}

fn memory() -> Disk {
    Disk::over("memory", redb::backends::InMemoryBackend::new).unwrap()
}

#[test]
fn records_read_back_newest_first_and_part_by_part() {
    let mut disk = memory();
    let all: Vec<_> = (1..=5).map(|on| record(on, "a", "token/1")).collect();
    commit(&mut disk, &all);
    let part = disk.audit(&AuditFilter::default(), None, 3).unwrap();
    assert_eq!((numbers(&part), part.next), (vec![5, 4, 3], Some(3)));
    assert_eq!(part.records[0].1, all[4]);
    let part = disk.audit(&AuditFilter::default(), part.next, 3).unwrap();
    assert_eq!((numbers(&part), part.next), (vec![2, 1], None));
    let part = disk.audit(&AuditFilter::default(), None, 5).unwrap();
    assert_eq!(part.next, None, "nothing comes after the last");
}

#[test]
fn records_are_found_by_who_object_and_time() {
    let mut disk = memory();
    commit(
        &mut disk,
        &[
            record(1, "a", "token/1"),
            record(2, "B@c", "token/11"),
            record(3, "a", "user/b"),
        ],
    );
    let found = |filter| numbers(&disk.audit(&filter, None, 9).unwrap());
    let by = |who: &str| AuditFilter {
        who: Some(who.to_owned()),
        ..AuditFilter::default()
    };
    let on = |object: &str| AuditFilter {
        object: Some(object.to_owned()),
        ..AuditFilter::default()
    };
    assert_eq!(found(by("b@C")), [2]);
    assert_eq!(found(by("b")), [0; 0]);
    assert_eq!(found(on("token/1")), [1]);
    assert_eq!(found(on("token")), [2, 1]);
    let between = AuditFilter {
        from: Some(2),
        to: Some(2),
        ..AuditFilter::default()
    };
    assert_eq!(found(between), [2]);
}

#[test]
fn what_is_too_much_or_too_old_goes_a_few_at_a_time_and_numbers_are_not_given_again() {
    let mut disk = memory();
    commit(
        &mut disk,
        &(0..40).map(|_| record(0, "a", "b")).collect::<Vec<_>>(),
    );
    let mut disk = disk.keeping(AuditRetention {
        period: 100,
        records_max: 30,
    });
    commit(&mut disk, &[record(100, "a", "b")]);
    let kept = |disk: &Disk| numbers(&disk.audit(&AuditFilter::default(), None, 99).unwrap());
    assert_eq!(kept(&disk), (12..=41).rev().collect::<Vec<_>>());
    commit(&mut disk, &[record(101, "a", "b")]);
    assert_eq!(kept(&disk), (28..=42).rev().collect::<Vec<_>>());
    commit(&mut disk, &[record(202, "a", "b")]);
    assert_eq!(kept(&disk), [43]);
}

#[test]
fn codes_are_shortened() {
    assert_eq!(shortened("ABCDE-FGHJK"), "AB...");
    assert_eq!(shortened("7"), "7...");
}
