//! The daemon is killed in the middle of sessions: the gate holds for those who paid, against those who did not, and
//! ends the minute on time.

use std::time::Duration;

use anyhow::Result;

use super::super::api;
use super::super::cast::{GUEST, GUEST_MINUTES, streams};
use super::super::sabotage;
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use super::end::{join_all, judge_end, judge_minute, wait_until_before_end};
use super::{redeem, stranger_stays_out, wait_for_all};
use crate::clock;

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    let daemon = stage.daemon()?;
    let hour = api::create(daemon, GUEST_MINUTES, 1)?;
    story.guest_at = clock::monotonic();
    story.guest_opened = redeem(stage, &hour, GUEST)?.opened_on;
    let minute = api::create(daemon, 1, stage.profile.seats)?;
    story.second = Some(minute.clone());
    let start = clock::monotonic();
    join_all(stage, &minute)?;
    wait_for_all(stage, GUEST, story.guest_at, Duration::from_secs(2))?;

    let told = wait_until_before_end(stage, stage.profile.dead)?;
    story.killed_at = clock::monotonic();
    daemon.kill9()?;
    if stage.is_sabotaged(Step::Killed) {
        sabotage::open_gate(stage)?;
    }
    let stopped = judge_end(stage, told);
    expect(daemon.pid().is_err(), "the daemon to stay dead", "it runs")?;
    let strangers = stranger_stays_out(stage)?;
    let stopped = stopped?;
    let drawn = judge_minute(stage, start)?;
    let (passed, missing) = guest_packets(stage, story.killed_at);
    expect(
        passed > 500 && missing == 0,
        "the guest's packets to pass while the daemon is dead, without one missing",
        format!("{passed} passed, {missing} missing"),
    )?;
    Ok(format!(
        "dead for {:.1} s: last packet {stopped} of the end told before, {drawn} drawn; guest: {passed} of {passed} \
         through; stranger: 0 of {strangers}",
        clock::monotonic().saturating_sub(story.killed_at).as_secs_f64(),
    ))
}

/// The guest's packets since a time: how many were sent and arrived, how many were sent and did not.
pub(super) fn guest_packets(stage: &Stage, since: Duration) -> (usize, usize) {
    // What was sent last may be on its way.
    let until = clock::monotonic().saturating_sub(Duration::from_millis(200));
    let trails = streams(GUEST)
        .into_iter()
        .map(|(stream, _)| stage.witness.trail(stream));
    trails.fold((0, 0), |(passed, missing), trail| {
        let lost = trail.missing(&(since..until));
        (passed + trail.sent(&(since..until)) - lost, missing + lost)
    })
}
