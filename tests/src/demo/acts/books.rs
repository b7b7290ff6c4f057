//! The daemon starts again, and its books agree with the captures.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::api::{self, Token};
use super::super::cast::{GUEST, GUEST_MINUTES, PHONE};
use super::super::deadline::Window;
use super::super::sabotage;
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use super::killed::guest_packets;
use super::{made, stranger_stays_out};
use crate::clock;

/// How far books and captures may be apart.
const SECOND: Duration = Duration::from_secs(1);

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    let daemon = stage.daemon()?;
    if stage.is_sabotaged(Step::Books) {
        sabotage::burn_books(stage)?;
    }
    daemon.start()?;
    let back = clock::monotonic().saturating_sub(story.killed_at);
    let (first, second) = (made(&story.first)?, made(&story.second)?);
    let left = [used_up(stage, &first)?, used_up(stage, &second)?];
    expect(
        left == ["0", "0"],
        "both minutes used up in the books: MinutesLeft 0 and 0",
        left.join(" and "),
    )?;
    let again = api::try_redeem(daemon, &second.code, stage.client(PHONE)?)?;
    expect(
        again.said.0 == 410,
        "the code that was used up without the daemon to be refused with status 410",
        format!("status {}: {}", again.said.0, again.said.1),
    )?;
    let guest = guest_in_books(stage, story)?;

    std::thread::sleep(stage.profile.look / 2);
    stage.witness.settle()?;
    let (passed, missing) = guest_packets(stage, story.killed_at);
    expect(
        missing == 0,
        "none of the guest's packets missing over death and restart",
        format!("{passed} passed, {missing} missing"),
    )?;
    let strangers = stranger_stays_out(stage)?;
    Ok(format!(
        "back after {:.1} s; both minutes used up, their code refused; {guest}; guest: {passed} of {passed} through; \
         stranger: 0 of {strangers}",
        back.as_secs_f64()
    ))
}

fn used_up(stage: &Stage, token: &Token) -> Result<String> {
    match api::record(stage.daemon()?, token.id) {
        Ok(record) => Ok(record["MinutesLeft"].to_string()),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// The guest's session goes on, opened when it was, with the time left and the packets that the captures say.
fn guest_in_books(stage: &Stage, story: &Story) -> Result<String> {
    let told = api::device(stage.daemon()?, stage.client(GUEST)?)?;
    stage.witness.settle()?;
    let Some(session) = told.said else {
        return expect(false, "the guest to be online in the books", "it is not").map(|()| String::new());
    };
    expect(
        session.opened_on == story.guest_opened,
        format!("the guest's session of {}", story.guest_opened),
        session.opened_on.clone(),
    )?;
    let span = stage.witness.span(GUEST, story.guest_at);
    let (first, _) = span.context("the guest was never seen to pass")?;
    let end = first + Duration::from_secs(GUEST_MINUTES * 60);
    let window = Window::told(told.asked, told.answered, session.seconds_left);
    expect(
        window.from.saturating_sub(SECOND) <= end && end <= window.to + SECOND,
        "the guest's balance within 1 s of what the captures say",
        format!("{:+.1} s", window.lateness_ms(end) / -1_000.0),
    )?;
    let (seen, counted) = (packets_by(stage, told.answered), session.packets);
    let apart = counted.abs_diff(seen);
    expect(
        apart * 100 <= seen,
        format!("the guest's {seen} packets in the books, within 1 %"),
        counted.to_string(),
    )?;
    Ok(format!(
        "the guest's balance is {} s and {counted} packets, by the captures {:.1} s and {seen}",
        session.seconds_left,
        end.saturating_sub(told.answered).as_secs_f64(),
    ))
}

/// The guest's packets through the gate until a time.
fn packets_by(stage: &Stage, until: Duration) -> u64 {
    let streams = super::super::cast::streams(GUEST);
    let arrived = streams
        .into_iter()
        .map(|(stream, _)| stage.witness.trail(stream).arrived(&..until));
    arrived.sum::<usize>() as u64
}
