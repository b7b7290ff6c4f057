//! One-time codes (RFC 6238): six digits of HMAC-SHA-1, a new one each 30 seconds, one step early or late is taken.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use totp_rs::{Builder, Secret};

use crate::store::{Accounts, StoreError, TOTP_SECRET_BYTES, Totp};

/// What apps show beside the account.
const ISSUER: &str = "accounting";

/// The step whose code this is, at a time in wall clock milliseconds; `None` for a wrong one.
pub(in crate::http) fn step(totp: &Totp, code: &str, wall: i64) -> Option<u64> {
    let seconds = u64::try_from(wall).ok()? / 1000;
    let codes = Builder::new().with_secret(totp.secret).build().ok()?;
    codes.check(code, seconds)
}

/// Takes the code of a user who has them switched on; `None` for a wrong one and for one that was used before.
pub(in crate::http) fn take(
    accounts: &Accounts<'_>,
    email: &str,
    code: &str,
    wall: i64,
) -> Result<Option<()>, StoreError> {
    let Some(mut user) = accounts.user(email)? else {
        return Ok(None);
    };
    let Some(totp) = user.totp.as_mut().filter(|totp| totp.on) else {
        return Ok(None);
    };
    let Some(step) = step(totp, code, wall).filter(|step| *step > totp.last_step) else {
        return Ok(None);
    };
    totp.last_step = step;
    accounts.set_user(&user)?;
    Ok(Some(()))
}

/// A secret as apps take it when it is typed.
pub(in crate::http) fn shown(secret: [u8; TOTP_SECRET_BYTES]) -> String {
    Secret::from(secret).to_base32()
}

/// A secret as apps take it from a QR code.
pub(in crate::http) fn uri(secret: [u8; TOTP_SECRET_BYTES], email: &str) -> String {
    let email = utf8_percent_encode(email, NON_ALPHANUMERIC);
    let secret = shown(secret);
    format!(
        "otpauth://totp/{ISSUER}:{email}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTP: Totp = Totp {
        secret: *b"12345678901234567890",
        on: true,
        last_step: 0,
    };

    /// The last six digits of the examples in RFC 6238, appendix B.
    #[test]
    fn codes_are_those_of_the_standard() {
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            let wall = seconds * 1000;
            assert_eq!(step(&TOTP, code, wall), u64::try_from(seconds / 30).ok());
            assert!(step(&TOTP, code, wall + 30_000).is_some(), "one step late");
            assert!(step(&TOTP, code, wall - 30_000).is_some(), "one step early");
            assert_eq!(step(&TOTP, code, wall + 61_000), None);
            assert_eq!(step(&TOTP, code, wall - 61_000), None);
        }
        for wrong in ["", "28708", "2870820", "abcdef", "000000", "-1"] {
            assert_eq!(step(&TOTP, wrong, 59_000), None, "{wrong}");
        }
        assert_eq!(step(&TOTP, "287082", -1), None);
    }

    #[test]
    fn the_secret_is_shown_for_typing_and_for_scanning() {
        assert_eq!(shown(TOTP.secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        let expected = "otpauth://totp/accounting:a%2Bb%40c%2Eorg?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                        &issuer=accounting&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri(TOTP.secret, "a+b@c.org"), expected);
    }
}
