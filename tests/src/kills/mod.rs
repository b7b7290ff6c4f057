//! The daemon is killed at random moments under load, again and again, and what it says afterwards is compared with
//! what it had acknowledged, with the kernel's map, and with the packets that passed.

mod account;
mod load;
mod witness;

use std::collections::BTreeSet;
use std::time::Duration;

use accounting_ebpf::layout::{self, Device, Key, map};
use anyhow::{Context, Result, ensure};
use aya::maps::{HashMap, Map, MapData};
use serde_json::json;

use crate::chance::Chance;
use crate::clock;
use crate::lab::{Client, Daemon, Lab, Nonce, Options, site::mac_text};
use account::Account;
use load::Load;
use witness::Witness;

/// HTTP clients at work at once.
const WORKERS: u8 = 3;
/// Devices of each, and of each device a token of its own.
const DEVICES: u8 = 6;
/// Milliseconds of load before a kill: at least, and so many more at random.
const BEFORE_KILL: (u64, u64) = (60, 500);
/// Rounds between two looks at the packets of the paying client.
const WATCHED: u32 = 20;
/// What a record holds, in minutes.
const MINUTES: u32 = 6_000;

/// How it is done.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How often the daemon is killed.
    pub rounds: u32,
    /// Draws the moments; printed, so that a run can be repeated as far as the machine lets it.
    pub seed: u64,
}

/// What came of it, when nothing was wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Kills.
    pub kills: u32,
    /// Redemptions acknowledged.
    pub admitted: u64,
    /// Releases acknowledged.
    pub released: u64,
    /// Requests that a kill left without an answer.
    pub unanswered: u64,
    /// Packets that the paying client sent, all of which arrived.
    pub packets: u64,
    /// The longest time from the start of the daemon to its readiness.
    pub slowest_start: Duration,
    /// How far apart the bounds are at the end between which the charge of all devices together was found to lie.
    pub in_doubt: Duration,
}

/// Runs it in a lab of its own, with this binary of the daemon.
///
/// # Errors
/// What was wrong, with the round in which it was found; and when the lab does not come up.
pub fn run(plan: Plan, daemon: std::path::PathBuf) -> Result<Figures> {
    let lab = Lab::up(&Options {
        clients: 3,
        daemon: Some(daemon),
        ..Options::default()
    })?;
    let mut run = Run {
        draw: Chance::new(plan.seed),
        accounts: accounts(lab.daemon()?)?,
        figures: Figures::default(),
        sample: false,
        lab: &lab,
    };
    run.admit_the_paying_client()?;
    let mut round = 0;
    while round < plan.rounds {
        let witness = Witness::start(&lab, lab.client(1)?)?;
        for _ in 0..WATCHED.min(plan.rounds - round) {
            round += 1;
            run.round()
                .with_context(|| format!("round {round}, seed {}", plan.seed))?;
        }
        let packets = witness.all_arrived();
        run.figures.packets += packets.with_context(|| format!("up to round {round}, seed {}", plan.seed))?;
    }
    Ok(run.figures)
}

struct Run<'a> {
    lab: &'a Lab,
    draw: Chance,
    accounts: Vec<Account>,
    figures: Figures,
    /// Whether the second client is online.
    sample: bool,
}

impl Run<'_> {
    fn admit_the_paying_client(&self) -> Result<()> {
        let code = Nonce::draw()?.to_string();
        let daemon = self.lab.daemon()?;
        make_token(daemon, &code)?;
        redeem(daemon, &code, &self.lab.client(1)?.mac_text())
    }

    fn round(&mut self) -> Result<()> {
        self.turn_the_sample()?;
        let after = BEFORE_KILL.0 + self.draw.below(BEFORE_KILL.1);
        let seeds: Vec<u64> = (0..WORKERS).map(|_| self.draw.draw()).collect();
        let daemon = self.lab.daemon()?;
        Load::new(daemon).run(&mut self.accounts, &seeds, || {
            clock::sleep_until(clock::monotonic() + Duration::from_millis(after));
            daemon.kill9()
        })?;
        let begun = clock::monotonic();
        daemon.start()?;
        let took = clock::monotonic() - begun;
        self.figures.slowest_start = self.figures.slowest_start.max(took);
        self.figures.kills += 1;
        self.judge()
    }

    /// The second client comes or goes, acknowledged, before the load.
    fn turn_the_sample(&mut self) -> Result<()> {
        if self.draw.below(2) == 0 {
            return Ok(());
        }
        let daemon = self.lab.daemon()?;
        let mac = self.lab.client(2)?.mac_text();
        if self.sample {
            let answer = daemon.api("DELETE", &format!("/v1/sessions/{mac}"), None)?;
            ensure!(answer.status == 204, "not released: {}", answer.text());
        } else {
            let code = Nonce::draw()?.to_string();
            make_token(daemon, &code)?;
            redeem(daemon, &code, &mac)?;
        }
        self.sample = !self.sample;
        Ok(())
    }

    /// Books, gate and packets against what was acknowledged.
    fn judge(&mut self) -> Result<()> {
        let daemon = self.lab.daemon()?;
        let mut online = BTreeSet::from([self.lab.client(1)?.mac_text()]);
        if self.sample {
            online.insert(self.lab.client(2)?.mac_text());
        }
        for account in &mut self.accounts {
            if account.judge(daemon)? {
                online.insert(account.mac.clone());
            }
        }
        let figures = &mut self.figures;
        figures.admitted = self.accounts.iter().map(|account| account.admitted).sum();
        figures.released = self.accounts.iter().map(|account| account.released).sum();
        figures.unanswered = self.accounts.iter().map(|account| account.unanswered).sum();
        figures.in_doubt = self.accounts.iter().map(Account::in_doubt).sum();
        let gate = admitted(daemon)?;
        ensure!(gate == online, "the gate holds {gate:?}, the books {online:?}");
        for (number, passes) in [(1, true), (2, self.sample), (3, false)] {
            let client = self.lab.client(number)?;
            ensure!(
                witness::passes(client) == passes,
                "client {number} {} though its session is {}",
                if passes { "is stopped" } else { "passes" },
                if passes { "open" } else { "none" }
            );
        }
        Ok(())
    }
}

fn accounts(daemon: &Daemon) -> Result<Vec<Account>> {
    let mut accounts = Vec::new();
    for worker in 0..WORKERS {
        for device in 0..DEVICES {
            let code = Nonce::draw()?.to_string();
            make_token(daemon, &code)?;
            let mac = mac_text([0x02, 0xac, 0xc0, 0x10, worker, device]);
            accounts.push(Account::new(code, mac, u64::from(MINUTES) * 60_000));
        }
    }
    Ok(accounts)
}

fn make_token(daemon: &Daemon, code: &str) -> Result<()> {
    let body = json!({"BusinessId": 1, "MinutesIncluded": MINUTES, "UserLimit": 1, "AccessCode": code});
    let answer = daemon.api("POST", "/api/spaces/accesstokens", Some(&body))?;
    ensure!(answer.status == 200, "no token: {}", answer.text());
    Ok(())
}

fn redeem(daemon: &Daemon, code: &str, mac: &str) -> Result<()> {
    let body = json!({"AccessCode": code, "MacAddress": mac});
    let answer = daemon.api("POST", "/v1/redemptions", Some(&body))?;
    ensure!(answer.status == 200, "not admitted: {}", answer.text());
    Ok(())
}

/// The devices in the kernel's map.
fn admitted(daemon: &Daemon) -> Result<BTreeSet<String>> {
    let pin = daemon
        .pins()
        .join(format!("v{}", layout::VERSION))
        .join(map::DEVICES);
    let data = MapData::from_pin(&pin).with_context(|| format!("no map at {}", pin.display()))?;
    let devices = Map::HashMap(data);
    let devices: HashMap<_, u64, [u8; size_of::<Device>()]> = HashMap::try_from(devices)?;
    let keys: Vec<u64> = devices.keys().collect::<Result<_, _>>()?;
    Ok(keys
        .into_iter()
        .map(|word| mac_text(Key::from_word(word).mac))
        .collect())
}
