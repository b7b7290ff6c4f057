//! Why nobody is signed in.

/// Why nobody is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No credentials, or wrong ones.
    #[error("credentials are missing or wrong")]
    Unauthenticated,
    /// The password is right, and a one-time code is missing.
    #[error("this account signs in with a one-time code: get an access token at /api/token")]
    TwoFactor,
    /// The password is right, and was only lent.
    #[error("the password must be changed first, by PUT /v1/me/password")]
    MustReset,
    /// Somebody at the Unix socket who is neither root nor of the daemon's own user and group.
    #[error(
        "this socket is for root and the daemon's own user and group, and you are user {user}, group {group}: use sudo, \
         or sign in with credentials"
    )]
    Stranger {
        /// The number of the user.
        user: u32,
        /// The number of the group.
        group: u32,
    },
    /// The budget of failures is spent.
    #[error("too many failed attempts to sign in")]
    Throttled {
        /// Seconds until the next attempt is heard.
        retry_after_s: u64,
    },
    /// Too many wait for their check.
    #[error("too many attempts to sign in at once")]
    Busy,
    /// The store or the source of random numbers failed.
    #[error("credentials could not be checked")]
    Failed,
}
