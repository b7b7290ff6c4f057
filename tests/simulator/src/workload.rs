//! What happens next: drawn from the seed, biased towards the moments at which something ends.

use accounting_auditor::{Auditor, Cause, Change, Command, Device, FOREVER, MINUTE, New, Now, Rules, Whose};

use crate::{random::Random, theme::Theme};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// The daemon handles letters, at this instant.
    Letters(Vec<Command>),
    /// A frame from (or to) a device reaches the gateway.
    Frame(Device, bool),
    /// Time passes; the daemon looks at the end of it, or not yet.
    Pass(u64, bool),
    /// The calendar is set.
    Set(i64),
    /// The calendar is lost, and it is 1970; or it is found again.
    Epoch,
    /// The last gated interface is lost, or one is there again.
    Attach(bool),
    /// The calendar is believed from now on, or not; something keeps it in step, or not.
    Trust(bool, bool),
    /// The kernel will refuse to let a device in.
    RefuseOpen(Device),
    /// The kernel will refuse to let go of a device.
    RefuseClose(Device),
    /// The daemon will die at its so manieth write; whether a commit that is in flight then survives.
    Die(u32, bool),
    /// The so manieth commit will fail; whether its rows are there all the same.
    Fail(u32, bool),
    /// The so manieth read of a row will fail.
    Unreadable(u32),
    /// The daemon is killed and starts again after so long.
    Restart(u64),
    /// The gateway starts again after so long.
    Reboot(u64),
}

/// Kinds of events and commands, for drawing and for leaving out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Create,
    Redeem,
    Takeover,
    Release,
    Minutes,
    Limit,
    From,
    To,
    Code,
    Place,
    Elapsed,
    Balance,
    Delete,
    List,
    Unlist,
    Nonsense,
    Flood,
    Up,
    Down,
    Pass,
    Set,
    Trust,
    Epoch,
    RefuseOpen,
    RefuseClose,
    Die,
    Fail,
    Unreadable,
    Restart,
    Reboot,
    Attach,
}

const WEIGHTS: [(Kind, u64); 31] = [
    (Kind::Create, 6),
    (Kind::Redeem, 40),
    (Kind::Takeover, 14),
    (Kind::Release, 10),
    (Kind::Minutes, 6),
    (Kind::Limit, 4),
    (Kind::From, 3),
    (Kind::To, 5),
    (Kind::Code, 2),
    (Kind::Place, 1),
    (Kind::Elapsed, 2),
    (Kind::Balance, 4),
    (Kind::Delete, 2),
    (Kind::List, 3),
    (Kind::Unlist, 4),
    (Kind::Nonsense, 2),
    (Kind::Flood, 1),
    (Kind::Up, 24),
    (Kind::Down, 12),
    (Kind::Pass, 70),
    (Kind::Set, 3),
    (Kind::Trust, 3),
    (Kind::Epoch, 1),
    (Kind::RefuseOpen, 4),
    (Kind::RefuseClose, 2),
    (Kind::Die, 7),
    (Kind::Fail, 2),
    (Kind::Unreadable, 1),
    (Kind::Restart, 3),
    (Kind::Reboot, 1),
    (Kind::Attach, 2),
];

/// The world of one run: its rules, its devices, and what never happens in it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) rules: Rules,
    devices: Vec<Device>,
    kinds: Vec<(Kind, u64)>,
    theme: Theme,
    codes: u64,
    /// Draws e-mail addresses.
    people: Random,
    /// How long records are kept, in milliseconds.
    pub(crate) retention: u64,
}

impl Workload {
    pub(crate) fn new(random: &mut Random) -> Self {
        let theme = random.pick(&Theme::ALL);
        let devices = (1..=5)
            .flat_map(|mac| {
                (0..2).map(move |zone| Device {
                    mac: 0x0200_0000_0000 + mac,
                    zone,
                })
            })
            .filter(|device| device.zone == 0 || device.mac % 2 == 1)
            .collect();
        let rules = theme.rules(random);
        let mut kinds = WEIGHTS.to_vec();
        let dull = random.once_in(4);
        kinds.retain(|(kind, _)| !theme.leaves_out(*kind));
        kinds.retain(|(kind, _)| {
            let needed = matches!(kind, Kind::Create | Kind::Redeem | Kind::Pass) || theme.needs(*kind);
            let off = dull && *kind as u8 >= Kind::RefuseOpen as u8;
            needed || !(off || random.once_in(5))
        });
        for (kind, weight) in &mut kinds {
            *weight *= if theme.needs(*kind) { 5 } else { 1 };
        }
        Self {
            rules,
            devices,
            kinds,
            theme,
            codes: 0,
            people: Random::new(0),
            retention: random.pick(&[24 * 60 * MINUTE, 60 * MINUTE]),
        }
    }

    pub(crate) fn devices(&self) -> &[Device] {
        &self.devices
    }

    pub(crate) fn next(&mut self, random: &mut Random, books: &Auditor, now: Now) -> Event {
        match self.draw(random) {
            Kind::Up if self.theme == Theme::Long => {
                // Long sessions are those of devices that go on sending.
                let online: Vec<Device> = books.sessions().map(|(_, session)| session.device).collect();
                Event::Frame(random.maybe(&online).unwrap_or(self.devices[0]), true)
            }
            Kind::Up => Event::Frame(random.pick(&self.devices), true),
            Kind::Down => Event::Frame(random.pick(&self.devices), false),
            Kind::Pass => Event::Pass(length(random, books, now, self.theme), !random.once_in(6)),
            Kind::Set => {
                Event::Set(random.pick(&[-3_600_000, -60_000, -1_000, 1_000, 30_000, 300_000, 3_600_000]))
            }
            Kind::Epoch => Event::Epoch,
            Kind::Unreadable => Event::Unreadable(u32::try_from(random.below(4)).unwrap_or(0)),
            Kind::Flood => Event::Letters(self.flood(random)),
            Kind::Trust => {
                let synchronised = random.once_in(2);
                Event::Trust(synchronised || !random.once_in(2), synchronised)
            }
            Kind::RefuseOpen => Event::RefuseOpen(random.pick(&self.devices)),
            Kind::RefuseClose => Event::RefuseClose(random.pick(&self.devices)),
            Kind::Die => Event::Die(u32::try_from(random.below(7)).unwrap_or(0), random.once_in(2)),
            Kind::Fail => Event::Fail(u32::try_from(random.below(3)).unwrap_or(0), random.once_in(2)),
            Kind::Restart => Event::Restart(length(random, books, now, self.theme)),
            Kind::Reboot => Event::Reboot(length(random, books, now, self.theme)),
            Kind::Attach => Event::Attach(!random.once_in(2)),
            first => {
                let mut commands = vec![self.command(first, random, books, now)];
                while commands.len() < 5 && random.once_in(2) {
                    let kind = self.draw(random);
                    if (kind as u8) < Kind::Flood as u8 {
                        commands.push(self.command(kind, random, books, now));
                    }
                }
                Event::Letters(commands)
            }
        }
    }

    fn draw(&self, random: &mut Random) -> Kind {
        let total = self.kinds.iter().map(|(_, weight)| weight).sum();
        let mut at = random.below(total);
        for (kind, weight) in &self.kinds {
            if at < *weight {
                return *kind;
            }
            at -= weight;
        }
        Kind::Pass
    }

    fn command(&mut self, kind: Kind, random: &mut Random, books: &Auditor, now: Now) -> Command {
        let tokens: Vec<u64> = books.tokens().map(|token| token.id).collect();
        // Once in a while a token that is not there.
        let id = random
            .maybe(&tokens)
            .filter(|_| !random.once_in(30))
            .unwrap_or(999_999);
        let device = random.pick(&self.devices);
        let asker = u8::try_from(random.below(2)).unwrap_or(0);
        match kind {
            Kind::Create if tokens.len() < self.theme.tokens() => {
                Command::Create(self.token(random, books, now))
            }
            Kind::Create | Kind::Delete if self.theme.deletes(random) => Command::Delete(id),
            Kind::Takeover => Command::Redeem(
                spelt(random, books, id),
                device,
                true,
                self.given(books, id),
                asker,
            ),
            Kind::Release => {
                let zone = (!random.once_in(2)).then_some(device.zone);
                let cause = random.pick(&[Cause::Logout, Cause::Disconnected]);
                Command::Release(device.mac, zone, cause)
            }
            Kind::Minutes => Command::Edit(id, Change::Minutes(count(random, 12))),
            Kind::Limit => Command::Edit(id, Change::Limit(limit(random))),
            Kind::From => Command::Edit(id, Change::From(date(random, now, self.theme))),
            Kind::To => {
                // Once in a while the very end of the balance.
                let mut ends = books.deadline(id);
                if random.once_in(3) {
                    // Or of one of its sessions.
                    let caps = books.sessions().filter(|(token, _)| *token == id);
                    ends = caps.map(|(_, session)| books.cap(session)).min().unwrap_or(ends);
                }
                let to = (ends != FOREVER && random.once_in(2)).then(|| now.wall_at(ends));
                Command::Edit(id, Change::To(to.or_else(|| date(random, now, self.theme))))
            }
            Kind::Code => {
                let code = if random.once_in(3) {
                    let other = random.maybe(&tokens).unwrap_or(id);
                    spelt(random, books, other)
                } else {
                    self.code()
                };
                Command::Edit(id, Change::Code(code))
            }
            Kind::Place => Command::Edit(id, Change::Place(1 + random.below(2))),
            Kind::Elapsed => Command::Edit(id, Change::Elapsed(random.once_in(2))),
            Kind::List => Command::List(random.once_in(2), device, until(random, now)),
            Kind::Unlist => {
                let listed: Vec<Device> = books.judged().into_keys().collect();
                Command::Unlist(random.once_in(2), random.maybe(&listed).unwrap_or(device))
            }
            Kind::Nonsense => nonsense(random, id),
            Kind::Balance => {
                Command::Balance(id, random.pick(&[0, 1, 7, 100, 1_000, 33_333, 60_000, 200_000]))
            }
            _ => Command::Redeem(
                spelt(random, books, id),
                device,
                false,
                self.given(books, id),
                asker,
            ),
        }
    }

    /// The address that comes with a code: mostly the one that must.
    fn given(&mut self, books: &Auditor, id: u64) -> Option<u8> {
        let token = books.tokens().find(|token| token.id == id);
        let due = token.and_then(|token| token.whose).map(|whose| whose.who);
        if self.people.once_in(5) {
            self.people.pick(&[None, Some(0), Some(1)])
        } else {
            due
        }
    }

    fn code(&mut self) -> String {
        self.codes += 1;
        // Some are numbers that begin with zeros.
        if self.codes.is_multiple_of(4) {
            return format!("{:05}", self.codes);
        }
        format!("Kilo-{:04}", self.codes)
    }

    /// One device tries code after code.
    fn flood(&self, random: &mut Random) -> Vec<Command> {
        let device = random.pick(&self.devices);
        let asker = u8::try_from(random.below(2)).unwrap_or(0);
        let guess = |number: u64| {
            let given = number.is_multiple_of(3).then_some(0);
            Command::Redeem(
                format!("guess {number}"),
                device,
                number.is_multiple_of(2),
                given,
                asker,
            )
        };
        (0..random.below(24)).map(guess).collect()
    }

    fn token(&mut self, random: &mut Random, books: &Auditor, now: Now) -> New {
        let dated = self.theme.dated(random);
        let code = if random.once_in(12) {
            spelt(random, books, books.tokens().next().map_or(0, |token| token.id))
        } else {
            self.code()
        };
        New {
            code,
            place: 1 + random.below(2),
            minutes: self.theme.minutes() + count(random, 20),
            minutes_left: (self.theme == Theme::Anything && random.once_in(5)).then(|| count(random, 6)),
            from: date(random, now, self.theme).filter(|_| dated),
            to: date(random, now, self.theme).filter(|_| dated),
            limit: limit(random),
            elapsed: random.once_in(3),
            whose: self.people.once_in(5).then(|| Whose {
                class: self.people.pick(&[0, 1]),
                who: self.people.pick(&[0, 1]),
            }),
        }
    }
}

/// A token's code as somebody might type it, or one that is nobody's.
fn spelt(random: &mut Random, books: &Auditor, id: u64) -> String {
    let found = books.tokens().find(|token| token.id == id);
    let Some(code) = found.map(|token| token.code.clone()) else {
        return "no-such-code".into();
    };
    match random.below(6) {
        4 => format!("0{code}"),
        5 => code.trim_start_matches('0').to_owned(),
        0 => code.to_lowercase(),
        1 => code.replace('0', "O").replace('1', "l"),
        2 => {
            let (head, tail) = code.split_at(code.floor_char_boundary(code.len() / 2));
            format!("{head} - {tail}")
        }
        _ => code,
    }
}

/// Edits that nobody means.
fn nonsense(random: &mut Random, id: u64) -> Command {
    let most = u64::from(i32::MAX.unsigned_abs()) * MINUTE;
    // The first and the last year that can be written, and 1970.
    let date = random.pick(&[-62_135_596_800_000, 0, 253_402_300_799_000]);
    match random.below(6) {
        0 => Command::Edit(id, Change::Minutes(i32::MAX.unsigned_abs())),
        1 => Command::Edit(
            id,
            Change::Limit(random.pick(&[Some(i32::MAX.unsigned_abs()), Some(0)])),
        ),
        2 => Command::Edit(id, Change::From(Some(date))),
        3 => Command::Edit(id, Change::To(Some(date))),
        4 => Command::Edit(id, Change::Code("\u{130}\u{df} o-o".into())),
        _ => Command::Balance(id, most),
    }
}

/// Until when a device is listed.
fn until(random: &mut Random, now: Now) -> Option<i64> {
    random
        .pick(&[None, None, Some(-1), Some(1), Some(30_000), Some(600_000)])
        .map(|ms: i64| now.wall + ms)
}

fn count(random: &mut Random, most: u64) -> u32 {
    u32::try_from(random.below(most)).unwrap_or(0)
}

fn limit(random: &mut Random) -> Option<u32> {
    random.pick(&[None, Some(1), Some(2), Some(3)])
}

fn date(random: &mut Random, now: Now, theme: Theme) -> Option<i64> {
    (!random.once_in(4)).then(|| now.wall + theme.date(random))
}

/// How much time passes: often just as long as something takes to come due, a millisecond less, or one more.
fn length(random: &mut Random, books: &Auditor, now: Now, theme: Theme) -> u64 {
    let (longest, reach) = (theme.longest(), theme.reach());
    let mut targets: Vec<u64> = books.next_due().into_iter().collect();
    for (_, session) in books.sessions() {
        targets.extend([30_000, 45_000, 120_000].map(|silence| session.silent_since() + silence));
        if session.parked {
            targets.extend([session.from + 60 * MINUTE; 6]);
        }
    }
    for token in books.tokens() {
        let ends = token.takeovers.iter().map(|at| at + books.takeover_window());
        targets.extend(ends.flat_map(|end| [end; 4]));
    }
    targets.extend(books.attempts_end());
    let near = |at: &u64| *at > now.monotonic && *at - now.monotonic <= reach;
    targets.retain(near);
    let due = books.next_due().filter(near);
    let target = random.maybe(&targets).filter(|_| !random.once_in(3));
    match (target, due) {
        (Some(_), Some(due)) if random.once_in(2) => around(random, due, now),
        (Some(at), _) => around(random, at, now),
        (None, _) => match random.below(5) {
            0 => random.below(50),
            1 => random.below(5_000),
            2 | 3 => random.below(longest / 10),
            _ => random.below(longest),
        },
    }
}

fn around(random: &mut Random, at: u64, now: Now) -> u64 {
    let exact = at - now.monotonic;
    random.pick(&[exact, exact, exact.saturating_sub(1), exact + 1])
}
