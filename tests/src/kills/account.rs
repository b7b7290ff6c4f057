//! One device with a token of its own: what it was told, and what it may have been charged.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

use crate::clock;
use crate::lab::{Answer, Daemon};

/// The interval of the checkpoint: what a kill may cost where it interrupts a release.
const CHECKPOINT_MS: i64 = 5_000;

/// Milliseconds that a clock's rounding may make: one in each reading of either side.
const ROUNDING_MS: i64 = 4;

/// What the device knows of its session. Times are monotonic milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It has none.
    Offline,
    /// It has one, opened in between.
    Online(i64, i64),
    /// A redemption was sent, no answer came.
    Redeeming(i64),
    /// A release was sent, no answer came; it was opened in between.
    Releasing(i64, i64, i64),
}

/// A device, its token, its books.
#[derive(Clone, Debug)]
pub(super) struct Account {
    code: String,
    pub(super) mac: String,
    entitled: i64,
    known: Known,
    /// What the sessions that are over cost, at least and at most.
    least: i64,
    most: i64,
    pub(super) admitted: u64,
    pub(super) released: u64,
    pub(super) unanswered: u64,
}

fn now() -> i64 {
    i64::try_from(clock::monotonic().as_millis()).unwrap_or(i64::MAX)
}

impl Account {
    pub(super) fn new(code: String, mac: String, entitled: u64) -> Self {
        Self {
            code,
            mac,
            entitled: i64::try_from(entitled).unwrap_or(i64::MAX),
            known: Known::Offline,
            least: 0,
            most: 0,
            admitted: 0,
            released: 0,
            unanswered: 0,
        }
    }

    /// Redeems or releases, whichever is next, and remembers what came of it. `false` when no answer came.
    pub(super) fn act(&mut self, daemon: &Daemon) -> Result<bool> {
        match self.known {
            Known::Offline => self.redeem(daemon),
            Known::Online(from, to) => self.release(daemon, from, to),
            Known::Redeeming(_) | Known::Releasing(..) => Ok(true),
        }
    }

    fn redeem(&mut self, daemon: &Daemon) -> Result<bool> {
        let asked = now();
        let body = json!({"AccessCode": self.code, "MacAddress": self.mac});
        match daemon.api("POST", "/v1/redemptions", Some(&body)) {
            Ok(answer) if answer.status == 200 => {
                self.known = Known::Online(asked, now());
                self.admitted += 1;
                Ok(true)
            }
            Ok(answer) => self.refused(&answer),
            Err(_) => {
                self.known = Known::Redeeming(asked);
                self.unanswered += 1;
                Ok(false)
            }
        }
    }

    fn release(&mut self, daemon: &Daemon, from: i64, to: i64) -> Result<bool> {
        let asked = now();
        match daemon.api("DELETE", &format!("/v1/sessions/{}", self.mac), None) {
            Ok(answer) if answer.status == 204 => {
                self.least += asked - to;
                self.most += now() - from;
                self.known = Known::Offline;
                self.released += 1;
                Ok(true)
            }
            Ok(answer) => self.refused(&answer),
            Err(_) => {
                self.known = Known::Releasing(from, to, asked);
                self.unanswered += 1;
                Ok(false)
            }
        }
    }

    fn refused(&self, answer: &Answer) -> Result<bool> {
        bail!("{} while {:?}: {}", self.mac, self.known, answer.text())
    }

    /// Compares with what the daemon says after its restart, and says whether the device is online. What was in doubt
    /// is known afterwards.
    pub(super) fn judge(&mut self, daemon: &Daemon) -> Result<bool> {
        let asked = now();
        let answer = daemon.api("GET", &format!("/v1/devices/{}", self.mac), None)?;
        let told = now();
        ensure!(answer.status == 200, "no device: {}", answer.text());
        let device = answer.json()?;
        let online = device["Online"] == true;
        match (self.known, online) {
            (Known::Offline, false) | (Known::Online(..), true) | (Known::Redeeming(_), false) => {}
            (Known::Offline, true) => bail!("an acknowledged release of {} was undone", self.mac),
            (Known::Online(..), false) => bail!("an acknowledged redemption of {} was lost", self.mac),
            (Known::Redeeming(from), true) => self.known = Known::Online(from, asked),
            (Known::Releasing(from, to, at), false) => {
                self.least += at - to;
                self.most += asked - from;
            }
            (Known::Releasing(from, to, at), true) => {
                // It was out at the gate already: what came after the last checkpoint is not charged.
                self.least -= CHECKPOINT_MS + asked - at;
                self.known = Known::Online(from, to);
            }
        }
        if !online {
            self.known = Known::Offline;
            return Ok(false);
        }
        self.judge_balance(&device, asked, told)?;
        Ok(true)
    }

    /// The seconds left are rounded up: what is used lies within one second.
    fn judge_balance(&self, device: &Value, asked: i64, told: i64) -> Result<()> {
        let Some(seconds) = device["Session"]["SecondsLeft"].as_i64() else {
            bail!("no seconds left in {device}");
        };
        let Known::Online(from, to) = self.known else {
            bail!("{} is online without a session", self.mac);
        };
        let at_least = self.entitled - seconds * 1_000;
        let below = at_least + 1_000;
        let (least, most) = (self.least + asked - to, self.most + told - from);
        ensure!(
            at_least <= most + ROUNDING_MS,
            "{} was charged {at_least} ms at least, and was online {most} ms at most",
            self.mac
        );
        ensure!(
            below >= least - ROUNDING_MS,
            "{} was charged less than {below} ms, and was online {least} ms at least",
            self.mac
        );
        Ok(())
    }

    /// How far apart the bounds of its charge are.
    pub(super) fn in_doubt(&self) -> Duration {
        let widest = self.most - self.least;
        Duration::from_millis(u64::try_from(widest).unwrap_or(0))
    }
}
