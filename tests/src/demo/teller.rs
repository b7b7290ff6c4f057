//! What the daemon says over HTTP: how codes are made and redeemed, and what it tells about a device.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::cast::PHONE;
use super::deadline::Window;
use crate::clock;
use crate::lab::{Client, Daemon, Lab};

/// Pause between two questions. No divisor of a second, so that the answers fall everywhere within one.
const PAUSE: Duration = Duration::from_millis(17);
/// Every so many questions about the phone, one about another device.
const OTHERS: usize = 4;

/// A session as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// The token's id.
    pub(super) token: u64,
    /// Seconds until the device is cut if nothing changes, rounded up.
    pub(super) seconds_left: u64,
    /// Seats of the token in use.
    pub(super) seats: u64,
    /// When it was opened, as text.
    pub(super) opened_on: String,
    /// Bytes of both ways.
    pub(super) bytes: u64,
    /// Packets of both ways.
    pub(super) packets: u64,
}

/// A code and the record behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    /// Of the record.
    pub(super) id: u64,
    /// What people type.
    pub(super) code: String,
}

/// An answer with the monotonic times around it.
#[derive(Clone, Debug)]
pub(super) struct Told<T> {
    /// Before the question was sent.
    pub(super) asked: Duration,
    /// After the answer was read.
    pub(super) answered: Duration,
    /// What was answered.
    pub(super) said: T,
}

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

/// Makes a token through the record API. `seats` is its UserLimit.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn create(daemon: &Daemon, minutes: u64, seats: usize) -> Result<Token> {
    let body =
        json!({"BusinessId": 1, "MinutesIncluded": minutes, "UserLimit": seats, "Description": "demo"});
    let answer = daemon.api("POST", "/api/spaces/accesstokens", Some(&body))?;
    let id = answer.json()?["Value"]["Id"].as_u64();
    let Some(id) = id.filter(|_| answer.status == 200) else {
        bail!("no token was made, status {}: {}", answer.status, answer.text())
    };
    let record = record(daemon, id)?;
    let code = record["AccessCode"].as_str().context("a token without a code")?;
    Ok(Token {
        id,
        code: code.to_owned(),
    })
}

/// The record of a token.
///
/// # Errors
/// When there is none, or the daemon does not answer.
pub(super) fn record(daemon: &Daemon, id: u64) -> Result<Value> {
    let answer = daemon.api("GET", &format!("/api/spaces/accesstokens/{id}"), None)?;
    if answer.status != 200 {
        bail!(
            "no record of token {id}, status {}: {}",
            answer.status,
            answer.text()
        );
    }
    answer.json()
}

/// Redeems a code for a device; gives the status and the answer.
///
/// # Errors
/// When the daemon does not answer.
pub(super) fn try_redeem(daemon: &Daemon, code: &str, client: &Client) -> Result<Told<(u16, Value)>> {
    let body = json!({"AccessCode": code, "MacAddress": client.mac_text()});
    let asked = clock::monotonic();
    let answer = daemon.api("POST", "/v1/redemptions", Some(&body))?;
    Ok(Told {
        asked,
        answered: clock::monotonic(),
        said: (answer.status, answer.json()?),
    })
}

/// The same; a refusal is an error.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn redeem(daemon: &Daemon, code: &str, client: &Client) -> Result<Told<Session>> {
    let told = try_redeem(daemon, code, client)?;
    let (status, body) = &told.said;
    if *status != 200 {
        bail!("the code was refused, status {status}: {body}");
    }
    Ok(Told {
        asked: told.asked,
        answered: told.answered,
        said: session(body)?,
    })
}

/// Disconnects a device.
///
/// # Errors
/// When the daemon does not answer or refuses.
pub(super) fn disconnect(daemon: &Daemon, client: &Client) -> Result<()> {
    let answer = daemon.api("DELETE", &format!("/v1/sessions/{}", client.mac_text()), None)?;
    if answer.status != 204 {
        bail!("not disconnected, status {}: {}", answer.status, answer.text());
    }
    Ok(())
}

/// The session of a device, if it is online.
///
/// # Errors
/// When the daemon does not answer, or answers something else.
pub(super) fn device(daemon: &Daemon, client: &Client) -> Result<Told<Option<Session>>> {
    let asked = clock::monotonic();
    let answer = daemon.api("GET", &format!("/v1/devices/{}", client.mac_text()), None)?;
    let answered = clock::monotonic();
    let body = answer.json()?;
    let online = body["Online"].as_bool().context("a device without Online")?;
    let said = online.then(|| session(&body["Session"])).transpose()?;
    Ok(Told {
        asked,
        answered,
        said,
    })
}

fn session(body: &Value) -> Result<Session> {
    let number = |name: &str| {
        let number = body[name].as_u64();
        number.with_context(|| format!("a session without {name}: {body}"))
    };
    let opened_on = body["OpenedOn"].as_str();
    Ok(Session {
        token: number("TokenId")?,
        seconds_left: number("SecondsLeft")?,
        seats: number("SeatsUsed")?,
        opened_on: opened_on.context("a session without OpenedOn")?.to_owned(),
        bytes: number("BytesUp")? + number("BytesDown")?,
        packets: number("PacketsUp")? + number("PacketsDown")?,
    })
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
