//! Steps that do something.

use super::{
    Scenario,
    words::{device, ms, refusal},
};
use crate::{ledger::*, mac::DeviceId};

impl Scenario {
    /// Does what a step says; `false`: it says something else.
    pub(super) fn act(&mut self, line: &str, words: &[&str], wanted: &str) -> bool {
        let now = self.now;
        match words {
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
            _ => return false,
        }
        true
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
            among: None,
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
            row.entitled = time.cast_signed();
        }
        self.ledger.forget_idle();
        "ok".to_owned()
    }
}
