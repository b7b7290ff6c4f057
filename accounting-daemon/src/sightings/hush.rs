//! A log line that may come often: what happens within a minute of the last one is added up.

/// The shortest time between two lines, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// What was not said yet, and when something was said last.
#[derive(Debug, Default)]
pub(super) struct Hush {
    said: Option<u64>,
    since: u64,
}

impl Hush {
    /// So much has happened. Answers the sum since the last line when it is time for one.
    pub(super) fn say(&mut self, count: u64, now: u64) -> Option<u64> {
        self.since += count;
        let quiet = self.said.is_some_and(|said| now.saturating_sub(said) < PAUSE_MS);
        if self.since == 0 || quiet {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_one_line_and_nothing_is_lost() {
        let mut hush = Hush::default();
        assert_eq!(hush.say(0, 5), None);
        assert_eq!(hush.say(3, 10), Some(3));
        assert_eq!(hush.say(4, 60_009), None);
        assert_eq!(hush.say(5, 60_009), None);
        assert_eq!(hush.say(0, 60_010), Some(9));
        assert_eq!(hush.say(0, 200_000), None);
    }
}
