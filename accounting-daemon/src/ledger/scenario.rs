//! Scenarios as text: one line a step, run against the ledger alone.
//!
//! ```text
//! token A 60s [seats N] [from TIME] [to TIME] [place N] [metering elapsed]  a token of so much time
//! redeem A d1 [takeover] -> ok | REFUSAL                  device d1 gives the code of A
//! up d1 | down d1                                         a frame from or to d1 is forwarded
//! release d1 -> ok | REFUSAL                              an administrator ends the session of d1
//! refuse d1                                               the kernel refuses what was just redeemed
//! tick 10s                                                time passes, and what is due is booked
//! set 10s | untrust                                       the wall clock is set ahead; is not believed any more
//! lose | gate                                             no interface is gated; one is again
//! reboot 10m                                              the gateway was off for so long, and starts again
//! left A 50s          seats A 2                           balance and devices online
//! cut A 30s | never                                       the gate's deadline for A, from now
//! online d1           offline d1
//! record d1 Logout 10s                                    the last usage record of d1
//! ```
//! After each step `used` of every token is the sum of its records and its open sessions, to the millisecond.

use std::collections::BTreeMap;

use super::*;
use crate::mac::{DeviceId, Mac};

struct Scenario {
    ledger: Ledger,
    now: Now,
    tokens: BTreeMap<String, TokenId>,
    /// The latest row of each token that the store would have.
    rows: BTreeMap<TokenId, Token>,
    records: Vec<UsageRecord>,
    adjustments: Vec<Adjustment>,
    /// The most that each token was ever good for.
    peak: BTreeMap<TokenId, u64>,
    last: Option<SessionId>,
    seen: BTreeMap<DeviceId, Seen>,
}

/// Runs a scenario; panics with the line that does not hold.
pub(super) fn check(text: &str) {
    let rules = Rules {
        devices_max: 3,
        idle_timeout: None,
        ..Rules::default()
    };
    check_with(rules, text);
}

/// Runs a scenario under rules of its own.
pub(super) fn check_with(rules: Rules, text: &str) {
    let now = Now {
        monotonic: 1_000_000,
        wall: 1_800_000_000_000,
        trusted: true,
    };
    let ledger = Ledger::new(rules, 1, 1);
    let mut scenario = Scenario {
        ledger,
        now,
        tokens: BTreeMap::new(),
        rows: BTreeMap::new(),
        records: Vec::new(),
        adjustments: Vec::new(),
        peak: BTreeMap::new(),
        last: None,
        seen: BTreeMap::new(),
    };
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        scenario.step(line);
        scenario.balance(line);
    }
}

fn ms(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap());
    number.parse::<u64>().unwrap()
        * match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            other => panic!("unit {other}"),
        }
}

fn device(name: &str) -> DeviceId {
    let (number, zone) = name
        .strip_prefix('d')
        .unwrap()
        .split_once('@')
        .unwrap_or((&name[1..], "0"));
    DeviceId {
        mac: Mac([2, 0, 0, 0, 0, number.parse().unwrap()]),
        zone: zone.parse().unwrap(),
    }
}

impl Scenario {
    fn step(&mut self, line: &str) {
        let (words, wanted) = line.split_once(" -> ").unwrap_or((line, ""));
        let words: Vec<&str> = words.split_whitespace().collect();
        let now = self.now;
        match words.as_slice() {
            ["token", name, time, options @ ..] => self.token(name, ms(time), options),
            ["up", who] => self.seen.entry(device(who)).or_default().up = Some(now.monotonic),
            ["down", who] => self.seen.entry(device(who)).or_default().down = Some(now.monotonic),
            ["redeem", name, who, takeover @ ..] => {
                let code = AccessCode::new(format!("code {name}")).unwrap();
                if let Some(&id) = self.tokens.get(*name) {
                    self.ledger.load(self.rows[&id].clone());
                }
                self.seen.remove(&device(who));
                let seen = self.seen.clone();
                let activity = |device| seen.get(&device).copied().unwrap_or_default();
                let takeover = takeover == ["takeover"];
                let asker = Asker::Client("portal".into());
                let redemption = Redemption {
                    code,
                    device: device(who),
                    takeover,
                    asker,
                };
                let result = self.ledger.redeem(&redemption, &activity, now);
                self.last = result.ok().or(self.last);
                let got = result.map_or_else(|error| format!("{error:?}"), |_| "ok".to_owned());
                assert_eq!(got.split_whitespace().next(), Some(wanted), "{line}");
            }
            ["release", who] => {
                let (device, zone) = (device(who), who.contains('@').then(|| device(who).zone));
                let result = self.ledger.release(device.mac, zone, Cause::Disconnected, now);
                let got = result.map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned());
                assert_eq!(got, wanted, "{line}");
            }
            ["refuse"] => self.ledger.refused(self.last.unwrap(), now),
            ["edit", name, field, value] => {
                let id = self.loaded(name);
                if let Some(&other) = self.tokens.get(*value) {
                    self.ledger.load(self.rows[&other].clone());
                }
                let wall = || now.wall + i64::try_from(ms(value)).unwrap();
                let mut edit = Edit::default();
                match *field {
                    "minutes" => edit.minutes_included = Some(value.parse().unwrap()),
                    "seats" => edit.user_limit = Some(Some(value.parse().unwrap())),
                    "from" => edit.valid_from = Some(Some(wall())),
                    "to" => edit.valid_to = Some(Some(wall())),
                    "name" => edit.code = Some(AccessCode::new(format!("code {value}")).unwrap()),
                    "metering" => edit.metering = Some(Metering::ElapsedTime),
                    other => panic!("no such field: {other}"),
                }
                let result = self.ledger.edit(id, edit, now);
                let got = result.map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned());
                assert_eq!(got, wanted, "{line}");
                if *field == "name" && got == "ok" {
                    let id = self.tokens.remove(*name).unwrap();
                    self.tokens.insert((*value).to_owned(), id);
                }
            }
            ["balance", name, time] => {
                let id = self.loaded(name);
                self.ledger
                    .set_balance(id, ms(time), "admin".into(), "gift".into(), now)
                    .unwrap();
            }
            ["delete", name] => {
                let id = self.loaded(name);
                self.ledger.delete(id, now).unwrap();
                self.tokens.remove(*name);
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
            ["tick", time] => {
                self.now.monotonic += ms(time);
                self.now.wall += i64::try_from(ms(time)).unwrap();
                self.book();
            }
            ["set", time] => {
                self.now.wall += i64::try_from(ms(time)).unwrap();
                self.ledger.clock_stepped(self.now);
                self.book();
            }
            ["lose"] => self.ledger.attach(false, now),
            ["gate"] => self.ledger.attach(true, now),
            ["reboot", time] => {
                let off = ms(time);
                // The clock of durations begins anew.
                self.now.monotonic = 5_000;
                self.now.wall += i64::try_from(off).unwrap();
                self.seen.clear();
                let off = if now.trusted { off } else { 0 };
                self.ledger.reboot(now, off, self.now);
                self.book();
            }
            ["untrust"] => self.now.trusted = false,
            ["left", name, time] => assert_eq!(self.account(name).token.left(), ms(time), "{line}"),
            ["seats", name, count] => assert_eq!(self.account(name).seats_used.to_string(), *count, "{line}"),
            ["cut", name, time] => {
                let wanted = if *time == "never" {
                    FOREVER
                } else {
                    now.monotonic + ms(time)
                };
                assert_eq!(self.ledger.deadline_of(self.tokens[*name]), wanted, "{line}");
            }
            ["online", who] => assert!(self.ledger.session(device(who), now).is_some(), "{line}"),
            ["offline", who] => assert!(self.ledger.session(device(who), now).is_none(), "{line}"),
            ["record", who, cause, time] => {
                let last = self.records.iter().rfind(|record| record.device == device(who));
                let got = last.map(|record| (record.cause.as_str(), record.charged));
                assert_eq!(got, Some((*cause, ms(time))), "{line}");
            }
            other => panic!("no such step: {other:?}"),
        }
        self.carry_out();
    }

    fn book(&mut self) {
        let seen = &self.seen;
        self.ledger
            .book(&|device| seen.get(&device).copied().unwrap_or_default(), self.now);
    }

    fn token(&mut self, name: &str, time: u64, options: &[&str]) {
        let option = |key: &str| options.chunks(2).find(|pair| pair[0] == key).map(|pair| pair[1]);
        let wall = |key: &str| option(key).map(|time| self.now.wall + i64::try_from(ms(time)).unwrap());
        let new = NewToken {
            unique_id: uuid::Uuid::nil(),
            business_id: option("place").map_or(1, |place| place.parse().unwrap()),
            code: AccessCode::new(format!("code {name}")).unwrap(),
            description: None,
            minutes_included: u32::try_from(time.div_ceil(MINUTE_MS)).unwrap(),
            minutes_left: None,
            valid_from: wall("from"),
            valid_to: wall("to"),
            user_limit: option("seats").map(|seats| seats.parse().unwrap()),
            mac_address: None,
            booking_guid: None,
            visitor_guid: None,
            system_id: None,
            metering: if option("metering").is_some() {
                Metering::ElapsedTime
            } else {
                Metering::ConnectedTime
            },
            by: String::new(),
        };
        let id = self.ledger.create(new, self.now).unwrap();
        self.tokens.insert(name.to_owned(), id);
        self.carry_out();
        // Scenarios speak of odd lengths, tokens are made in minutes.
        let row = self.rows.get_mut(&id).unwrap();
        row.entitled = time;
        self.ledger.forget_idle();
    }

    fn carry_out(&mut self) {
        for effect in self.ledger.drain() {
            match effect {
                Effect::Create(token) | Effect::Edit(token) => {
                    self.rows.insert(token.id, token);
                }
                Effect::Update(balance) => {
                    if let Some(row) = self.rows.get_mut(&balance.id) {
                        row.set_balance(balance);
                    }
                }
                Effect::Release(record) | Effect::EndRun(record) => self.records.push(record),
                Effect::Unrelease(id) => self.records.retain(|record| record.id != id),
                Effect::Adjust(adjustment) => self.adjustments.push(adjustment),
                Effect::Delete { .. }
                | Effect::Recode { .. }
                | Effect::Deadline { .. }
                | Effect::Admit(..)
                | Effect::Keep(_)
                | Effect::Void(_) => {}
            }
        }
    }

    fn loaded(&mut self, name: &str) -> TokenId {
        let id = self.tokens[name];
        self.ledger.load(self.rows[&id].clone());
        id
    }

    fn account(&mut self, name: &str) -> TokenAccount {
        let id = self.loaded(name);
        self.ledger.token(id, self.now).unwrap()
    }

    fn balance(&mut self, line: &str) {
        for (name, id) in self.tokens.clone() {
            let recorded: u64 = self
                .records
                .iter()
                .filter(|r| r.token == id)
                .map(|r| r.charged)
                .sum();
            let open = self.ledger.sessions().filter(|session| session.token == id);
            let running: u64 = open.map(|session| session.charged_at(self.now.monotonic)).sum();
            let token = self.account(&name).token;
            let run = token.run.as_ref().map_or(0, |run| run.charged);
            assert_eq!(token.used, recorded + running + run, "{line}: used of {name}");
            let peak = self.peak.entry(id).or_default();
            *peak = token.entitled.max(*peak);
            assert!(token.used <= *peak, "{line}: {name} gave more than it ever had");
        }
    }
}
