//! The store on a real disk.

use super::*;
use crate::{
    ledger::{AccessCode, Cause, Metering, Run, Traffic},
    mac::{DeviceId, Mac},
};
use uuid::Uuid;

pub(super) fn token(id: TokenId) -> Token {
    Token {
        id,
        unique_id: Uuid::from_u128(id.into()),
        business_id: 1,
        code: AccessCode::new(format!("code-{id}")).unwrap(),
        description: None,
        minutes_included: 1,
        valid_from: None,
        valid_to: None,
        user_limit: None,
        mac_address: None,
        booking_guid: None,
        visitor_guid: None,
        last_access: None,
        created_on: 0,
        updated_on: 0,
        updated_by: String::new(),
        system_id: None,
        metering: Metering::ConnectedTime,
        entitled: 60_000,
        used: 0,
        settled: 0,
        draws: 0,
        run: None,
    }
}

pub(super) fn session(id: SessionId, token: TokenId) -> Session {
    let device = DeviceId {
        mac: Mac([2, 0, 0, 0, 0, u8::try_from(id).unwrap()]),
        zone: 0,
    };
    Session {
        id,
        device,
        token,
        opened: 0,
        opened_wall: 0,
        age: 0,
        charged: 0,
        settled: 0,
        parked: false,
        metering: Metering::ConnectedTime,
        addresses: Vec::new(),
    }
}

pub(super) fn record(id: SessionId) -> UsageRecord {
    UsageRecord {
        id,
        token: 1,
        device: session(id, 1).device,
        addresses: Vec::new(),
        opened_on: 0,
        released_on: 5,
        charged: 5,
        traffic: Traffic::default(),
        last_seen_on: None,
        cause: Cause::Logout,
    }
}

#[test]
fn what_was_committed_is_there_after_the_file_was_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Checkpoint {
        boot: [7; 16],
        monotonic: 3,
        wall: 4,
    };
    let mut disk = Disk::open(folder.path()).unwrap();
    assert_eq!(
        disk.opened().unwrap(),
        Opened {
            lists: Vec::new(),
            next_token: 1,
            next_session: 1,
            ..Opened::default()
        }
    );
    let writes = [
        Write::Create(token(1)),
        Write::Create(token(2)),
        Write::Open(session(1, 1)),
        Write::Open(session(2, 2)),
        Write::Release(record(1)),
    ];
    disk.commit(&writes, checkpoint).unwrap();
    drop(disk);
    let disk = Disk::open(folder.path()).unwrap();
    let opened = disk.opened().unwrap();
    assert_eq!(
        opened,
        Opened {
            lists: Vec::new(),
            checkpoint: Some(checkpoint),
            sessions: vec![session(2, 2)],
            heard: Vec::new(),
            balances: vec![token(2).balance()],
            next_token: 3,
            next_session: 3,
        }
    );
    assert_eq!(
        disk.balance_by_code(&AccessCode::new("CODE1").unwrap().folded())
            .unwrap(),
        Some(token(1).balance())
    );
    assert_eq!(disk.usage().unwrap(), vec![record(1)]);
}

#[test]
fn numbers_of_sessions_that_are_gone_are_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    disk.commit(
        &[Write::Create(token(1)), Write::Open(session(9, 1))],
        Checkpoint::default(),
    )
    .unwrap();
    disk.commit(&[Write::Void(9)], Checkpoint::default()).unwrap();
    assert_eq!(disk.opened().unwrap().next_session, 10);
}

#[test]
fn a_store_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let held = Disk::open(folder.path()).unwrap();
    let error = Disk::open(folder.path()).unwrap_err().to_string();
    assert!(
        error.contains("accounting.redb") && error.contains("stop the other daemon"),
        "{error}"
    );
    drop(held);

    let file = folder.path().join("accounting.redb");
    std::fs::write(&file, vec![0x5a; 8192]).unwrap();
    let error = Disk::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("damaged or no store"), "{error}");
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert!(matches!(Disk::open(folder.path()), Err(StoreError::Open { .. })));
}

#[test]
fn the_number_of_a_run_that_goes_on_is_not_given_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    let running = Token {
        metering: Metering::ElapsedTime,
        run: Some(Run {
            id: 2,
            device: session(1, 1).device,
            opened_wall: 0,
            charged: 0,
            paused: false,
        }),
        ..token(1)
    };
    let writes = [
        Write::Create(token(1)),
        Write::Update(running.balance()),
        Write::Open(session(1, 1)),
    ];
    disk.commit(&writes, Checkpoint::default()).unwrap();
    assert_eq!(disk.opened().unwrap().next_session, 3);
}

#[test]
fn the_floor_of_the_calendar_is_kept_and_never_lowered() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    assert_eq!(disk.floor().unwrap(), None);
    for (wall, kept) in [(500, 500), (700, 700), (600, 700)] {
        disk.commit(&[Write::Floor(wall)], Checkpoint::default()).unwrap();
        assert_eq!(disk.floor().unwrap(), Some(kept));
    }
}
