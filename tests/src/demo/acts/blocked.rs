//! Without a code nothing passes: each device sends and is sent to, and nothing gets to the other side of the gate.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::cast::{PHONE, name, streams};
use super::super::sabotage;
use super::super::stage::Stage;
use super::super::step::{Step, expect};
use crate::clock;
use crate::lab::site::{INTERNET_IP4, INTERNET_IP6};
use crate::lab::{Answer, PORTAL_PORT, Request};

/// Whether the gateway's portal answered in the place of the server that was asked.
fn is_to_portal(answer: &Answer) -> bool {
    let location = answer.headers.iter().find(|(name, _)| name == "location");
    let port = format!(":{PORTAL_PORT}/");
    (300..400).contains(&answer.status) && location.is_some_and(|(_, place)| place.contains(&port))
}

pub(super) fn play(stage: &Stage) -> Result<String> {
    if stage.is_sabotaged(Step::Blocked) {
        sabotage::open_gate(stage)?;
    }
    let start = clock::monotonic();
    let look = stage.profile.look;
    let phone = stage.client(PHONE)?;
    let pages = std::thread::scope(|scope| {
        let page = |host: std::net::IpAddr| {
            let request = Request::new(phone.namespace(), (host, 80).into(), "GET", "/").limit(look);
            scope.spawn(move || request.send().is_ok_and(|answer| !is_to_portal(&answer)))
        };
        let pages = [page(INTERNET_IP4.into()), page(INTERNET_IP6.into())];
        clock::sleep_until(start + look);
        let opened = pages.into_iter().map(|page| page.join().ok());
        opened
            .collect::<Option<Vec<bool>>>()
            .context("the thread of a page panicked")
    })?;
    stage.witness.settle()?;

    let mut control = Vec::new();
    for (stream, rate) in streams(PHONE) {
        let sent = stage.witness.trail(stream).sent(&(start..start + look));
        // A machine that is busy sends less, but it must have sent.
        let enough = usize::try_from(u128::from(rate) * look.as_millis() / 2_000)?;
        expect(
            sent >= enough,
            format!(
                "at least {enough} packets sent {} by {}",
                stream.way, stream.family
            ),
            sent.to_string(),
        )?;
        control.push(format!("{} {} {sent}", stream.family, stream.way));
    }
    for client in stage.lab.clients() {
        let (sent, passed) = stage.witness.totals(client.number());
        expect(
            sent > 0 && passed == 0,
            format!(
                "packets of the {} sent, and none through the gate",
                name(client.number())
            ),
            format!("{sent} sent, {passed} through"),
        )?;
    }
    let connections = stage.witness.connections();
    expect(
        pages == [false, false] && connections == 0,
        "no page to open but the portal's, and no TCP frame at the internet",
        format!("IPv4 and IPv6 pages opened: {pages:?}, {connections} TCP frames"),
    )?;
    let all = stage.lab.clients().len();
    Ok(format!(
        "0 packets through in {:.1} s; the phone's sent: {}; no page opens but the portal's; all {all} devices alike",
        clock::monotonic()
            .saturating_sub(start)
            .max(Duration::ZERO)
            .as_secs_f64(),
        control.join(", ")
    ))
}
