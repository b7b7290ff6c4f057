//! Reading the ledger: balances and sessions as they stand at an instant.

use super::{
    FOREVER, Ledger, Metering, Now, Session, SessionId, Token, TokenBalance, TokenId, open::Open,
    table::Entry,
};
use crate::mac::{DeviceId, Mac};

/// A token with its balance at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAccount {
    /// The token; `used` is up to date.
    pub token: Token,
    /// Devices online.
    pub seats_used: u32,
}

/// The balance of a token at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceAccount {
    /// The balance; `used` is up to date.
    pub balance: TokenBalance,
    /// Devices online.
    pub seats_used: u32,
}

/// An open session with the balance of its token at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAccount {
    /// The session.
    pub session: Session,
    /// Its token.
    pub account: BalanceAccount,
    /// Milliseconds until the device is cut if nothing changes; `None`: nothing limits it.
    pub left: Option<u64>,
}

/// An open session in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Online {
    /// Number of the session.
    pub id: SessionId,
    /// Whose it is.
    pub device: DeviceId,
    /// What it draws on.
    pub token: TokenId,
}

impl Online {
    fn of(open: &Open) -> Self {
        Self {
            id: open.id,
            device: open.device,
            token: open.token,
        }
    }
}

impl Ledger {
    /// A token that is in memory whole.
    #[must_use]
    pub fn token(&self, id: TokenId, now: Now) -> Option<TokenAccount> {
        let record = self.records.get(&id)?.clone();
        let BalanceAccount { balance, seats_used } = self.balance(id, now)?;
        Some(TokenAccount {
            token: Token::of(record, balance),
            seats_used,
        })
    }

    /// A balance in memory.
    #[must_use]
    pub fn balance(&self, id: TokenId, now: Now) -> Option<BalanceAccount> {
        let account = self.accounts.get(id)?;
        let mut balance = account.row();
        balance.bring_up(now.monotonic);
        Some(BalanceAccount {
            balance,
            seats_used: u32::try_from(account.open.len()).unwrap_or(u32::MAX),
        })
    }

    /// The open session of a device.
    #[must_use]
    pub fn session(&self, device: DeviceId, now: Now) -> Option<SessionAccount> {
        let session = self.sessions.get(device)?.session();
        let account = self.balance(session.token, now)?;
        let deadline = self
            .ends_at(session.token, now)
            .min(self.session_deadline(&session));
        let left = (deadline != FOREVER).then(|| deadline.saturating_sub(now.monotonic));
        Some(SessionAccount {
            session,
            account,
            left,
        })
    }

    /// The number of the open session of a device.
    #[must_use]
    pub fn session_id(&self, device: DeviceId) -> Option<SessionId> {
        self.sessions.get(device).map(|open| open.id)
    }

    /// The devices of a MAC address that are online, by zone.
    pub fn devices_of(&self, mac: Mac) -> impl Iterator<Item = DeviceId> + use<> {
        self.sessions.of_mac(mac)
    }

    /// The open sessions with a greater number than this one, oldest first.
    pub fn sessions_after(&self, number: SessionId) -> impl Iterator<Item = Online> + '_ {
        self.sessions.after(number).map(Online::of)
    }

    /// The devices that are online on a token, oldest session first.
    #[must_use]
    pub fn devices_on(&self, token: TokenId) -> &[DeviceId] {
        self.accounts.get(token).map_or(&[], |account| &account.open)
    }

    /// Those of them that are charged as time passes: neither parked, nor on elapsed time.
    pub fn running_on(&self, token: TokenId) -> impl Iterator<Item = DeviceId> + '_ {
        let open = self
            .devices_on(token)
            .iter()
            .filter_map(|device| self.sessions.get(*device));
        let running = open.filter(|open| !open.parked && open.metering == Metering::ConnectedTime);
        running.map(|open| open.device)
    }

    /// The open session of a device, in short.
    #[must_use]
    pub fn online_as(&self, device: DeviceId) -> Option<Online> {
        self.sessions.get(device).map(Online::of)
    }

    /// The open session of a device, as it was when it opened or moved last.
    #[must_use]
    pub fn open_session(&self, device: DeviceId) -> Option<Session> {
        self.sessions.get(device).map(Open::session)
    }

    /// The location of a token in memory.
    #[must_use]
    pub fn location_of(&self, token: TokenId) -> Option<u64> {
        self.accounts.get(token).map(|account| account.token.business_id)
    }

    /// Every open session, oldest first.
    pub fn sessions(&self) -> impl Iterator<Item = Session> + '_ {
        self.sessions.iter().map(Open::session)
    }

    /// The deadline that the gate holds for a token.
    #[must_use]
    pub fn deadline_of(&self, token: TokenId) -> u64 {
        self.accounts
            .get(token)
            .map_or(FOREVER, |account| account.deadline)
    }

    /// When the devices of a token are cut if nothing changes: at its deadline, which is moved while they wait.
    #[must_use]
    pub fn ends_at(&self, token: TokenId, now: Now) -> u64 {
        let account = self.accounts.get(token).filter(|account| account.waits());
        account.map_or_else(
            || self.deadline_of(token),
            |account| {
                let balance = now.monotonic.saturating_add(account.token.left());
                account.due().map_or(balance, |(at, _)| at.min(balance))
            },
        )
    }

    /// The deadline that the gate holds for a device by itself.
    #[must_use]
    pub fn session_deadline(&self, session: &Session) -> u64 {
        self.capped_at(session).unwrap_or(FOREVER)
    }

    /// How many sessions are open.
    #[must_use]
    pub fn online(&self) -> usize {
        self.sessions.len()
    }
}
