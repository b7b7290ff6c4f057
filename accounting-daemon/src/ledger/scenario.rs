//! Scenarios as text: one line a step, run against the ledger alone.
//!
//! ```text
//! token A 60s [seats N] [from TIME] [to TIME] [place N] [metering elapsed] [code TEXT] [left MINUTES]
//!                                                         a token of so much time
//! redeem A d1 [takeover] -> ok | REFUSAL                  device d1 gives the code of A
//! type TEXT d1 -> ok | REFUSAL                            device d1 gives this text, "_" for a space
//! up d1 | down d1                                         a frame from or to d1 is forwarded
//! release d1 -> ok | REFUSAL                              an administrator ends the session of d1
//! logout d1 -> ok | REFUSAL                               its guest does
//! refuse                                                  the kernel refuses what was just redeemed
//! tick 10s                                                time passes, and what is due is booked
//! set 10s | untrust                                       the wall clock is set ahead; is not believed any more
//! lose | gate                                             no interface is gated; one is again
//! reboot 10m                                              the gateway was off for so long, and starts again
//! left A 50s          used A 10s          entitled A 60s  the balance, and what it is made of
//! shown A 1                                               the balance in minutes, as people see it
//! row A 10s                                               what the store has as used
//! seats A 2           online d1           offline d1      devices online
//! adjusted A 260s     reasons A WORD...                   changes of what A is good for, and why
//! cut A 30s | never                                       the gate's deadline for A, from now
//! cap d1 30s | never                                      the gate's deadline for d1 alone, from now
//! rest d1 30s                                             how long d1 still passes if nothing changes
//! record d1 Logout 10s                                    the last usage record of d1
//! records 3           ended d1 d2                         how many there are, whose the last ones are
//! did WORD...                                             what the last step asked for, in its order
//! ```
//! A refusal that says when to try again is followed by that time: `NoSeat 20s`.
//!
//! After each step `used` of every token is the sum of its records and its open sessions, to the millisecond.

use std::collections::BTreeMap;

use super::{token::signed, *};
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
    /// The names of the last effects.
    did: Vec<String>,
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
        did: Vec::new(),
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
        mac: mac(number.parse().unwrap()),
        zone: zone.parse().unwrap(),
    }
}

fn mac(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    Mac([2, 0, 0, 0, high, low])
}

/// A refusal as scenarios write it.
fn refusal(error: RedeemError) -> String {
    let (RedeemError::TooManyAttempts { retry_after_s }
    | RedeemError::NoSeat {
        retry_after_s: Some(retry_after_s),
        ..
    }) = error
    else {
        let text = format!("{error:?}");
        return text.split_whitespace().next().unwrap().to_owned();
    };
    let text = format!("{error:?}");
    format!("{} {retry_after_s}s", text.split_whitespace().next().unwrap())
}

impl Scenario {
    fn step(&mut self, line: &str) {
        let (words, wanted) = line.split_once(" -> ").unwrap_or((line, ""));
        let words: Vec<&str> = words.split_whitespace().collect();
        let now = self.now;
        match words.as_slice() {
            ["token", name, time, options @ ..] => {
                let got = self.token(name, ms(time), options);
                assert_eq!(got, if wanted.is_empty() { "ok" } else { wanted }, "{line}");
            }
            ["up", who] => self.seen.entry(device(who)).or_default().up = Some(now.monotonic),
            ["down", who] => self.seen.entry(device(who)).or_default().down = Some(now.monotonic),
            ["redeem", name, who, takeover @ ..] => {
                let got = self.redeem(&format!("code {name}"), device(who), takeover == ["takeover"]);
                assert_eq!(got, wanted, "{line}");
            }
            ["type", text, who] => {
                let got = self.redeem(&text.replace('_', " "), device(who), false);
                assert_eq!(got, wanted, "{line}");
            }
            [how @ ("release" | "logout"), who] => {
                let (device, zone) = (device(who), who.contains('@').then(|| device(who).zone));
                let cause = match *how {
                    "logout" => Cause::Logout,
                    _ => Cause::Disconnected,
                };
                let result = self.ledger.release(device.mac, zone, cause, now);
                let got = result.map_or_else(|error| format!("{error:?}"), |()| "ok".to_owned());
                assert_eq!(got, wanted, "{line}");
            }
            ["refuse"] => self.ledger.refused(self.last.unwrap(), now),
            ["edit", name, field, value] => {
                let id = self.loaded(name);
                if let Some(&other) = self.tokens.get(*value) {
                    self.ledger.load(self.rows[&other].clone(), None);
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
            ["used", name, time] => assert_eq!(self.account(name).token.used, ms(time), "{line}"),
            ["entitled", name, time] => {
                assert_eq!(self.account(name).token.entitled, signed(ms(time)), "{line}")
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
            ["did", wanted @ ..] => {
                assert_eq!(self.did, *wanted, "{line}");
                return;
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

    /// So much time from now.
    fn instant(&self, time: &str) -> u64 {
        if time == "never" {
            return FOREVER;
        }
        self.now.monotonic + ms(time)
    }

    fn redeem(&mut self, code: &str, device: DeviceId, takeover: bool) -> String {
        let code = AccessCode::new(code).unwrap();
        let folded = code.folded();
        for row in self.rows.values().filter(|row| row.code.folded() == folded) {
            self.ledger.load(row.clone(), None);
        }
        self.seen.remove(&device);
        let seen = self.seen.clone();
        let activity = |device| seen.get(&device).copied().unwrap_or_default();
        let redemption = Redemption {
            code,
            given: Given::Nothing,
            device,
            takeover,
            asker: Asker::Client("portal".into()),
        };
        let result = self.ledger.redeem(&redemption, &activity, self.now);
        self.last = result.ok().or(self.last);
        result.map_or_else(refusal, |_| "ok".to_owned())
    }

    fn book(&mut self) {
        let seen = &self.seen;
        self.ledger
            .book(&|device| seen.get(&device).copied().unwrap_or_default(), self.now);
    }

    fn token(&mut self, name: &str, time: u64, options: &[&str]) -> String {
        let option = |key: &str| options.chunks(2).find(|pair| pair[0] == key).map(|pair| pair[1]);
        let wall = |key: &str| option(key).map(|time| self.now.wall + i64::try_from(ms(time)).unwrap());
        let code = option("code").map_or_else(|| format!("code {name}"), str::to_owned);
        let new = NewToken {
            unique_id: uuid::Uuid::nil(),
            business_id: option("place").map_or(1, |place| place.parse().unwrap()),
            code: AccessCode::new(code).unwrap(),
            description: None,
            minutes_included: u32::try_from(time.div_ceil(MINUTE_MS)).unwrap(),
            minutes_left: option("left").map(|minutes| minutes.parse().unwrap()),
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
            factor: None,
            by: String::new(),
        };
        for row in self.rows.values() {
            self.ledger.load(row.clone(), None);
        }
        let lasts = new.minutes_left.is_none();
        let id = match self.ledger.create(new, self.now) {
            Ok(id) => id,
            Err(error) => return format!("{error:?}"),
        };
        self.tokens.insert(name.to_owned(), id);
        self.carry_out();
        // Scenarios speak of odd lengths, tokens are made in minutes.
        let row = self.rows.get_mut(&id).unwrap();
        if lasts {
            row.entitled = signed(time);
        }
        self.ledger.forget_idle();
        "ok".to_owned()
    }

    fn carry_out(&mut self) {
        self.did.clear();
        for effect in self.ledger.drain() {
            let text = format!("{effect:?}");
            let name = text.split(|c: char| !c.is_alphabetic()).next().unwrap();
            self.did.push(name.to_owned());
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
                Effect::Delete { token, .. } => drop(self.rows.remove(&token)),
                Effect::Recode { .. }
                | Effect::Deadline { .. }
                | Effect::Admit(..)
                | Effect::Keep(_)
                | Effect::Factor(..)
                | Effect::Void(_) => {}
            }
        }
    }

    fn loaded(&mut self, name: &str) -> TokenId {
        let id = self.tokens[name];
        self.ledger.load(self.rows[&id].clone(), None);
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
            *peak = token.entitled.max(0).unsigned_abs().max(*peak);
            assert!(token.used <= *peak, "{line}: {name} gave more than it ever had");
        }
    }
}
