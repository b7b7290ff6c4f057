//! The minute ends, and packets stop: lateness by the captures, against what the API told before.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::api::Token;
use super::super::cast::{FAMILY, PHONE, name, streams};
use super::super::deadline::Window;
use super::super::sabotage;
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use super::{made, redeem, stranger_stays_out};
use crate::clock;

/// An end is told to this width at least, or it is no measure.
const WIDTH: Duration = Duration::from_millis(60);

/// The same on a machine that is busy with something else.
const WIDTH_LOADED: Duration = Duration::from_millis(500);
/// Packets may stop so much earlier or later than told: the kernel's clock tick, the width, and a busy machine.
const TOLERANCE_MS: f64 = 50.0;
/// How long the wire is watched after the end.
const AFTER: Duration = Duration::from_millis(700);
/// What is told after this time before the end is not used.
const BEFORE: Duration = Duration::from_millis(600);

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    let token = made(&story.first)?;
    for number in FAMILY..=stage.profile.clients() {
        redeem(stage, &token, number)?;
    }
    let told = wait_until_before_end(stage, BEFORE)?;
    if stage.is_sabotaged(Step::End) {
        sabotage::disconnect_others(stage)?;
    }
    let stopped = judge_end(stage, told)?;
    let drawn = judge_minute(stage, story.first_at)?;
    let strangers = stranger_stays_out(stage)?;
    Ok(format!(
        "last packet {stopped} of the end told before; {drawn} of one minute drawn by {} devices; stranger: 0 of \
         {strangers} through",
        stage.sharing().len()
    ))
}

/// Redeems a code for all that share.
pub(super) fn join_all(stage: &Stage, token: &Token) -> Result<()> {
    for number in stage.sharing() {
        redeem(stage, token, number)?;
    }
    Ok(())
}

/// Listens to the API until so long before the end; gives the end as told.
pub(super) fn wait_until_before_end(stage: &Stage, before: Duration) -> Result<Window> {
    let seats = u64::try_from(stage.profile.seats)?;
    let limit = Duration::from_secs(20);
    let rough = stage
        .teller
        .wait_for_end(seats, Duration::from_millis(1_200), limit)?;
    clock::sleep_until(rough.from.saturating_sub(before));
    let pause = Duration::from_millis(200);
    let told = stage.teller.wait_for_end(seats, WIDTH, pause);
    let told = told.or_else(|_| stage.teller.wait_for_end(seats, WIDTH_LOADED, pause))?;
    clock::sleep_until(told.middle().saturating_sub(before));
    stage.teller.end().context("the API told of no end")
}

/// Watches the phone's streams past the end; gives the distance of each one's last packet from it.
pub(super) fn judge_end(stage: &Stage, told: Window) -> Result<String> {
    clock::sleep_until(told.to + AFTER);
    stage.witness.settle()?;
    let mut shown = Vec::new();
    for (stream, rate) in streams(PHONE) {
        let trail = stage.witness.trail(stream);
        let which = format!("{} {}", stream.family, stream.way);
        let after = trail.sent(&(told.to..told.to + AFTER));
        let enough = usize::try_from(u128::from(rate) * AFTER.as_millis() / 2_000)?;
        expect(
            after >= enough,
            format!("at least {enough} packets sent after the end, {which}"),
            after.to_string(),
        )?;
        let last = trail.far.last().context("a stream that never passed")?;
        let late = told.lateness_ms(last.at);
        // A window that is wider than wanted lets the end lie farther from its middle.
        let wider = told.width().saturating_sub(WIDTH).as_secs_f64() * 500.0;
        let through = trail.arrived(&(told.to..));
        expect(
            late.abs() <= TOLERANCE_MS + wider,
            format!("the last packet {which} within {TOLERANCE_MS} ms of the end told before"),
            format!("{late:+.1} ms; {through} packets through after the end, of {after} sent"),
        )?;
        shown.push(format!("{which} {late:+.1}"));
    }
    let half = told.width().as_secs_f64() * 500.0;
    Ok(format!("{} ms (+-{half:.1})", shown.join(", ")))
}

/// Adds up the time in which each device that shares was seen to pass since `start`: it must make a minute.
pub(super) fn judge_minute(stage: &Stage, start: Duration) -> Result<String> {
    let mut drawn = Duration::ZERO;
    for number in stage.sharing() {
        let span = stage.witness.span(number, start);
        let (first, last) = span.with_context(|| format!("the {} was never seen to pass", name(number)))?;
        drawn += last.saturating_sub(first);
    }
    let seconds = drawn.as_secs_f64();
    expect(
        (seconds - 60.0).abs() <= 1.0,
        "all that share to pass for 60 s together, within 1 s",
        format!("{seconds:.2} s"),
    )?;
    Ok(format!("{seconds:.2} s"))
}
