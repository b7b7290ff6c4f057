//! The teller: it asks the API about all devices all the time, for the screen and for the end that is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::api::{Session, Told, device};
use super::cast::PHONE;
use super::deadline::Window;
use crate::clock;
use crate::lab::Lab;

/// Pause between two questions. No divisor of a second, so that the answers fall everywhere within one.
const PAUSE: Duration = Duration::from_millis(17);
/// Every so many questions about the phone, one about another device.
const OTHERS: usize = 4;

#[derive(Debug, Default)]
struct Notes {
    sessions: BTreeMap<usize, Told<Option<Session>>>,
    /// The phone's end, while token and seats stay the same.
    end: Option<((u64, u64), Window)>,
    seen_online: BTreeSet<usize>,
}

/// Asks about all devices all the time, and keeps what was told last.
#[derive(Debug, Default)]
pub(super) struct Teller {
    notes: Mutex<Notes>,
    stop: AtomicBool,
    turn: AtomicUsize,
}

impl Teller {
    /// Asks until [`Self::stop`]; a daemon that does not answer is asked again.
    pub(super) fn run(&self, lab: &Lab) {
        while !self.stop.load(Ordering::Relaxed) {
            let now = clock::monotonic();
            let change = self.end().and_then(|end| end.next_change(now));
            let change = change.filter(|change| *change < now + PAUSE);
            clock::sleep_until(change.unwrap_or(now + PAUSE));
            let turn = self.turn.fetch_add(1, Ordering::Relaxed);
            let others = lab.clients().len() - 1;
            let number = match turn % OTHERS {
                0 if change.is_none() => PHONE + 1 + turn / OTHERS % others.max(1),
                _ => PHONE,
            };
            if let (Ok(daemon), Ok(client)) = (lab.daemon(), lab.client(number))
                && let Ok(told) = device(daemon, client)
            {
                self.note(number, told);
            }
        }
    }

    /// Ends [`Self::run`].
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// What was told last about a device: its session, if it has one.
    #[must_use]
    pub(super) fn session(&self, number: usize) -> Option<Session> {
        self.notes().sessions.get(&number)?.said.clone()
    }

    /// Seconds that a device has left by what was told last; 0 when its session was told to be over, `None` when it never
    /// had one. It goes on counting when nobody answers.
    #[must_use]
    pub(super) fn seconds_left(&self, number: usize) -> Option<u64> {
        let notes = self.notes();
        let told = notes.sessions.get(&number)?;
        let Some(session) = &told.said else {
            return notes.seen_online.contains(&number).then_some(0);
        };
        let age = clock::monotonic().saturating_sub(told.answered);
        Some(session.seconds_left.saturating_sub(age.as_secs()))
    }

    /// The end of the phone's session, as told since its token and the seats in use changed last.
    #[must_use]
    pub(super) fn end(&self) -> Option<Window> {
        self.notes().end.map(|(_, window)| window)
    }

    /// The same, once `seats` are in use and the window is at most `width` wide.
    ///
    /// # Errors
    /// When that is not told within `limit`.
    pub(super) fn wait_for_end(&self, seats: u64, width: Duration, limit: Duration) -> Result<Window> {
        let what = format!(
            "the API to tell the phone's end to {} ms, with {seats} seats in use",
            width.as_millis()
        );
        clock::wait_for(&what, limit, || {
            let notes = self.notes();
            let told = notes.end.filter(|((_, in_use), _)| *in_use == seats);
            Ok(told
                .map(|(_, window)| window)
                .filter(|window| window.width() <= width))
        })
    }

    /// Keeps what was told about a device: its session as far as it has one.
    pub(super) fn note(&self, number: usize, told: Told<impl Into<Option<Session>>>) {
        let told = Told {
            asked: told.asked,
            answered: told.answered,
            said: told.said.into(),
        };
        let mut notes = self.notes();
        if told.said.is_some() {
            notes.seen_online.insert(number);
        }
        if number == PHONE {
            notes.end = told.said.as_ref().map(|session| {
                let basis = (session.token, session.seats);
                let window = Window::told(told.asked, told.answered, session.seconds_left);
                let before = notes.end.filter(|(other, _)| *other == basis);
                let both = before.and_then(|(_, before)| before.and(window));
                (basis, both.unwrap_or(window))
            });
        }
        notes.sessions.insert(number, told);
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(asked: u64, seconds_left: u64, seats: u64) -> Told<Option<Session>> {
        Told {
            asked: Duration::from_millis(asked),
            answered: Duration::from_millis(asked + 2),
            said: Some(Session {
                token: 7,
                seconds_left,
                seats,
                opened_on: String::new(),
                bytes: 0,
                packets: 0,
            }),
        }
    }

    #[test]
    fn the_window_starts_anew_when_another_device_joins() {
        let teller = Teller::default();
        teller.note(PHONE, told(6_490, 5, 1));
        teller.note(PHONE, told(6_510, 4, 1));
        assert_eq!(teller.end().unwrap().width(), Duration::from_millis(22));
        teller.note(PHONE, told(6_600, 2, 2));
        assert_eq!(teller.end().unwrap().width(), Duration::from_millis(1_002));
        let wait = Duration::from_millis(1);
        assert!(teller.wait_for_end(1, Duration::from_secs(2), wait).is_err());
        assert!(teller.wait_for_end(2, Duration::from_secs(2), wait).is_ok());
    }
}
