//! What the operator decides, who the devices are, and the time.

use std::collections::BTreeMap;

/// A minute in milliseconds.
pub const MINUTE: u64 = 60_000;

/// An instant that never comes.
pub const FOREVER: u64 = u64::MAX;

/// A MAC address (as a number) in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Device {
    /// The MAC address.
    pub mac: u64,
    /// The zone.
    pub zone: u16,
}

/// Both clocks at an instant, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Since boot.
    pub monotonic: u64,
    /// Since 1970.
    pub wall: i64,
    /// Whether the calendar can be believed.
    pub trusted: bool,
}

impl Now {
    /// How far the calendar is from the clock that counts durations.
    #[must_use]
    pub fn offset(self) -> i64 {
        self.wall - signed(self.monotonic)
    }

    /// What the calendar shows at another instant of the same boot, if it is not set meanwhile.
    #[must_use]
    pub fn wall_at(self, monotonic: u64) -> i64 {
        self.offset() + signed(monotonic)
    }
}

/// A length or an instant as a signed number; what the simulator uses is far from the limit.
#[must_use]
pub(crate) fn signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// Limits and habits, in milliseconds; `None` switches a rule off.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Devices the gate holds.
    pub devices_max: usize,
    /// The location of each zone that has one.
    pub locations: BTreeMap<u16, u64>,
    /// Silence that ends a session on connected time.
    pub idle_timeout: Option<u64>,
    /// Whether that silence is charged.
    pub bill_idle: bool,
    /// The cap of one session.
    pub session_timeout: Option<u64>,
    /// Silence that frees a seat.
    pub seat_silence: u64,
    /// Silence that frees a seat for whoever asks to take it over.
    pub takeover_silence: u64,
    /// Takeovers of one token within the window.
    pub takeovers_max: usize,
    /// The window.
    pub takeover_window: u64,
    /// Refused redemptions of one device in a minute.
    pub attempts_per_device: usize,
    /// Refused redemptions of one client in a minute.
    pub attempts_per_asker: usize,
    /// Refused redemptions with an e-mail address in a minute, by all together, for each class.
    pub attempts_per_class: usize,
}
