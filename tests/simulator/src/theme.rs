//! What a run is about. Chance alone seldom gets as far as the fourth takeover within ten minutes.

use accounting_auditor::{MINUTE, Rules};

use crate::{random::Random, workload::Kind};

/// What happens more often than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Nothing in particular.
    Anything,
    /// Few tokens and many devices that want their seats.
    Crowd,
    /// Tokens with dates, and a calendar that is set and not always believed.
    Calendar,
    /// Long sessions, and a gateway that does not last.
    Long,
}

impl Theme {
    /// Those that are drawn; the first more often.
    pub(crate) const ALL: [Self; 6] = [
        Self::Anything,
        Self::Anything,
        Self::Anything,
        Self::Crowd,
        Self::Calendar,
        Self::Long,
    ];

    /// What it cannot do without.
    pub(crate) fn needs(self, kind: Kind) -> bool {
        match self {
            Self::Anything => false,
            Self::Crowd => matches!(kind, Kind::Redeem | Kind::Takeover | Kind::Up | Kind::RefuseOpen),
            Self::Calendar => matches!(kind, Kind::Set | Kind::Trust | Kind::To | Kind::From),
            Self::Long => matches!(kind, Kind::Up | Kind::Down | Kind::Reboot | Kind::Restart),
        }
    }

    /// The longest time that passes at once.
    pub(crate) fn longest(self) -> u64 {
        match self {
            Self::Anything | Self::Calendar => 20 * MINUTE,
            Self::Crowd | Self::Long => MINUTE,
        }
    }

    /// Tokens alive at once.
    pub(crate) fn tokens(self) -> usize {
        match self {
            Self::Anything | Self::Calendar => 8,
            Self::Crowd => 2,
            Self::Long => 4,
        }
    }

    /// Minutes that every token has at least.
    pub(crate) fn minutes(self) -> u32 {
        match self {
            Self::Anything => 0,
            Self::Crowd | Self::Calendar | Self::Long => 120,
        }
    }

    /// Whether a token is to be deleted, where that is drawn.
    pub(crate) fn deletes(self, random: &mut Random) -> bool {
        self == Self::Anything || random.once_in(10)
    }

    /// The rules of a run.
    pub(crate) fn rules(self, random: &mut Random) -> Rules {
        let located = random.once_in(3);
        let locations = if located { vec![(0, 1), (1, 2)] } else { Vec::new() };
        let mut rules = Rules {
            devices_max: usize::try_from(random.pick(&[2, 3, 4, 8])).unwrap_or(4),
            locations: locations.into_iter().collect(),
            idle_timeout: random.pick(&[Some(10 * MINUTE), Some(MINUTE), None]),
            bill_idle: random.once_in(3),
            session_timeout: random.pick(&[None, None, Some(90_000), Some(7 * MINUTE)]),
            seat_silence: random.pick(&[120_000, 120_000, 45_000]),
            takeover_silence: 30_000,
            takeovers_max: 3,
            takeover_window: 600_000,
            attempts_per_device: random.pick(&[10, 10, 3]),
            attempts_per_asker: random.pick(&[300, 300, 8]),
        };
        if self != Self::Anything {
            rules.locations.clear();
            rules.devices_max = 8;
            rules.session_timeout = None;
        }
        if self == Self::Crowd {
            rules.idle_timeout = None;
            rules.seat_silence = 120_000;
            (rules.attempts_per_device, rules.attempts_per_asker) = (1_000, 1_000);
        }
        rules
    }
}
