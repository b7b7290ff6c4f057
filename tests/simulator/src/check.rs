//! What must hold between the books, the disk and the gate after each step of the daemon.

use std::collections::{BTreeMap, BTreeSet};

use accounting_auditor::{Answer, Auditor, Device, Now, Record};
use accounting_daemon::{
    engine::Core,
    gate::{Gate, Listed},
    ledger::FOREVER,
    store::ListKind,
};

use crate::{
    image::Image,
    translate::{self, device, device_back},
    world::{Shared, World},
};

/// The longest that charges may be without a checkpoint while somebody is online.
const CHECKPOINT_MS: u64 = 5_000;

/// How long a record may be there that is too old.
const PRUNED_WITHIN: u64 = 60_000;

/// How far the floor of the calendar may be behind.
const FLOOR_STEP_MS: i64 = 3_600_000;

/// Compares what the daemon answered to each command.
pub(crate) fn answers(
    asked: &[impl std::fmt::Debug],
    wanted: Vec<Answer>,
    got: Vec<Answer>,
) -> Result<(), String> {
    for ((asked, wanted), mut got) in asked.iter().zip(wanted).zip(got) {
        if let (Answer::Token(wanted), Answer::Token(got)) = (&wanted, &mut got)
            && format!("{asked:?}").starts_with("Create")
        {
            got.seats = wanted.seats;
        }
        if wanted != got {
            return Err(format!("{asked:?}\n    must be {wanted:?}\n    and was {got:?}"));
        }
    }
    Ok(())
}

/// Compares everything else.
pub(crate) fn all(
    books: &Auditor,
    core: &Core<Shared, Shared>,
    world: &World,
    now: Now,
) -> Result<(), String> {
    disk(books, &world.image)?;
    gate(books, world)?;
    lists(books, world)?;
    for (token, session) in books.sessions() {
        let token = books.tokens().find(|found| found.id == token);
        let wanted = token.map(|token| token.charged(session, now.monotonic));
        let meter = core.meters().of(device(session.device));
        let got = meter.map(|meter| meter.charged_at(now.monotonic));
        same(&format!("the meter of session {}", session.id), &wanted, &got)?;
    }
    same(
        "sessions with a meter",
        &books.sessions().count(),
        &core.meters().online(),
    )?;
    for token in books.tokens() {
        // What readers beside the engine see: the rows on disk, brought up.
        let mut row = world.image.token(token.id);
        if let Some(row) = &mut row {
            row.bring_up(now.monotonic);
        }
        let what = format!("the balance of token {} as readers see it", token.id);
        same(
            &what,
            &Some(token.left(now.monotonic)),
            &row.map(|row| row.left()),
        )?;
    }
    let (wakes, due) = (
        core.next_due().unwrap_or(FOREVER),
        books.next_due().unwrap_or(FOREVER),
    );
    if wakes > due {
        return Err(format!(
            "the daemon sleeps until {wakes}, something is due at {due}"
        ));
    }
    let checkpoint = world
        .image
        .checkpoint
        .map_or(0, |checkpoint| checkpoint.monotonic);
    if books.sessions().next().is_some() && now.monotonic - checkpoint >= CHECKPOINT_MS {
        return Err(format!("the last checkpoint is of {checkpoint}"));
    }
    Ok(())
}

/// Records that are too old, since when they are: one minute later none is there any more.
#[derive(Debug, Default)]
pub(crate) struct Overdue(BTreeMap<u64, u64>);

impl Overdue {
    /// The calendar is another one.
    pub(crate) fn begin_anew(&mut self) {
        self.0.clear();
    }

    /// Looks after a step of the daemon, by a clock that can be believed.
    pub(crate) fn judge(&mut self, image: &Image, retention: u64, now: Now) -> Result<(), String> {
        if !now.trusted {
            self.begin_anew();
            return Ok(());
        }
        let oldest = now.wall.saturating_sub_unsigned(retention);
        self.0.retain(|id, _| image.records.contains_key(id));
        for (id, record) in &image.records {
            if record.released_on >= oldest {
                continue;
            }
            let since = *self.0.entry(*id).or_insert(now.monotonic);
            if now.monotonic - since >= PRUNED_WITHIN {
                return Err(format!(
                    "record {id} of {} is still there; those before {oldest} are to go",
                    record.released_on
                ));
            }
        }
        Ok(())
    }
}

/// No record goes that is to be kept from a time on.
pub(crate) fn pruned(books: &Auditor, image: &Image, kept_from: Option<i64>) -> Result<(), String> {
    for id in &image.gone {
        let released = books.records.get(id).map(|record| record.released_on);
        if released >= kept_from {
            return Err(format!(
                "record {id} of {released:?} is gone; those from {kept_from:?} on are to be kept"
            ));
        }
    }
    Ok(())
}

/// The floor of the calendar: at most an hour behind a clock that something keeps in step, and moved by no other.
pub(crate) fn floor(floor: Option<i64>, latest: Option<i64>, now: Option<i64>) -> Result<(), String> {
    let late = now.is_some_and(|now| floor.is_none_or(|floor| now - floor >= FLOOR_STEP_MS));
    if floor > latest || late {
        return Err(format!(
            "the floor of the calendar is {floor:?}, the latest time {latest:?}"
        ));
    }
    Ok(())
}

fn disk(books: &Auditor, image: &Image) -> Result<(), String> {
    if let Some(fault) = &image.fault {
        return Err(fault.clone());
    }
    same(
        "open sessions on disk",
        &books
            .sessions()
            .map(|(token, session)| (session.id, token))
            .collect::<BTreeMap<_, _>>(),
        &image
            .sessions
            .values()
            .map(|session| (session.id, session.token))
            .collect(),
    )?;
    if let Some(id) = image.heard.keys().find(|id| !image.sessions.contains_key(id)) {
        return Err(format!(
            "what went through session {id} is kept, and the session is over"
        ));
    }
    let codes: BTreeMap<&str, u64> = books
        .tokens()
        .map(|token| (token.code.as_str(), token.id))
        .collect();
    same(
        "codes on disk",
        &codes,
        &image
            .codes
            .iter()
            .map(|(code, id)| (code.as_str(), *id))
            .collect(),
    )?;
    let kept = || books.records.iter().filter(|(id, _)| !image.gone.contains(id));
    same("records", &kept().count(), &image.records.len())?;
    for ((id, wanted), (number, got)) in kept().zip(&image.records) {
        let cause = format!("{:?}", wanted.cause);
        let written = Record {
            token: got.token,
            device: device_back(got.device),
            opened_on: got.opened_on,
            released_on: got.released_on,
            charged: got.charged,
            cause: wanted.cause,
        };
        if (id, wanted) != (number, &written) || cause != got.cause.as_str() {
            return Err(format!(
                "record {id}\n    must be {wanted:?}\n    and was {written:?} {:?} ({number})",
                got.cause
            ));
        }
    }
    for token in books.tokens() {
        let adjusted: i64 = image
            .adjustments
            .iter()
            .filter(|adjustment| adjustment.token == token.id)
            .map(|adjustment| adjustment.by_ms)
            .sum();
        same(
            &format!("adjustments of token {}", token.id),
            &token.grants.iter().skip(1).sum::<i64>(),
            &adjusted,
        )?;
        let row = image.tokens.get(&token.id);
        let charged: u64 = image
            .records
            .values()
            .filter(|record| record.token == token.id)
            .map(|record| record.charged)
            .sum();
        let at = row.map_or(0, |row| row.settled);
        let open: u64 = image
            .sessions
            .values()
            .filter(|session| session.token == token.id)
            .map(|session| session.charged_at(at))
            .sum();
        let run = row.and_then(|row| row.run.as_ref()).map_or(0, |run| run.charged);
        same(
            &format!("used of token {} on disk", token.id),
            &Some(charged + open + run + image.pruned.get(&token.id).copied().unwrap_or(0)),
            &row.map(|row| row.used),
        )?;
    }
    Ok(())
}

fn gate(books: &Auditor, world: &World) -> Result<(), String> {
    let mut there: BTreeSet<Device> = BTreeSet::new();
    for entry in world.gate.entries() {
        let found = books.sessions().find(|(_, session)| session.id == entry.session);
        let Some((token, session)) = found else {
            if world.stuck.contains(&entry.device) {
                continue;
            }
            return Err(format!(
                "{:?} is in the gate for session {}, which is over",
                entry.device, entry.session
            ));
        };
        there.insert(session.device);
        let wanted = (session.device, token, books.cap(session));
        same(
            &format!("the entry of session {}", session.id),
            &wanted,
            &(device_back(entry.device), entry.token, entry.deadline),
        )?;
        let held = world.gate.deadline(token).unwrap_or(FOREVER);
        same(
            &format!("the deadline of token {token}"),
            &books.deadline(token),
            &held,
        )?;
    }
    for (_, session) in books.sessions() {
        if !there.contains(&session.device) {
            return Err(format!("{:?} is online and not in the gate", session.device));
        }
    }
    Ok(())
}

/// Who is judged without a session: the same on disk, in the gate and in the books, and whoever is blocked is not online.
fn lists(books: &Auditor, world: &World) -> Result<(), String> {
    let wanted = books.judged();
    let mut kept: BTreeMap<Device, bool> = BTreeMap::new();
    for (kind, device) in world.image.lists.keys() {
        *kept.entry(device_back(*device)).or_default() |= *kind == ListKind::Block;
    }
    same("devices listed on disk", &wanted, &kept)?;
    let judged = world.gate.judged().map(|judged| {
        let judged = judged.iter();
        judged
            .map(|(device, listed)| (device_back(*device), *listed == Listed::Blocked))
            .collect::<BTreeMap<_, _>>()
    });
    same("devices listed in the gate", &Some(&wanted), &judged.as_ref())?;
    let blocked = |device: &Device| wanted.get(device) == Some(&true);
    match books.sessions().find(|(_, session)| blocked(&session.device)) {
        Some((_, session)) => Err(format!("{:?} is blocked and online", session.device)),
        None => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, wanted: &T, got: &T) -> Result<(), String> {
    if wanted == got {
        return Ok(());
    }
    Err(format!("{what}\n    must be {wanted:?}\n    and is {got:?}"))
}

/// What must hold whenever the daemon dies: nobody passes whom the durable books do not let pass, nor for longer.
pub(crate) fn crash(books: &Auditor, world: &World, now: Now) -> Result<(), String> {
    let wanted = books.judged();
    let judged = world.gate.judged();
    for (device, listed) in judged.into_iter().flatten() {
        let device = device_back(*device);
        let passes = *listed == Listed::Bypass && wanted.get(&device) != Some(&false);
        if passes && !books.listing_is_over(device, now) {
            return Err(format!("the daemon dies, and {device:?} passes without a code"));
        }
    }
    for (device, _) in wanted.iter().filter(|(_, blocked)| **blocked) {
        let held =
            judged.is_none_or(|judged| judged.get(&translate::device(*device)) == Some(&Listed::Blocked));
        if !held && !books.listing_is_over(*device, now) {
            return Err(format!("the daemon dies, and {device:?} is not blocked"));
        }
    }
    for entry in world.gate.entries() {
        let found = books.sessions().find(|(_, session)| session.id == entry.session);
        let held = world
            .gate
            .deadline(entry.token)
            .unwrap_or(FOREVER)
            .min(entry.deadline);
        let until = found.map_or(0, |(token, session)| {
            books.deadline_at(token, now.monotonic).min(books.cap(session))
        });
        if held > until && !world.stuck.contains(&entry.device) {
            return Err(format!(
                "the daemon dies, and session {} passes until {held}, not {until}",
                entry.session
            ));
        }
    }
    Ok(())
}
