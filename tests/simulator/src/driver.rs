//! The driver: draws events, lets them happen to daemon and auditor, and compares.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use accounting_auditor::{Auditor, Command, Device, Now, Rules};
use accounting_daemon::engine::{Core, Step};

use crate::{
    Failure, Options, Summary,
    check::{self, Overdue},
    counts::Counts,
    panics::caught,
    passing::Passing,
    random::Random,
    report::Trace,
    translate::{self, device},
    workload::{Event, Workload},
    world::{Shared, World},
};

/// Steps of the daemon without time passing, after which nothing may be due any more.
const SETTLED_AFTER: u32 = 4;

pub(crate) struct Driver {
    pub(crate) random: Random,
    pub(crate) workload: Workload,
    pub(crate) world: Shared,
    pub(crate) core: Option<Core<Shared, Shared>>,
    pub(crate) books: Auditor,
    pub(crate) passing: Passing,
    pub(crate) counts: Counts,
    pub(crate) overdue: Overdue,
    pub(crate) now: Now,
    /// How far the calendar is ahead of what it would be, had it not been lost.
    lost_calendar: Option<i64>,
    pub(crate) boot: u8,
    /// Whether any interface is gated.
    pub(crate) attached: bool,
    /// Whether something keeps the calendar in step.
    synchronised: bool,
    /// The latest time that the daemon saw and believed.
    believed: Option<i64>,
    /// The latest time that the daemon saw while something did.
    latest: Option<i64>,
    pub(crate) starts: u64,
    pub(crate) trace: Trace,
}

pub(crate) fn run(options: Options) -> Result<Summary, Box<Failure>> {
    let mut driver = Driver::new(options);
    for step in 0..options.steps {
        let result = caught(|| driver.event());
        result.map_err(|what| {
            Box::new(Failure {
                seed: options.seed,
                step,
                what,
                last: driver.trace.last(),
            })
        })?;
    }
    Ok(Summary {
        steps: options.steps,
        records: driver.books.records.len() as u64,
        starts: driver.starts,
        trace: driver.trace.hash,
    })
}

impl Driver {
    fn new(options: Options) -> Self {
        let mut random = Random::new(options.seed);
        let workload = Workload::new(&mut random);
        let rules = workload.rules.clone();
        let capacity = u32::try_from(rules.devices_max).unwrap_or(u32::MAX);
        let now = Now {
            monotonic: 1_000_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        let audited = if options.canary {
            Rules {
                seat_silence: rules.seat_silence + 1,
                ..rules
            }
        } else {
            rules
        };
        Self {
            random,
            workload,
            world: Shared(Arc::new(Mutex::new(World::new(capacity)))),
            core: None,
            books: Auditor::new(audited, now),
            passing: Passing::default(),
            counts: Counts::default(),
            overdue: Overdue::default(),
            now,
            lost_calendar: None,
            boot: 1,
            attached: true,
            synchronised: false,
            believed: None,
            latest: None,
            starts: 0,
            trace: Trace::new(),
        }
    }

    fn event(&mut self) -> Result<(), String> {
        if self.core.is_none() {
            self.start()?;
        }
        let event = self.workload.next(&mut self.random, &self.books, self.now);
        self.trace.note(format!("{} {event:?}", self.now.monotonic));
        match event {
            Event::Letters(commands) => self.daemon(commands)?,
            Event::Frame(device, up) => return self.frame(device, up),
            Event::Pass(ms, looks) => {
                self.pass(ms);
                if looks {
                    self.daemon(Vec::new())?;
                }
            }
            Event::Set(ms) => {
                self.now.wall += ms;
                self.overdue.begin_anew();
                self.daemon(Vec::new())?;
            }
            Event::Epoch => {
                self.lose_calendar();
                self.daemon(Vec::new())?;
            }
            Event::Attach(attached) => {
                self.attached = attached;
                if let Some(core) = &mut self.core {
                    core.set_attached(attached);
                }
                self.daemon(Vec::new())?;
            }
            // Nobody believes that it is 1970.
            Event::Trust(..) if self.lost_calendar.is_some() => {}
            Event::Trust(trusted, synchronised) => {
                self.now.trusted = trusted;
                self.synchronised = synchronised;
            }
            Event::RefuseOpen(refused) => {
                self.world.look().gate.refuse_open.insert(device(refused));
            }
            Event::RefuseClose(refused) => {
                self.world.look().gate.refuse_close.insert(device(refused));
            }
            Event::Die(after, kept) => {
                let mut world = self.world.look();
                (world.fuse, world.kept) = (Some(after), kept);
            }
            Event::Fail(after, kept) => {
                let mut world = self.world.look();
                (world.fails, world.kept) = (Some(after), kept);
            }
            Event::Unreadable(after) => self.world.look().unreadable = Some(after),
            Event::Restart(after) => {
                self.die()?;
                self.pass(after);
                self.start()?;
            }
            Event::Reboot(after) => self.reboot(after)?,
        }
        self.settle()
    }

    /// The calendar falls back to the beginning of 1970 and is not believed, or is found again.
    fn lose_calendar(&mut self) {
        self.overdue.begin_anew();
        if let Some(ahead) = self.lost_calendar.take() {
            self.now.wall += ahead;
            return;
        }
        let began = i64::try_from(self.random.below(1_000)).unwrap_or(0);
        self.lost_calendar = Some(self.now.wall - began);
        (self.now.wall, self.now.trusted, self.synchronised) = (began, false, false);
    }

    /// Time passes, and the gate lets pass whom it holds.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.passing
            .pass(&self.world.look(), &self.books, self.now.monotonic, ms);
        self.now.monotonic += ms;
        self.now.wall += i64::try_from(ms).unwrap_or(0);
    }

    fn frame(&mut self, from: Device, up: bool) -> Result<(), String> {
        let at = self.now.monotonic;
        let mut world = self.world.look();
        let passes = world.gate.admits(device(from), at);
        let wanted = self.books.session(from, self.books_instant());
        let wanted = wanted
            .filter(|_| self.books.passes(from, at))
            .map(|session| session.id);
        if passes != wanted && !world.stuck.contains(&device(from)) {
            return Err(format!(
                "{from:?} must pass for {wanted:?} and passes for {passes:?}"
            ));
        }
        if passes.is_some() {
            let mut traffic =
                accounting_daemon::gate::Gate::traffic(&world.gate, device(from)).unwrap_or_default();
            if up {
                traffic.packets_up += 1;
                traffic.seen_up = Some(at);
            } else {
                traffic.packets_down += 1;
                traffic.seen_down = Some(at);
            }
            world.gate.count(device(from), traffic);
        }
        if let Some(session) = wanted {
            self.books.frame(from, up, at);
            if passes == wanted {
                self.counts.frame(session, up, at);
            }
        }
        Ok(())
    }

    /// The instant of the last look at the books: nothing was booked since.
    fn books_instant(&self) -> u64 {
        self.books.looked_at()
    }

    /// The daemon handles letters, and is asked for all there is to see.
    pub(crate) fn daemon(&mut self, mut commands: Vec<Command>) -> Result<(), String> {
        commands.extend(self.books.tokens().map(|token| Command::Token(token.id)));
        let macs: BTreeSet<u64> = self.workload.devices().iter().map(|device| device.mac).collect();
        commands.extend(macs.into_iter().map(Command::Sessions));
        let (letters, replies): (Vec<_>, Vec<_>) = commands.iter().map(translate::letter).unzip();
        let armed = {
            let mut world = self.world.look();
            world.begin();
            world.fuse.is_some() || world.fails.is_some() || world.unreadable.is_some()
        };
        let before = armed.then(|| self.books.clone());
        let core = self.core.as_mut().ok_or("no daemon")?;
        core.set_synchronised(self.synchronised);
        core.set_retention(Duration::from_millis(self.workload.retention));
        let believed = self.now.trusted.then_some(self.now.wall);
        self.believed = self.believed.max(believed);
        let seen = self.synchronised.then_some(self.now.wall);
        self.latest = self.latest.max(seen);
        let result = core.step(translate::now(self.now), letters, Step::Next);
        let (dead, commits, refused) = {
            let world = self.world.look();
            (world.dead, world.commits, world.refused.clone())
        };
        if refused.iter().any(|refused| !refused.is_empty()) {
            self.trace.note(format!("  the kernel refuses {refused:?}"));
        }
        let mut round = self
            .books
            .round(self.now, self.attached, &commands, &refused, armed);
        let answered: Vec<_> = replies.into_iter().map(|reply| reply()).collect();
        if dead || result.is_err() {
            if !dead && let Ok(got) = answered.into_iter().collect::<Result<Vec<_>, _>>() {
                // Only the checkpoint that follows the round failed.
                check::answers(&commands, round.answers, got)?;
            }
            self.books = match (commits.checked_sub(1), before) {
                (None, Some(before)) => before,
                (Some(last), _) if last < round.commits.len() => round.commits.swap_remove(last),
                _ => return Err(format!("{commits} commits and {result:?} out of the blue")),
            };
            self.trace.note(format!("  dies after {commits} commits"));
            self.die()?;
            let after = if self.random.once_in(2) {
                0
            } else {
                self.random.below(90_000)
            };
            self.pass(after);
            return self.start();
        }
        let got = answered.into_iter().collect::<Result<Vec<_>, _>>()?;
        if commands.len() < 40 {
            let first: Vec<_> = got
                .iter()
                .zip(&commands)
                .filter(|(_, asked)| !matches!(asked, Command::Token(_) | Command::Sessions(_)))
                .map(|(answer, _)| answer)
                .collect();
            if !first.is_empty() {
                self.trace.note(format!("  {first:?}"));
            }
        }
        check::answers(&commands, round.answers, got)?;
        self.check()
    }

    fn check(&mut self) -> Result<(), String> {
        let core = self.core.as_ref().ok_or("no daemon")?;
        check::all(&self.books, core, &self.world.look(), self.now)?;
        let kept_from = self
            .believed
            .map(|latest| latest.saturating_sub_unsigned(self.workload.retention));
        check::pruned(&self.books, &self.world.look().image, kept_from)?;
        let seen = self.synchronised.then_some(self.now.wall);
        check::floor(self.world.look().image.floor, self.latest, seen)?;
        let world = self.world.look();
        self.overdue
            .judge(&world.image, self.workload.retention, self.now)?;
        self.counts.judge(&self.books, &world.image, self.now.monotonic)?;
        self.passing.judge(&self.books)
    }

    /// The daemon looks again while something is due already; that has to end.
    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..SETTLED_AFTER {
            let due = self.core.as_ref().and_then(Core::next_due);
            if due.is_none_or(|due| due > self.books_instant()) {
                return Ok(());
            }
            self.daemon(Vec::new())?;
        }
        Err("the daemon finds something due again and again".into())
    }
}
