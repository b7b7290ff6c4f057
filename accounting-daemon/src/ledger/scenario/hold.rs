//! Steps that say what must hold.

use super::{
    Scenario,
    words::{device, ms},
};
use crate::ledger::*;

impl Scenario {
    /// Panics where a step says what is not so.
    pub(super) fn hold(&mut self, line: &str, words: &[&str]) {
        let now = self.now;
        match words {
            ["left", name, time] => assert_eq!(self.account(name).token.left(), ms(time), "{line}"),
            ["used", name, time] => assert_eq!(self.account(name).token.used, ms(time), "{line}"),
            ["entitled", name, time] => {
                assert_eq!(
                    self.account(name).token.entitled,
                    ms(time).cast_signed(),
                    "{line}"
                );
            }
            ["shown", name, minutes] => {
                let left = self.account(name).token.left();
                assert_eq!(minutes_shown(left).to_string(), *minutes, "{line}");
            }
            ["row", name, time] => assert_eq!(self.rows[&self.tokens[*name]].used, ms(time), "{line}"),
            ["reasons", name, wanted @ ..] => {
                let of_token = |kept: &&Adjustment| kept.token == self.tokens[*name];
                let kept = self.adjustments.iter().filter(of_token);
                let kept: Vec<&str> = kept.map(|kept| kept.reason.as_str()).collect();
                assert_eq!(kept, *wanted, "{line}");
            }
            ["seats", name, count] => assert_eq!(self.account(name).seats_used.to_string(), *count, "{line}"),
            ["cut", name, time] => {
                let deadline = self.ledger.deadline_of(self.tokens[*name]);
                assert_eq!(deadline, self.instant(time), "{line}");
            }
            ["cap", who, time] => {
                let session = self.ledger.session(device(who), now).unwrap().session;
                let deadline = self.ledger.session_deadline(&session);
                assert_eq!(deadline, self.instant(time), "{line}");
            }
            ["rest", who, time] => {
                let session = self.ledger.session(device(who), now).unwrap();
                assert_eq!(session.left, Some(ms(time)), "{line}");
            }
            ["records", count] => assert_eq!(self.records.len().to_string(), *count, "{line}"),
            ["ended", devices @ ..] => {
                let wanted: Vec<_> = devices.iter().map(|who| device(who)).collect();
                let ended: Vec<_> = self.records.iter().map(|record| record.device).collect();
                assert!(ended.ends_with(&wanted), "{line}: {ended:?}");
            }
            ["online", who] => assert!(self.ledger.session(device(who), now).is_some(), "{line}"),
            ["offline", who] => assert!(self.ledger.session(device(who), now).is_none(), "{line}"),
            ["record", who, cause, time] => {
                let last = self.records.iter().rfind(|record| record.device == device(who));
                let got = last.map(|record| (record.cause.as_str(), record.charged));
                assert_eq!(got, Some((*cause, ms(time))), "{line}");
            }
            ["adjusted", name, time] => {
                let sum: i64 = self
                    .adjustments
                    .iter()
                    .filter(|a| a.token == self.tokens[*name])
                    .map(|a| a.by_ms)
                    .sum();
                assert_eq!(sum, i64::try_from(ms(time)).unwrap(), "{line}");
            }
            other => panic!("no such step: {other:?}"),
        }
    }

    /// So much time from now.
    fn instant(&self, time: &str) -> u64 {
        if time == "never" {
            return FOREVER;
        }
        self.now.monotonic + ms(time)
    }
}
