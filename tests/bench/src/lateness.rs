//! How late traffic stops: devices that send and receive 1,000 packets a second each while the last date of their code
//! passes, with the daemon alive and with the daemon killed shortly before.
//!
//! Judged by captures outside the daemon: uplink where it reaches the internet, downlink on the device's own interface.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use accounting_tests::{
    clock,
    lab::{Capture, Client, DISCARD_PORT, Download, Filter, Flow, Lab, Nonce, Pace, site},
};
use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{
    daemon,
    report::{judged, line, median, quantile},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Devices at once
    #[arg(long, default_value_t = 5)]
    devices: usize,
    /// Ends of each kind, at least
    #[arg(long, default_value_t = 200)]
    ends: usize,
    /// Where each sample is written
    #[arg(long, default_value = "target/lateness.csv")]
    samples: PathBuf,
}

/// Before the deadline: the codes are made, the devices are online and the flows run.
const LEAD: Duration = Duration::from_millis(1_100);

/// The daemon is killed so long before the deadline.
const KILLED_BEFORE: Duration = Duration::from_millis(300);

/// Looked at after the deadline.
const AFTER: Duration = Duration::from_millis(250);

/// One end in one direction: milliseconds after the deadline of the last packet that passed; negative before it.
struct Sample {
    up: bool,
    late: f64,
}

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let lab = daemon::up_with(binary, 1_024, options.devices, |_| Ok(()))?;
    let mut raw = String::from("daemon,cycle,way,late_ms\n");
    for killed in [false, true] {
        let state = if killed { "killed" } else { "alive" };
        let mut samples = Vec::new();
        for cycle in 0..options.ends.div_ceil(options.devices) {
            for sample in one_cycle(&lab, killed)? {
                let way = if sample.up { "up" } else { "down" };
                writeln!(raw, "{state},{cycle},{way},{:.3}", sample.late)?;
                samples.push(sample);
            }
            if killed {
                lab.daemon()?.start()?;
            }
        }
        println!("daemon {state}: milliseconds from the deadline to the last packet");
        for up in [true, false] {
            print(up, &samples);
        }
    }
    std::fs::write(&options.samples, raw)
        .with_context(|| format!("cannot write {}", options.samples.display()))?;
    println!("every sample: {}", options.samples.display());
    Ok(())
}

fn print(up: bool, samples: &[Sample]) {
    let late: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.up == up)
        .map(|sample| sample.late)
        .collect();
    let way = if up { "up" } else { "down" };
    line(&format!("  {way}: ends"), late.len());
    line(&format!("  {way}: p50"), format!("{:.2}", median(&late)));
    let p99 = quantile(&late, 0.99);
    judged(&format!("  {way}: p99"), format!("{p99:.2}"), "10", p99 <= 10.0);
    line(
        &format!("  {way}: earliest and latest"),
        format!("{:.2}, {:.2}", quantile(&late, 0.0), quantile(&late, 1.0)),
    );
}

/// The traffic of one device.
struct Traffic {
    up: Nonce,
    down: Nonce,
    flow: Flow,
    _download: Download,
    device: Capture,
}

fn one_cycle(lab: &Lab, killed: bool) -> Result<Vec<Sample>> {
    let (wall, monotonic) = (clock::wall(), clock::monotonic());
    // Dates are whole seconds.
    let date = Duration::from_secs((wall + LEAD).as_secs() + 1);
    let deadline = monotonic + (date - wall);
    for client in lab.clients() {
        admit(lab, client, date)?;
    }
    let internet = Capture::start(lab.internet(), site::ISP, Filter::All)?;
    let traffic = lab
        .clients()
        .iter()
        .map(|client| traffic(client, deadline))
        .collect::<Result<Vec<_>>>()?;
    ensure!(
        clock::monotonic() + KILLED_BEFORE < deadline,
        "the devices were let in too late"
    );
    clock::sleep_until(deadline - KILLED_BEFORE);
    if killed {
        lab.daemon()?.kill9()?;
    }
    clock::sleep_until(deadline + AFTER);
    let mut samples = Vec::new();
    for one in &traffic {
        ensure!(one.flow.sent() > 0, "a device sent nothing");
        samples.push(sample(true, &internet, &one.up, deadline)?);
        samples.push(sample(false, &one.device, &one.down, deadline)?);
        ensure!(one.device.lost() == 0, "a capture had no room for all frames");
    }
    ensure!(
        internet.lost() == 0,
        "the capture of the internet had no room for all frames"
    );
    Ok(samples)
}

fn admit(lab: &Lab, client: &Client, date: Duration) -> Result<()> {
    let daemon = lab.daemon()?;
    let valid_to = iso(date)?;
    let body = json!({"BusinessId": 1, "MinutesIncluded": 60, "ValidTo": valid_to});
    let answer = daemon.api("POST", "/api/spaces/accesstokens", Some(&body))?;
    let id = answer.json()?["Value"]["Id"]
        .as_u64()
        .context("no token was made")?;
    let record = daemon
        .api("GET", &format!("/api/spaces/accesstokens/{id}"), None)?
        .json()?;
    ensure!(
        record["ValidTo"] == valid_to.as_str(),
        "the record shows another date: {record}"
    );
    let body = json!({"AccessCode": record["AccessCode"], "MacAddress": client.mac_text()});
    let answer = daemon.api("POST", "/v1/redemptions", Some(&body))?;
    ensure!(answer.status == 200, "a device was refused: {}", answer.text());
    Ok(())
}

fn traffic(client: &Client, deadline: Duration) -> Result<Traffic> {
    let (up, down) = (Nonce::draw()?, Nonce::draw()?);
    let ends = deadline + AFTER;
    let left = ends.saturating_sub(clock::monotonic()).as_millis();
    let pace = |nonce| -> Result<Pace> {
        Ok(Pace {
            count: u64::try_from(left)?,
            ..Pace::steady(nonce)
        })
    };
    let device = Capture::start(client.namespace(), site::WLAN, Filter::Nonce(down))?;
    let (from, server) = (client.ip4()?.into(), site::INTERNET_IP4);
    let download = Download::start(client.namespace(), from, server.into(), pace(down)?)?;
    let flow = Flow::start(client.namespace(), from, (server, DISCARD_PORT).into(), pace(up)?)?;
    Ok(Traffic {
        up,
        down,
        flow,
        _download: download,
        device,
    })
}

fn sample(up: bool, witness: &Capture, nonce: &Nonce, deadline: Duration) -> Result<Sample> {
    let seen = witness.sightings(nonce);
    let last = seen
        .iter()
        .rfind(|sighting| !sighting.outgoing)
        .context("a device had no traffic")?;
    let late = last.at.as_secs_f64() - deadline.as_secs_f64();
    Ok(Sample {
        up,
        late: late * 1_000.0,
    })
}

/// The time as the record API takes it.
fn iso(wall: Duration) -> Result<String> {
    let time = chrono::DateTime::from_timestamp(i64::try_from(wall.as_secs())?, 0).context("no such date")?;
    Ok(time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}
