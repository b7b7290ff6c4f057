//! Why the ledger refuses, in the order in which the conditions are checked.

/// Why a code opened no session. The conditions before these (who asks, whether the request is well formed) are the
/// edge's; the order here is the order of the checks, and the first that fails is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The budget of wrong codes is spent.
    #[error("too many attempts: wait {retry_after_s} seconds")]
    TooManyAttempts {
        /// Seconds until the next attempt is heard.
        retry_after_s: u64,
    },
    /// No token has this code.
    #[error("no such access code")]
    UnknownCode,
    /// The token belongs to another location.
    #[error("this access code belongs to another location")]
    WrongLocation,
    /// The token has calendar limits and the gateway does not know the date.
    #[error("the gateway's clock is not set: access codes with dates cannot be judged")]
    ClockNotSet,
    /// Its time has not come; nothing was used up.
    #[error("this access code is not valid yet")]
    NotYetValid {
        /// Wall clock milliseconds from which it is.
        valid_from: i64,
    },
    /// Its time has passed.
    #[error("this access code has expired")]
    Expired,
    /// Its balance is zero.
    #[error("no minutes are left on this access code")]
    Depleted,
    /// As many devices as it allows are online.
    #[error("{}", no_seat(*user_limit, *retry_after_s))]
    NoSeat {
        /// Devices it allows at once.
        user_limit: u32,
        /// Devices online.
        seats_used: u32,
        /// Seconds after which a takeover that was asked for may succeed.
        retry_after_s: Option<u64>,
    },
    /// The table of devices is full, or the kernel refused the entry; nothing was charged.
    #[error("the gateway has no room for another device")]
    GateFull,
    /// The operator has shut the device out, which the gate holds against every session; nothing was charged.
    #[error("this device is on the block list")]
    Blocked,
}

/// What is the matter, and the way out.
fn no_seat(user_limit: u32, retry_after_s: Option<u64>) -> String {
    let online = match user_limit {
        1 => "another device is online with this access code".to_owned(),
        limit => format!("all {limit} devices of this access code are online"),
    };
    match retry_after_s {
        Some(seconds) => format!("{online}: a silent one may be taken over in {seconds} seconds"),
        None => format!("{online}: log one out, or take the place of a silent one by Takeover"),
    }
}

/// Why a token was not created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Another token has a code that compares equal.
    #[error("is in use by another access token")]
    CodeInUse,
    /// The numbers of tokens are used up.
    #[error("no token number is left")]
    NoIdLeft,
}

/// Why a session was not released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// The device has no open session.
    #[error("no session is open for this device")]
    NotOnline,
    /// The MAC address is online in several zones and none was named.
    #[error("this MAC address is online in several zones: name one")]
    SeveralZones,
}
