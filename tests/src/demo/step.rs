//! The steps of the story, by name, and what it means that one was not seen.

use std::fmt;
use std::str::FromStr;

use anyhow::Result;

/// A step of the story, in the order of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// A client is given addresses through the gate.
    Address,
    /// Nothing else passes, either way.
    Blocked,
    /// A code opens the gate.
    Redeem,
    /// A second device draws on the same minutes.
    Share,
    /// The minutes end, and so do the packets.
    End,
    /// The daemon is killed, and the gate holds and keeps time.
    Killed,
    /// The daemon starts again, and its books agree with what was seen.
    Books,
}

impl Step {
    /// All, in the order of the story.
    pub const ALL: [Self; 7] = [
        Self::Address,
        Self::Blocked,
        Self::Redeem,
        Self::Share,
        Self::End,
        Self::Killed,
        Self::Books,
    ];

    /// The word for it on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Blocked => "blocked",
            Self::Redeem => "redeem",
            Self::Share => "share",
            Self::End => "end",
            Self::Killed => "killed",
            Self::Books => "books",
        }
    }

    /// What happens in it, for somebody who watches.
    #[must_use]
    pub fn story(self) -> &'static str {
        match self {
            Self::Address => "the phone comes and asks for an address",
            Self::Blocked => "without a code nothing passes, neither IPv4 nor IPv6, neither up nor down",
            Self::Redeem => "the phone types a code worth one minute, and is online",
            Self::Share => "the laptop types the same code: now both draw on that minute",
            Self::End => "the family joins, the minute is soon used up, and the packets stop",
            Self::Killed => "the daemon is killed: the gate holds, and ends the next minute by itself",
            Self::Books => "the daemon starts again: its books agree with the captures",
        }
    }

    /// How `--sabotage` breaks it.
    #[must_use]
    pub fn sabotage(self) -> &'static str {
        match self {
            Self::Address => "the gateway drops DHCP and router solicitations",
            Self::Blocked => "the gate is taken down, so that everything passes",
            Self::Redeem => "the code is made, but nobody redeems it",
            Self::Share => "the laptop does not join",
            Self::End => "the others are disconnected just before the end, which moves the deadline",
            Self::Killed => "the gate is taken down with the daemon",
            Self::Books => "the books are thrown away while the daemon is dead",
        }
    }

    /// Counted from 1.
    #[must_use]
    pub fn number(self) -> usize {
        Self::ALL.iter().take_while(|step| **step < self).count() + 1
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|step| step.name() == text);
        found.ok_or_else(|| format!("no step {text:?}; the steps are {names}"))
    }
}

/// Something that had to be seen and was not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// What had to be seen.
    pub expected: String,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; seen: {}", self.expected, self.seen)
    }
}

impl std::error::Error for Miss {}

/// Nothing when `holds`, else a [`Miss`] as the error.
pub(super) fn expect(holds: bool, expected: impl Into<String>, seen: impl Into<String>) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Miss {
        expected: expected.into(),
        seen: seen.into(),
    }
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_steps() {
        for (index, step) in Step::ALL.into_iter().enumerate() {
            assert_eq!((step.name().parse(), step.number()), (Ok(step), index + 1));
        }
        assert!("lunch".parse::<Step>().unwrap_err().contains("blocked, redeem"));
    }

    #[test]
    fn a_miss_is_found_in_the_error() {
        let error = expect(false, "snow", "rain").unwrap_err().context("weather");
        assert_eq!(error.downcast_ref::<Miss>().unwrap().seen, "rain");
        assert!(expect(true, "snow", "snow").is_ok());
    }
}
