//! The alarm for codes that are guessed: by many devices together, since each by itself has its budget.

use prometheus::{IntGauge, Registry};

/// Refused codes of one minute that are more than mistyping. They refuse nobody: the space of codes is large.
const ALARM: i64 = 1_000;

/// Refused codes of the last minute.
pub(super) struct Guessing {
    refused: IntGauge,
    alarm: IntGauge,
}

impl Guessing {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let guessing = Self {
            refused: IntGauge::new(
                "accounting_refused_codes",
                "Codes refused in the last minute, whoever tried them.",
            )?,
            alarm: IntGauge::new(
                "accounting_guessing",
                "1 while more codes are refused than people mistype: somebody guesses.",
            )?,
        };
        registry.register(Box::new(guessing.refused.clone()))?;
        registry.register(Box::new(guessing.alarm.clone()))?;
        Ok(guessing)
    }

    /// So many were refused in the last minute.
    pub(super) fn refused(&self, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.refused.set(count);
        let (was, is) = (self.alarm.get(), i64::from(count > ALARM));
        self.alarm.set(is);
        if was == 0 && is == 1 {
            tracing::warn!(count, "codes are guessed: so many were refused within a minute");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "The global rate raises an alarm but refuses nobody, since the space is large."
    #[test]
    fn many_refusals_are_an_alarm_while_they_last() {
        let guessing = Guessing::new(&Registry::new()).unwrap();
        for (count, alarm) in [(0, 0), (1_000, 0), (1_001, 1), (5_000, 1), (900, 0)] {
            guessing.refused(count);
            assert_eq!(guessing.alarm.get(), alarm, "{count}");
        }
    }
}
