//! Passwords: what they may be, and their argon2id hashes.

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::Denied;

/// Bytes of a password.
pub(in crate::http) const BYTES_MIN: usize = 8;
pub(in crate::http) const BYTES_MAX: usize = super::credentials::BYTES_MAX;

/// What an unknown account is compared with, so that it takes as long as a known one.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes of new passwords at once; checks of given ones have a turn of their own.
static HASHING: Semaphore = Semaphore::const_new(1);

/// Whether a text can be a password, else what is wrong with it.
pub(in crate::http) fn check(text: &str) -> Result<(), String> {
    if !(BYTES_MIN..=BYTES_MAX).contains(&text.len()) {
        return Err(format!("must have {BYTES_MIN} to {BYTES_MAX} bytes"));
    }
    if text.chars().any(char::is_control) {
        return Err("may not hold control characters".to_owned());
    }
    Ok(())
}

/// argon2id of a password, as a PHC string with a salt of its own.
pub(super) fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// The same on a thread that may be kept busy, one after the other.
pub(in crate::http) async fn hash(password: Zeroizing<String>) -> Result<String, Denied> {
    let _turn = HASHING.acquire().await.map_err(|_| Denied::Busy)?;
    let hashed = tokio::task::spawn_blocking(move || hash_now(&password)).await;
    let hashed = hashed.map_err(|_| Denied::Failed)?;
    hashed.map_err(|error| {
        tracing::error!(%error, "a password could not be hashed");
        Denied::Failed
    })
}

/// Compares in constant time, on a thread that may be kept busy.
pub(super) async fn verify(password: Zeroizing<String>, hash: String) -> Result<bool, Denied> {
    let check = move || {
        Argon2::default()
            .verify_password(password.as_bytes(), hash.as_str())
            .is_ok()
    };
    tokio::task::spawn_blocking(check)
        .await
        .map_err(|_| Denied::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_long_enough_and_text() {
        assert_eq!(check("12345678"), Ok(()));
        assert_eq!(check(&"x".repeat(BYTES_MAX)), Ok(()));
        for wrong in ["", "1234567", "1234567\n8", &"x".repeat(BYTES_MAX + 1)] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    /// The time of an unknown account must be that of a known one: the stand-in has to be a hash that is really computed.
    #[test]
    fn the_stand_in_of_unknown_accounts_costs_what_a_real_one_costs() {
        let parsed = argon2::password_hash::phc::PasswordHash::new(NOBODY).unwrap();
        let real = Argon2::default().hash_password(b"password").unwrap();
        assert_eq!(parsed.algorithm, real.algorithm);
        assert_eq!(parsed.version, real.version);
        assert_eq!(parsed.params, real.params);
        assert_eq!(
            parsed.hash.map(|hash| hash.len()),
            real.hash.map(|hash| hash.len())
        );
    }
}
