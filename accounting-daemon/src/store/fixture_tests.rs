//! A store of each schema version, as that version wrote it, is opened and read whole.
//!
//! `ACCOUNTING_WRITE_FIXTURE=1 cargo test -p accounting-daemon fixture` writes the file of the current version anew, for
//! the day on which the version changes. Files of older versions are never written again.

use std::{fs, path::PathBuf};

use uuid::Uuid;

use super::{schema::VERSION, *};
use crate::{
    ledger::{AccessCode, Cause, Class, Metering, Run, SecondFactor, Traffic},
    mac::{DeviceId, Mac},
};

fn fixture(version: u64) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(format!("store-v{version}.redb"))
}

fn device(last: u8) -> DeviceId {
    DeviceId {
        mac: Mac([2, 0, 0, 0, 0, last]),
        zone: 3,
    }
}

/// Every field set.
fn running() -> Token {
    Token {
        id: 1,
        unique_id: Uuid::from_u128(0x1234),
        business_id: 7,
        code: AccessCode::new("ABC-12").unwrap(),
        description: Some("Desk 4, \u{e9}tage".into()),
        minutes_included: 60,
        valid_from: Some(1_700_000_000_000),
        valid_to: Some(1_900_000_000_000),
        user_limit: Some(2),
        mac_address: Some(device(1).mac),
        booking_guid: Some(Uuid::from_u128(5)),
        visitor_guid: Some(Uuid::from_u128(6)),
        last_access: Some(1_800_000_000_000),
        created_on: 1_700_000_000_001,
        updated_on: 1_700_000_000_002,
        updated_by: "admin@lab.test".into(),
        system_id: Some("erp-9".into()),
        metering: Metering::ElapsedTime,
        entitled: 3_600_000,
        used: 61_000,
        settled: 500_000,
        draws: 1,
        run: Some(Run {
            id: 2,
            device: device(1),
            opened_wall: 1_800_000_000_000,
            charged: 61_000,
            paused: false,
        }),
    }
}

/// No field set that need not be.
fn plain() -> Token {
    Token {
        id: 2,
        code: AccessCode::new("00001").unwrap(),
        description: None,
        valid_from: None,
        valid_to: None,
        user_limit: None,
        mac_address: None,
        booking_guid: None,
        visitor_guid: None,
        last_access: None,
        system_id: None,
        metering: Metering::ConnectedTime,
        run: None,
        ..running()
    }
}

fn session() -> Session {
    Session {
        id: 3,
        device: device(2),
        token: 2,
        opened: 400_000,
        opened_wall: 1_800_000_000_500,
        age: 0,
        charged: 17,
        settled: 450_000,
        parked: false,
        metering: Metering::ConnectedTime,
        addresses: vec!["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
    }
}

/// The first session of a token.
fn first() -> Session {
    Session {
        id: 5,
        device: device(4),
        token: 3,
        opened: 450_000,
        opened_wall: 1_800_000_000_700,
        charged: 0,
        addresses: Vec::new(),
        ..session()
    }
}

/// A token that nobody has used.
fn fresh() -> Token {
    Token {
        id: 3,
        code: AccessCode::new("FIRST-1").unwrap(),
        draws: 0,
        ..plain()
    }
}

/// The same with that session, which alone says so.
fn admitted() -> Token {
    Token {
        mac_address: Some(first().device.mac),
        last_access: Some(first().opened_wall),
        settled: first().opened,
        draws: 1,
        ..fresh()
    }
}

fn record() -> UsageRecord {
    UsageRecord {
        id: 4,
        token: 2,
        device: device(3),
        addresses: session().addresses,
        opened_on: 1_800_000_000_000,
        released_on: 1_800_000_009_000,
        charged: 9_000,
        traffic: Traffic {
            bytes_up: 1,
            bytes_down: 2,
            packets_up: 3,
            packets_down: 4,
            seen_up: Some(5),
            seen_down: None,
        },
        last_seen_on: None,
        cause: Cause::Displaced,
    }
}

fn adjustment() -> Adjustment {
    Adjustment {
        token: 2,
        on: 1_800_000_000_009,
        by_ms: -60_000,
        who: "admin@lab.test".into(),
        reason: "MinutesIncluded".into(),
    }
}

fn factor() -> SecondFactor {
    SecondFactor {
        class: Class::Visitor,
        salt: [3; 16],
        digest: [4; 32],
    }
}

fn user() -> User {
    User::administrator("admin@lab.test", "$argon2id$hash")
}

fn client() -> Client {
    Client {
        id: "kiosk".into(),
        secret_hash: [7; 32],
        name: None,
        roles: [Role::Redeem].into(),
        business_ids: Some([7].into()),
    }
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        boot: [9; 16],
        monotonic: 505_000,
        wall: 1_800_000_005_000,
    }
}

fn write(path: &std::path::Path) {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path()).unwrap();
    let gone = Session { id: 4, ..session() };
    let writes = [
        Write::Create(running()),
        Write::Create(plain()),
        Write::Update(running().balance()),
        Write::Update(plain().balance()),
        Write::Adjust(adjustment()),
        Write::Open(session()),
        Write::Open(gone),
        Write::Release(record()),
        Write::Factor(2, factor()),
    ];
    disk.commit(&writes, checkpoint()).unwrap();
    disk.commit(&[Write::Create(fresh())], checkpoint()).unwrap();
    let admission = [Write::Update(admitted().balance()), Write::Open(first())];
    disk.commit(&admission, checkpoint()).unwrap();
    let accounts = |accounts: &Accounts<'_>| -> Result<(), StoreError> {
        accounts.set_user(&user())?;
        accounts.set_client(&client())
    };
    disk.change(accounts).unwrap();
    drop(disk);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(folder.path().join("accounting.redb"), path).unwrap();
}

#[test]
fn a_store_of_each_version_reads_back_whole() {
    if std::env::var_os("ACCOUNTING_WRITE_FIXTURE").is_some() {
        write(&fixture(VERSION));
    }
    for version in 1..=VERSION {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(fixture(version), folder.path().join("accounting.redb")).unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let mut opened = Opened {
            lists: Vec::new(),
            checkpoint: Some(checkpoint()),
            sessions: vec![session()],
            heard: Vec::new(),
            balances: vec![running().balance(), plain().balance()],
            next_token: 3,
            next_session: 5,
        };
        // Before, every balance was written.
        if version >= 3 {
            opened.sessions.push(first());
            opened.balances.push(admitted().balance());
            (opened.next_token, opened.next_session) = (4, 6);
            assert_eq!(disk.token(3).unwrap(), Some(admitted()));
            assert_eq!(disk.hints().len(), 1);
        }
        assert_eq!(disk.opened().unwrap(), opened, "version {version}");
        assert_eq!(disk.usage().unwrap(), [record()]);
        let code = plain().code.folded();
        assert_eq!(disk.balance_by_code(&code).unwrap(), Some(plain().balance()));
        for token in [running(), plain()] {
            assert_eq!(disk.token(token.id).unwrap(), Some(token), "version {version}");
        }
        for token in [running(), admitted()]
            .into_iter()
            .take(if version < 3 { 1 } else { 2 })
        {
            let of_device = Among::Mac(token.mac_address.unwrap());
            let found = disk.stretch(&of_device, None, Direction::Ascending, 9).unwrap();
            assert_eq!(found.tokens, [token], "version {version}");
        }
        assert_eq!(disk.adjustments(2).unwrap(), [adjustment()]);
        // Earlier layouts had none.
        let kept = (version >= 3).then(factor);
        assert_eq!(disk.factor(2).unwrap(), kept, "version {version}");
        assert_eq!(disk.users(None, 9).unwrap(), [user()], "version {version}");
        // The first layout had none.
        let clients = if version == 1 { vec![] } else { vec![client()] };
        assert_eq!(disk.clients(None, 9).unwrap(), clients, "version {version}");
    }
}
