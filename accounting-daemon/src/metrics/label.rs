//! The values that labels can have.

/// Declares an enum whose variants are the values of a label.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$each])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The text in the label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

label! {
    /// How a redemption ended.
    RedeemResult {
        /// A session was opened, or was open already.
        Admitted = "admitted",
        /// See the variants of the same name of `RedeemError` for this and those that follow.
        TooManyAttempts = "too_many_attempts",
        /// See above.
        UnknownCode = "unknown_code",
        /// See above.
        WrongLocation = "wrong_location",
        /// See above.
        ClockNotSet = "clock_not_set",
        /// See above.
        NotYetValid = "not_yet_valid",
        /// See above.
        Expired = "expired",
        /// See above.
        Depleted = "depleted",
        /// See above.
        NoSeat = "no_seat",
        /// See above.
        GateFull = "gate_full",
        /// See above.
        Blocked = "blocked",
        /// The engine gave no answer.
        Unavailable = "unavailable",
    }
}

label! {
    /// What a request asked for.
    Route {
        /// The list of tokens.
        Tokens = "tokens",
        /// One token.
        Token = "token",
        /// Commands for many tokens.
        TokenCommands = "token_commands",
        /// Tokens as a table, out or in.
        TokenTable = "token_table",
        /// Redemptions.
        Redemptions = "redemptions",
        /// Whether a code would open a session.
        Check = "check",
        /// Tokens of classes.
        ClassedTokens = "classed_tokens",
        /// The e-mail address that comes with a code.
        TokenEmail = "token_email",
        /// The balance of a token.
        Balance = "balance",
        /// One device.
        Device = "device",
        /// The session of a device.
        Session = "session",
        /// Getting access tokens.
        SignIn = "sign_in",
        /// The list of users.
        Users = "users",
        /// One user.
        User = "user",
        /// The list of API clients.
        Clients = "clients",
        /// One API client.
        Client = "client",
        /// The caller's own account.
        Me = "me",
        /// The audit.
        Audit = "audit",
        /// The list of open sessions.
        Sessions = "sessions",
        /// What happens to sessions.
        SessionStream = "session_stream",
        /// The bypass list.
        Bypasses = "bypasses",
        /// A device on the bypass list.
        Bypass = "bypass",
        /// The block list.
        Blocks = "blocks",
        /// A device on the block list.
        Block = "block",
        /// Usage records.
        Usage = "usage",
        /// A backup.
        Backup = "backup",
        /// Whether the process answers.
        Healthz = "healthz",
        /// Whether it can do its work.
        Readyz = "readyz",
        /// The metrics themselves.
        Metrics = "metrics",
        /// The description of the API.
        Openapi = "openapi",
        /// Nothing that exists.
        Unknown = "unknown",
    }
}

label! {
    /// What a guest asked the portal for.
    PortalPage {
        /// `/`.
        Home = "home",
        /// `/login`.
        Login = "login",
        /// `/status`.
        Status = "status",
        /// `/logout`.
        Logout = "logout",
        /// `/resume`.
        Resume = "resume",
        /// `/terms`.
        Terms = "terms",
        /// `/captive-api`.
        Captive = "captive_api",
        /// Style, script and pictures.
        Asset = "asset",
        /// Another server: probes of operating systems, and whatever else was redirected.
        Elsewhere = "elsewhere",
        /// Nothing that exists.
        Unknown = "unknown",
    }
}

label! {
    /// The first digit of a status.
    StatusClass {
        /// 200 to 299.
        Success = "2xx",
        /// 300 to 399.
        Redirection = "3xx",
        /// 400 to 499.
        ClientError = "4xx",
        /// 500 and more.
        ServerError = "5xx",
    }
}

label! {
    /// What is wrong with a client.
    Alarm {
        /// One MAC address is in use with several IPv4 addresses at once.
        Clone = "clone",
        /// It plays router or DHCP server.
        Rogue = "rogue",
    }
}

label! {
    /// How a check of credentials ended.
    SignIn {
        /// They are right.
        Passed = "passed",
        /// They are wrong.
        Failed = "failed",
        /// They were not looked at, since the budget of failures is spent.
        Throttled = "throttled",
    }
}

label! {
    /// How somebody got an access token.
    GrantType {
        /// By name and password.
        Password = "password",
        /// By a refresh token.
        RefreshToken = "refresh_token",
        /// As an API client.
        ClientCredentials = "client_credentials",
    }
}

impl StatusClass {
    /// The class of a status of a final answer.
    #[must_use]
    pub const fn of(status: u16) -> Self {
        match status {
            0..=299 => Self::Success,
            300..=399 => Self::Redirection,
            400..=499 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}
