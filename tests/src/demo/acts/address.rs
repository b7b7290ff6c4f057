//! The phone comes and is given addresses, before it has paid: DHCP and router advertisements pass the gate.

use std::time::Duration;

use anyhow::{Context, Result};

use super::super::cast::{PHONE, Traffic};
use super::super::sabotage;
use super::super::stage::{Stage, Story};
use super::super::step::{Step, expect};
use crate::clock;

/// Longer than the second round of a DHCP client.
const PATIENCE: Duration = Duration::from_secs(4);

pub(super) fn play(stage: &Stage, story: &mut Story) -> Result<String> {
    if stage.is_sabotaged(Step::Address) {
        sabotage::silence_dhcp(stage)?;
    }
    let phone = stage.client(PHONE)?;
    let start = clock::monotonic();
    let given = phone.connect_within(PATIENCE);
    let took = clock::monotonic().saturating_sub(start);
    stage.witness.settle()?;
    let seen = stage.witness.greetings(PHONE);
    let words = format!(
        "{} DHCP messages sent and {} received, {} router advertisements",
        seen.dhcp_sent, seen.dhcp_received, seen.advertisements
    );
    let given = match given {
        Ok(given) => given,
        Err(_) => {
            return expect(
                false,
                format!("the phone to get addresses within {} s", PATIENCE.as_secs()),
                words,
            )
            .map(|()| String::new());
        }
    };
    expect(
        seen.dhcp_sent >= 2 && seen.dhcp_received >= 2 && seen.advertisements >= 1,
        "a DHCP exchange and a router advertisement on the phone's wire",
        words,
    )?;

    Traffic::prepare(stage.lab)?;
    std::thread::scope(|scope| {
        let coming: Vec<_> = stage
            .lab
            .clients()
            .iter()
            .filter(|client| client.number() != PHONE)
            .map(|client| scope.spawn(move || client.connect()))
            .collect();
        for client in coming {
            let came = client.join();
            came.ok().context("the thread of a device panicked")??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    for client in stage.lab.clients() {
        story.traffic.start(stage.lab, &stage.run, client)?;
    }
    Ok(format!(
        "{} by DHCP and {} by SLAAC in {:.1} s; then {} other devices",
        given.ip4,
        given.ip6,
        took.as_secs_f64(),
        stage.lab.clients().len() - 1
    ))
}
