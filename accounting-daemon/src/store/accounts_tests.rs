//! Users, clients and grants in the tables.

use super::*;
use crate::store::schema::GRANTS_BY_OWNER;
use redb::ReadableTableMetadata;

fn memory() -> Disk {
    Disk::over("memory", redb::backends::InMemoryBackend::new).unwrap()
}

fn change<T>(disk: &Disk, work: impl FnOnce(&Accounts<'_>) -> Result<T, StoreError>) -> T {
    disk.change(work).unwrap()
}

fn user(email: &str) -> User {
    User {
        roles: [Role::List, Role::Redeem].into(),
        business_ids: Some([7, 9].into()),
        totp: Some(Totp {
            secret: [5; TOTP_SECRET_BYTES],
            on: true,
            last_step: 77,
        }),
        ..User::administrator(email, "$hash")
    }
}

fn client(id: &str) -> Client {
    Client {
        id: id.to_owned(),
        secret_hash: [3; 32],
        name: Some("Kiosk".to_owned()),
        roles: [Role::Redeem].into(),
        business_ids: None,
    }
}

fn grant(owner: Owner, kind: GrantKind, issued: i64) -> Grant {
    Grant {
        owner,
        kind,
        family: [1; 16],
        client_id: "a@b".to_owned(),
        issued,
        expires: issued + 10_000_000,
    }
}

fn hash(nth: u64) -> TokenHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&nth.to_be_bytes());
    hash
}

#[test]
fn accounts_read_back_and_users_are_found_without_case() {
    let disk = memory();
    change(&disk, |accounts| {
        accounts.set_user(&user("\u{c9}ve@Lab.test"))?;
        accounts.set_user(&user("b@lab.test"))?;
        accounts.set_client(&client("kiosk"))
    });
    assert_eq!(
        disk.user("\u{e9}VE@lab.TEST").unwrap(),
        Some(user("\u{c9}ve@Lab.test"))
    );
    assert_eq!(disk.client("kiosk").unwrap(), Some(client("kiosk")));
    assert_eq!(disk.client("KIOSK").unwrap(), None);
    let addresses = |after| -> Vec<String> {
        let users = disk.users(after, 1).unwrap();
        users.into_iter().map(|user| user.email).collect()
    };
    assert_eq!(addresses(None), ["b@lab.test"]);
    assert_eq!(addresses(Some("B@lab.test")), ["\u{c9}ve@Lab.test"]);
    assert_eq!(disk.clients(None, 9).unwrap(), [client("kiosk")]);
    let text = format!("{:?} {:?}", user("a@b"), client("c"));
    assert!(!text.contains("hash") && !text.contains("secret"), "{text}");
}

#[test]
fn what_fails_changes_nothing() {
    let disk = memory();
    let failed: Result<(), StoreError> = disk.change(|accounts| {
        accounts.set_user(&user("a@b"))?;
        Err(disk.damaged("test"))
    });
    failed.unwrap_err();
    assert_eq!(disk.user("a@b").unwrap(), None);
}

#[test]
fn only_those_who_can_sign_in_administer() {
    let disk = memory();
    let counted = change(&disk, |accounts| {
        accounts.set_user(&user("a@b"))?;
        accounts.set_user(&User {
            disabled: true,
            ..user("b@b")
        })?;
        accounts.set_user(&User {
            administrator: false,
            ..user("c@b")
        })?;
        accounts.count_users()
    });
    assert_eq!(counted, (3, 1));
}

#[test]
fn revoking_takes_all_of_an_owner_and_nothing_of_others() {
    let disk = memory();
    let (one, other) = (user("a@b").owner(), client("a@b").owner());
    change(&disk, |accounts| {
        accounts.give(&hash(1), &grant(one.clone(), GrantKind::Access, 1))?;
        accounts.give(&hash(2), &grant(one.clone(), GrantKind::Refresh, 1))?;
        accounts.give(&hash(3), &grant(other.clone(), GrantKind::Access, 1))?;
        accounts.revoke(&one)
    });
    assert_eq!(disk.grant(&hash(1)).unwrap(), None);
    assert_eq!(disk.grant(&hash(2)).unwrap(), None);
    assert!(disk.grant(&hash(3)).unwrap().is_some());
    change(&disk, |accounts| accounts.remove_client(&client("a@b")));
    assert_eq!(disk.grant(&hash(3)).unwrap(), None);
}

#[test]
fn a_family_loses_its_refresh_tokens_only() {
    let disk = memory();
    let owner = user("a@b").owner();
    let spent = grant(owner.clone(), GrantKind::Refresh, 1);
    let of_another = Grant {
        family: [2; 16],
        ..spent.clone()
    };
    change(&disk, |accounts| {
        accounts.give(&hash(1), &grant(owner.clone(), GrantKind::Access, 1))?;
        accounts.give(&hash(2), &spent)?;
        accounts.spend(&hash(2), &spent)?;
        accounts.give(&hash(3), &grant(owner.clone(), GrantKind::Refresh, 2))?;
        accounts.give(&hash(4), &of_another)?;
        accounts.revoke_family(&owner, &[1; 16])
    });
    let there: Vec<_> = (1..=4)
        .map(|nth| disk.grant(&hash(nth)).unwrap().is_some())
        .collect();
    assert_eq!(there, [true, false, false, true]);
}

#[test]
fn what_an_owner_has_is_bounded_and_what_has_run_out_goes() {
    let disk = memory();
    let owner = user("a@b").owner();
    change(&disk, |accounts| {
        for nth in 0..1_200 {
            let issued = i64::try_from(nth).unwrap();
            accounts.give(&hash(nth), &grant(owner.clone(), GrantKind::Access, issued))?;
        }
        Ok(())
    });
    let rows = || {
        change(&disk, |accounts| {
            Ok(accounts
                .transaction
                .open_table(GRANTS_BY_OWNER)
                .unwrap()
                .len()
                .unwrap())
        })
    };
    assert_eq!(rows(), 1_000);
    assert_eq!(disk.grant(&hash(199)).unwrap(), None);
    assert!(disk.grant(&hash(200)).unwrap().is_some());
    change(&disk, |accounts| {
        accounts.give(&hash(5_000), &grant(owner.clone(), GrantKind::Access, 20_000_000))
    });
    assert_eq!(rows(), 1_000 - 16 + 1);
}
