//! What a run is about. Chance alone seldom gets as far as the fourth takeover within ten minutes.

use accounting_auditor::{MINUTE, Rules};

use crate::{random::Random, workload::Kind};

/// What happens more often than the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    /// Nothing in particular.
    Anything,
    /// One token and many devices that want its seats.
    Crowd,
    /// A gate with two places.
    Full,
    /// Tokens with dates, and a calendar that is set and not always believed.
    Calendar,
    /// Long sessions, and a gateway that does not last.
    Long,
    /// Devices of which nobody knows whether they are there.
    Parked,
}

impl Theme {
    /// Those that are drawn; the first more often.
    pub(crate) const ALL: [Self; 8] = [
        Self::Anything,
        Self::Anything,
        Self::Anything,
        Self::Crowd,
        Self::Full,
        Self::Calendar,
        Self::Long,
        Self::Parked,
    ];

    /// What it cannot do without.
    pub(crate) fn needs(self, kind: Kind) -> bool {
        match self {
            Self::Anything => false,
            Self::Crowd => matches!(kind, Kind::Takeover),
            Self::Full => matches!(kind, Kind::Redeem),
            Self::Calendar => matches!(kind, Kind::Set | Kind::Trust | Kind::Redeem),
            Self::Parked => matches!(kind, Kind::Attach | Kind::Reboot | Kind::Redeem | Kind::Down),
            Self::Long => matches!(kind, Kind::Up | Kind::Down | Kind::Reboot | Kind::Restart),
        }
    }

    /// What would keep it from getting far.
    pub(crate) fn leaves_out(self, kind: Kind) -> bool {
        let starves = matches!(kind, Kind::Minutes | Kind::Balance | Kind::Elapsed | Kind::Place);
        let dates = matches!(
            kind,
            Kind::From | Kind::To | Kind::Set | Kind::Trust | Kind::Epoch
        );
        let starves = starves || matches!(kind, Kind::Nonsense | Kind::List);
        match self {
            Self::Anything | Self::Parked => false,
            Self::Calendar => starves,
            Self::Full => starves || dates || matches!(kind, Kind::Reboot | Kind::Delete),
            Self::Crowd => {
                let forgets = matches!(kind, Kind::Reboot | Kind::Restart | Kind::Die | Kind::Fail);
                starves || dates || forgets || kind == Kind::Delete
            }
            Self::Long => starves || dates,
        }
    }

    /// The longest time that passes at once.
    pub(crate) fn longest(self) -> u64 {
        match self {
            Self::Anything | Self::Calendar | Self::Parked => 20 * MINUTE,
            Self::Crowd | Self::Full | Self::Long => MINUTE,
        }
    }

    /// How far away something may be for time to pass up to it.
    pub(crate) fn reach(self) -> u64 {
        match self {
            Self::Anything | Self::Calendar | Self::Parked => u64::MAX,
            Self::Crowd | Self::Full | Self::Long => 10 * MINUTE,
        }
    }

    /// Tokens alive at once.
    pub(crate) fn tokens(self) -> usize {
        match self {
            Self::Anything | Self::Calendar | Self::Full => 8,
            Self::Crowd => 1,
            Self::Long | Self::Parked => 4,
        }
    }

    /// Minutes that every token has at least.
    pub(crate) fn minutes(self) -> u32 {
        match self {
            Self::Anything | Self::Parked => 0,
            Self::Calendar => 120,
            Self::Crowd | Self::Full | Self::Long => 3_000,
        }
    }

    /// Whether a token is made with dates.
    pub(crate) fn dated(self, random: &mut Random) -> bool {
        match self {
            Self::Anything | Self::Parked => random.once_in(3),
            Self::Calendar => true,
            Self::Crowd | Self::Full | Self::Long => false,
        }
    }

    /// How far a date lies from now, in milliseconds.
    pub(crate) fn date(self, random: &mut Random) -> i64 {
        let far = 60 * 60_000;
        match self {
            Self::Calendar => random.pick(&[-far, 60_000, far / 2, far, far, 2 * far]),
            _ => random.pick(&[-60_000, 0, 1, 10_000, 60_000, 240_000, far / 2]),
        }
    }

    /// Whether a token is to be deleted, where that is drawn.
    pub(crate) fn deletes(self, random: &mut Random) -> bool {
        self == Self::Anything || self != Self::Crowd && random.once_in(10)
    }

    /// The rules of a run.
    pub(crate) fn rules(self, random: &mut Random) -> Rules {
        let located = random.once_in(3);
        let locations = match located {
            true if random.once_in(3) => vec![(0, 1)],
            true => vec![(0, 1), (1, 2)],
            false => Vec::new(),
        };
        let (takeovers_max, takeover_window) = random.pick(&[(3, 600_000), (1, 60_000)]);
        let mut rules = Rules {
            devices_max: usize::try_from(random.pick(&[2, 3, 4, 8])).unwrap_or(4),
            locations: locations.into_iter().collect(),
            idle_timeout: random.pick(&[Some(10 * MINUTE), Some(MINUTE), None]),
            bill_idle: random.once_in(3),
            session_timeout: random.pick(&[None, None, Some(90_000), Some(7 * MINUTE), Some(MINUTE)]),
            seat_silence: random.pick(&[120_000, 120_000, 45_000]),
            takeover_silence: 30_000,
            takeovers_max,
            takeover_window,
            attempts_per_device: random.pick(&[10, 10, 3]),
            attempts_per_asker: random.pick(&[300, 300, 8]),
        };
        if self != Self::Anything {
            rules.locations.clear();
            rules.devices_max = 8;
            rules.session_timeout = None;
        }
        if self == Self::Full {
            (rules.devices_max, rules.attempts_per_device) = (2, 3);
        }
        if self == Self::Crowd {
            rules.idle_timeout = None;
            rules.seat_silence = 120_000;
            (rules.attempts_per_device, rules.attempts_per_asker) = (1_000, 1_000);
        }
        rules
    }
}
