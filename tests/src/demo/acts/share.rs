//! A second device draws on the same balance: it passes, and the time that is left halves at that moment.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::cast::{LAPTOP, PHONE};
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use super::{made, ms, redeem, wait_for_all};
use crate::clock;

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    let token = made(&story.first)?;
    let alone = stage.teller.end().context("the API told of no end")?;
    let asked = clock::monotonic();
    if !stage.is_sabotaged(Step::Share) {
        redeem(stage, &token, LAPTOP)?;
    }
    let passing = wait_for_all(stage, LAPTOP, asked, Duration::from_secs(2))?;
    clock::sleep_until(asked + stage.profile.look);
    let both = stage
        .teller
        .wait_for_end(2, Duration::from_millis(300), stage.profile.look)?;
    let left = |end: Duration| end.saturating_sub(asked).as_secs_f64();
    let (before, after) = (left(alone.middle()), left(both.middle()));
    let speed = before / after;
    expect(
        (speed - 2.0).abs() < 0.1,
        "the phone's time to halve when the laptop joins",
        format!("{before:.1} s left became {after:.1} s"),
    )?;
    let (_, phone) = stage.witness.totals(PHONE);
    let (_, laptop) = stage.witness.totals(LAPTOP);
    Ok(format!(
        "the laptop passes {} after the code; the phone's {before:.1} s became {after:.1} s: the minute runs {speed:.2} \
         times as fast; {phone} and {laptop} packets through",
        ms(passing.saturating_sub(asked)),
    ))
}
