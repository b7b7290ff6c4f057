//! The acts, one for each step. Each gives its verdict in one line with figures, or says what it did not see.

mod address;
mod blocked;
mod books;
mod end;
mod killed;
mod online;
mod share;

use std::time::Duration;

use anyhow::{Context, Result};

use super::api::{self, Session, Token};
use super::cast;
use super::mark::Stream;
use super::stage::{Stage, Story};
use super::step::{Step, expect};
use crate::clock;

/// Plays one step.
pub(super) fn play(step: Step, stage: &Stage, story: &mut Story) -> Result<String> {
    match step {
        Step::Address => address::play(stage, story),
        Step::Blocked => blocked::play(stage),
        Step::Redeem => online::play(stage, story),
        Step::Share => share::play(stage, story),
        Step::End => end::play(stage, story),
        Step::Killed => killed::play(stage, story),
        Step::Books => books::play(stage, story),
    }
}

/// A token that an earlier act has made.
fn made(token: &Option<Token>) -> Result<Token> {
    token.clone().context("the act before made no token")
}

/// Redeems a code for a device and shows what was answered.
fn redeem(stage: &Stage, token: &Token, number: usize) -> Result<Session> {
    let told = api::redeem(stage.daemon()?, &token.code, stage.client(number)?)?;
    let session = told.said.clone();
    stage.teller.note(number, told);
    Ok(session)
}

/// Waits until each stream has come through the gate at or after `since`; gives the time of the first packet of the last
/// stream. Fails when one had come through before, unless `again`.
fn wait_for_all(stage: &Stage, number: usize, since: Duration, limit: Duration) -> Result<Duration> {
    let end = clock::monotonic() + limit;
    loop {
        stage.witness.look();
        let firsts: Vec<(Stream, Option<Duration>)> = cast::streams(number)
            .into_iter()
            .map(|(stream, _)| {
                let trail = stage.witness.trail(stream);
                (
                    stream,
                    trail.far.iter().map(|seen| seen.at).find(|at| *at >= since),
                )
            })
            .collect();
        let missing: Vec<String> = firsts
            .iter()
            .filter(|(_, first)| first.is_none())
            .map(|(stream, _)| format!("{} {}", stream.family, stream.way))
            .collect();
        if missing.is_empty() {
            return Ok(firsts
                .into_iter()
                .filter_map(|(_, first)| first)
                .max()
                .unwrap_or(since));
        }
        if clock::monotonic() >= end {
            let ever = stage.witness.totals(number);
            expect(
                false,
                format!(
                    "packets of the {} through the gate within {} s of the code",
                    cast::name(number),
                    limit.as_secs()
                ),
                format!(
                    "no {}; {} were sent since its arrival",
                    missing.join(", no "),
                    ever.0
                ),
            )?;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Packets of the stranger that came through: there must never be one.
fn stranger_stays_out(stage: &Stage) -> Result<usize> {
    let (sent, passed) = stage.witness.totals(cast::STRANGER);
    expect(
        sent > 0 && passed == 0,
        "the stranger, who never pays, to send packets and none to pass",
        format!("{sent} sent, {passed} passed"),
    )?;
    Ok(sent)
}

/// A time in milliseconds, as a verdict shows it.
fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
