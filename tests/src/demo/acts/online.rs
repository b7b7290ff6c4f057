//! A code opens the gate: packets pass both ways in both families, pages open, minutes and bytes tick.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::api;
use super::super::cast::PHONE;
use super::super::mark::{Family, Stream, Way};
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use super::{ms, redeem, wait_for_all};
use crate::clock;
use crate::lab::Request;
use crate::lab::site::{INTERNET_IP4, INTERNET_IP6};

/// Bytes of each download.
const PAGE: usize = 2_000_000;

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    let daemon = stage.daemon()?;
    let token = api::create(daemon, 1, stage.profile.seats)?;
    story.first = Some(token.clone());
    let asked = clock::monotonic();
    story.first_at = asked;
    if !stage.is_sabotaged(Step::Redeem) {
        redeem(stage, &token, PHONE)?;
    }
    let passing = wait_for_all(stage, PHONE, asked, Duration::from_secs(2))?;
    stage.witness.settle()?;
    let early: usize = [Family::Four, Family::Six]
        .into_iter()
        .flat_map(|family| [Way::Up, Way::Down].map(|way| (way, family)))
        .map(|(way, family)| {
            stage
                .witness
                .trail(Stream {
                    device: PHONE,
                    way,
                    family,
                })
                .arrived(&..asked)
        })
        .sum();
    expect(
        early == 0,
        "no packet through before the code",
        format!("{early} packets"),
    )?;

    let told = clock::wait_for("the API to tell of the session", Duration::from_secs(2), || {
        Ok(stage.teller.session(PHONE))
    })?;
    let told_at = clock::monotonic();
    for family in [Family::Four, Family::Six] {
        download(stage, family)?;
    }
    clock::sleep_until(told_at + stage.profile.look);
    let later = stage
        .teller
        .session(PHONE)
        .context("the API told of no session any more")?;
    let passed = clock::monotonic().saturating_sub(told_at);
    let ticked = told.seconds_left.saturating_sub(later.seconds_left);
    expect(
        ticked.abs_diff(passed.as_secs()) <= 1 && later.bytes > told.bytes + 2 * PAGE as u64,
        format!(
            "the API to count {:.1} s down and more than {} bytes up",
            passed.as_secs_f64(),
            2 * PAGE
        ),
        format!("{ticked} s and {} bytes", later.bytes - told.bytes),
    )?;
    Ok(format!(
        "packets pass {} after the code was sent; 2 MB by IPv4 and 2 MB by IPv6 arrived; {} s left became {} s",
        ms(passing.saturating_sub(asked)),
        told.seconds_left,
        later.seconds_left
    ))
}

/// Loads a page that is full of the run's nonce, and finds it on the phone's wire.
fn download(stage: &Stage, family: Family) -> Result<()> {
    let page = Stream {
        device: PHONE,
        way: Way::Page,
        family,
    };
    let host = match family {
        Family::Four => INTERNET_IP4.into(),
        Family::Six => INTERNET_IP6.into(),
    };
    let host: std::net::IpAddr = host;
    let mark = stage.run.mark(page);
    let target = format!("/bytes/{PAGE}?{mark}");
    let request = Request::new(
        stage.client(PHONE)?.namespace(),
        (host, 80).into(),
        "GET",
        &target,
    );
    let answer = request.send();
    let length = answer.as_ref().map_or(0, |answer| answer.body.len());
    stage.witness.settle()?;
    let frames = stage
        .witness
        .trail(page)
        .far
        .iter()
        .map(|seen| seen.length)
        .sum::<usize>();
    expect(
        length == PAGE && frames >= PAGE,
        format!("a page of {PAGE} bytes by {family}, and as many on the phone's wire"),
        format!("{length} bytes, {frames} on the wire, {:?}", answer.err()),
    )
}
