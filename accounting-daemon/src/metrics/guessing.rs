//! The alarm for codes that are guessed: by many devices together, since each by itself has its budget.

use prometheus::{IntGauge, IntGaugeVec};

use super::list::List;
use crate::ledger::Class;

/// Refused codes of one minute that are more than mistyping. They refuse nobody: the space of codes is large.
const ALARM: i64 = 1_000;

/// Refused codes of the last minute.
pub(super) struct Guessing {
    refused: IntGauge,
    alarm: IntGauge,
    of_class: IntGaugeVec,
    closed: IntGaugeVec,
}

impl Guessing {
    pub(super) fn new(list: &List) -> Result<Self, prometheus::Error> {
        let guessing = Self {
            refused: list.gauge(
                "accounting_refused_codes",
                "Codes refused in the last minute, whoever tried them.",
            )?,
            alarm: list.gauge(
                "accounting_guessing",
                "1 while more codes are refused than people mistype: somebody guesses.",
            )?,
            of_class: list.gauges(
                "accounting_class_refused_codes",
                "Codes refused in the last minute that came with an e-mail address, by the class that they may have been of.",
                &["class"],
            )?,
            closed: list.gauges(
                "accounting_class_closed",
                "1 while the budget of a class of short codes is spent: none of this class is heard.",
                &["class"],
            )?,
        };
        for class in Class::ALL {
            guessing.of_class(class, 0, false);
        }
        Ok(guessing)
    }

    /// So many of a class were refused in the last minute, and whether no more are heard.
    pub(super) fn of_class(&self, class: Class, count: usize, closed: bool) {
        let of = self.of_class.with_label_values(&[class.as_str()]);
        of.set(i64::try_from(count).unwrap_or(i64::MAX));
        let gauge = self.closed.with_label_values(&[class.as_str()]);
        if closed && gauge.get() == 0 {
            let class = class.as_str();
            tracing::warn!(
                class,
                count,
                "codes of a class are guessed: none of it is heard until fewer were refused within a minute"
            );
        }
        gauge.set(i64::from(closed));
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
    fn a_class_whose_budget_is_spent_is_told() {
        let guessing = Guessing::new(&List::default()).unwrap();
        for (refused, closed) in [(29, false), (30, true), (3, false)] {
            guessing.of_class(Class::Visitor, refused, closed);
            let value = |gauge: &IntGaugeVec, class: Class| gauge.with_label_values(&[class.as_str()]).get();
            assert_eq!(value(&guessing.closed, Class::Visitor), i64::from(closed));
            assert_eq!(
                value(&guessing.of_class, Class::Visitor),
                i64::try_from(refused).unwrap()
            );
            assert_eq!(value(&guessing.closed, Class::Booking), 0);
        }
    }

    /// "The global rate raises an alarm but refuses nobody, since the space is large."
    #[test]
    fn many_refusals_are_an_alarm_while_they_last() {
        let guessing = Guessing::new(&List::default()).unwrap();
        for (count, alarm) in [(0, 0), (1_000, 0), (1_001, 1), (5_000, 1), (900, 0)] {
            guessing.refused(count);
            assert_eq!(guessing.alarm.get(), alarm, "{count}");
        }
    }
}
