//! The account that the first start makes.

use argon2::{Argon2, PasswordVerifier};

use super::*;

#[test]
fn the_first_start_makes_one_administrator_and_later_ones_none() {
    let store = memory();
    let made = first_start(&store, &config(None)).unwrap().unwrap();
    assert_eq!(made.email, "Admin@localhost");
    assert_eq!(made.password.len(), 20);
    let user = store.user("admin@localhost").unwrap().unwrap();
    assert!(user.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(user.administers() && !user.must_reset);
    assert!(first_start(&store, &config(None)).unwrap().is_none());
    assert_eq!(store.users(None, 9).unwrap(), [user]);
}

#[test]
fn the_first_password_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let store = memory();
    let error = first_start(&store, &config(Some(&path)))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("password cannot be read"), "{error}");
    for wrong in ["", "\n", "short\n", "two\nlines of it\n"] {
        std::fs::write(&path, wrong).unwrap();
        assert!(first_start(&store, &config(Some(&path))).is_err(), "{wrong:?}");
    }
    assert!(store.users(None, 1).unwrap().is_empty());
    std::fs::write(&path, "correct horse\n").unwrap();
    assert!(first_start(&store, &config(Some(&path))).unwrap().is_none());
    let hash = store.user("admin@localhost").unwrap().unwrap().password_hash;
    Argon2::default()
        .verify_password(b"correct horse", hash.as_str())
        .unwrap();
}
