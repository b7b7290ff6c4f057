//! The token: one access token record and its account.

use uuid::Uuid;

use super::{AccessCode, Mutant, SecondFactor, SessionId, TokenBalance, balance::left, broken};
use crate::mac::{DeviceId, Mac};

/// Milliseconds in a minute.
pub const MINUTE_MS: u64 = 60_000;

/// A token's number; grows with creation, 1 to 2^63-1.
pub type TokenId = u64;

/// How a token's clock runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metering {
    /// Only while sessions are open; every open session draws on the one balance.
    #[default]
    ConnectedTime,
    /// From the first redemption on, connected or not, once for all seats.
    ElapsedTime,
}

/// One access token whole: its record and its balance. Times are milliseconds since 1970-01-01T00:00:00Z, lengths are
/// milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Number of the token.
    pub id: TokenId,
    /// Its UUID.
    pub unique_id: Uuid,
    /// The location, 1 to 2^63-1.
    pub business_id: u64,
    /// What a person types.
    pub code: AccessCode,
    /// Free text.
    pub description: Option<String>,
    /// The minutes it was made with.
    pub minutes_included: u32,
    /// Not before.
    pub valid_from: Option<i64>,
    /// Not at or after.
    pub valid_to: Option<i64>,
    /// Simultaneous devices; none means one.
    pub user_limit: Option<u32>,
    /// The device admitted last.
    pub mac_address: Option<Mac>,
    /// The booking it was made for.
    pub booking_guid: Option<Uuid>,
    /// The visitor it was made for.
    pub visitor_guid: Option<Uuid>,
    /// The last redemption.
    pub last_access: Option<i64>,
    /// When it was made.
    pub created_on: i64,
    /// When it was edited last.
    pub updated_on: i64,
    /// Who made or edited it.
    pub updated_by: String,
    /// The caller's own data.
    pub system_id: Option<String>,
    /// How its clock runs.
    pub metering: Metering,
    /// What it is good for; below zero where more was taken back than there was.
    pub entitled: i64,
    /// What was charged: released sessions, and open ones up to `settled`.
    pub used: u64,
    /// Monotonic milliseconds up to which the open sessions and the run are in `used`; says nothing while there are none.
    pub settled: u64,
    /// How many times as fast as the clock `used` grows from `settled` on; 0 while nobody draws on it.
    pub draws: u32,
    /// The run of a token on elapsed time, from its first redemption until its balance is zero.
    pub run: Option<Run>,
}

/// The time that runs on a token on elapsed time. Its charge is kept in one usage record when it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of the usage record.
    pub id: SessionId,
    /// The device whose redemption began it.
    pub device: DeviceId,
    /// Wall clock milliseconds of that redemption.
    pub opened_wall: i64,
    /// Milliseconds charged up to the token's `settled`.
    pub charged: u64,
    /// Whether it stands still until `valid_from`.
    pub paused: bool,
}

/// What is kept of a token besides its balance: written at its creation and by edits alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRecord {
    pub(super) unique_id: Uuid,
    pub(super) code: AccessCode,
    pub(super) description: Option<String>,
    pub(super) minutes_included: u32,
    pub(super) booking_guid: Option<Uuid>,
    pub(super) visitor_guid: Option<Uuid>,
    pub(super) created_on: i64,
    pub(super) updated_on: i64,
    pub(super) updated_by: String,
    pub(super) system_id: Option<String>,
}

impl Token {
    /// The balance: `max(0, entitled - used)`.
    #[must_use]
    pub fn left(&self) -> u64 {
        left(self.entitled, self.used)
    }

    /// Its balance by itself.
    #[must_use]
    pub fn balance(&self) -> TokenBalance {
        TokenBalance {
            id: self.id,
            business_id: self.business_id,
            valid_from: self.valid_from.into(),
            valid_to: self.valid_to.into(),
            last_access: self.last_access.into(),
            entitled: self.entitled,
            used: self.used,
            settled: self.settled,
            run: self.run.clone().map(Box::new),
            user_limit: self.user_limit.into(),
            draws: self.draws,
            mac_address: self.mac_address,
            metering: self.metering,
        }
    }

    /// Puts a later balance in place of the one it has.
    pub fn set_balance(&mut self, balance: TokenBalance) {
        self.business_id = balance.business_id;
        self.valid_from = balance.valid_from.get();
        self.valid_to = balance.valid_to.get();
        self.last_access = balance.last_access.get();
        self.entitled = balance.entitled;
        self.used = balance.used;
        self.settled = balance.settled;
        self.run = balance.run.map(|run| *run);
        self.user_limit = balance.user_limit.get();
        self.draws = balance.draws;
        self.mac_address = balance.mac_address;
        self.metering = balance.metering;
    }

    /// Charges it up to an instant of the monotonic clock, as [`TokenBalance::bring_up`].
    pub fn bring_up(&mut self, monotonic: u64) {
        let mut balance = self.balance();
        balance.bring_up(monotonic);
        self.set_balance(balance);
    }

    pub(super) fn record(&self) -> TokenRecord {
        TokenRecord {
            unique_id: self.unique_id,
            code: self.code.clone(),
            description: self.description.clone(),
            minutes_included: self.minutes_included,
            booking_guid: self.booking_guid,
            visitor_guid: self.visitor_guid,
            created_on: self.created_on,
            updated_on: self.updated_on,
            updated_by: self.updated_by.clone(),
            system_id: self.system_id.clone(),
        }
    }

    pub(super) fn of(record: TokenRecord, balance: TokenBalance) -> Self {
        Self {
            id: balance.id,
            unique_id: record.unique_id,
            business_id: balance.business_id,
            code: record.code,
            description: record.description,
            minutes_included: record.minutes_included,
            valid_from: balance.valid_from.get(),
            valid_to: balance.valid_to.get(),
            user_limit: balance.user_limit.get(),
            mac_address: balance.mac_address,
            booking_guid: record.booking_guid,
            visitor_guid: record.visitor_guid,
            last_access: balance.last_access.get(),
            created_on: record.created_on,
            updated_on: record.updated_on,
            updated_by: record.updated_by,
            system_id: record.system_id,
            metering: balance.metering,
            entitled: balance.entitled,
            used: balance.used,
            settled: balance.settled,
            draws: balance.draws,
            run: balance.run.map(|run| *run),
        }
    }
}

/// The fields a token is created with; the ledger adds number, times and account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewToken {
    /// Its UUID, drawn by the caller: the ledger has no source of chance.
    pub unique_id: Uuid,
    /// See [`Token`], as all that follow.
    pub business_id: u64,
    /// Given or generated by the caller.
    pub code: AccessCode,
    /// Free text.
    pub description: Option<String>,
    /// Minutes it is made with.
    pub minutes_included: u32,
    /// The balance to begin with where it differs from `minutes_included`.
    pub minutes_left: Option<u32>,
    /// Not before.
    pub valid_from: Option<i64>,
    /// Not at or after.
    pub valid_to: Option<i64>,
    /// Simultaneous devices.
    pub user_limit: Option<u32>,
    /// A device to show until one is admitted.
    pub mac_address: Option<Mac>,
    /// The booking it is made for.
    pub booking_guid: Option<Uuid>,
    /// The visitor it is made for.
    pub visitor_guid: Option<Uuid>,
    /// The caller's own data.
    pub system_id: Option<String>,
    /// How its clock runs.
    pub metering: Metering,
    /// What must be given besides its code.
    pub factor: Option<SecondFactor>,
    /// Who makes it.
    pub by: String,
}

/// A balance in whole minutes as people see it: rounded up, so that 0 means depleted.
#[must_use]
pub fn minutes_shown(ms: u64) -> u64 {
    if broken(Mutant::MinutesRoundedDown) {
        return ms / MINUTE_MS;
    }
    ms.div_ceil(MINUTE_MS)
}
