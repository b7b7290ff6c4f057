//! A lab with the daemon in it, and what its operator and its guests do there.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::lab::{
    Answer, Capture, Client, DISCARD_PORT, Daemon, Download, ECHO_PORT, Filter, Flow, Lab, Nonce, Options,
    Pace, Sighting, build_daemon,
    site::{INTERNET_IP4, INTERNET_IP6, ISP, WLAN},
};

/// The internet's host, in both families.
pub const HOSTS: [IpAddr; 2] = [IpAddr::V4(INTERNET_IP4), IpAddr::V6(INTERNET_IP6)];

/// How long an echo may take. A gate that drops takes all of it.
const ECHO: Duration = Duration::from_millis(400);

/// A hotspot that is up.
#[derive(Debug)]
pub struct Hotspot {
    /// Its network.
    pub lab: Lab,
    /// All access codes that were made.
    codes: Mutex<Vec<String>>,
}

/// A token as its operator knows it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its number.
    pub id: u64,
    /// Its access code.
    pub code: String,
}

impl Hotspot {
    /// Builds the daemon, unless the options name one, and brings everything up.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up(options: Options) -> Result<Self> {
        let daemon = match options.daemon {
            Some(daemon) => Some(daemon),
            None => Some(build_daemon()?),
        };
        let lab = Lab::up(&Options { daemon, ..options })?;
        let codes = Mutex::default();
        Ok(Self { lab, codes })
    }

    /// The same with so many clients and nothing else configured.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_clients(clients: usize) -> Result<Self> {
        Self::up(Options {
            clients,
            ..Options::default()
        })
    }

    /// The daemon.
    ///
    /// # Panics
    /// Never: there is one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a hotspot has a daemon")]
    pub fn daemon(&self) -> &Daemon {
        self.lab.daemon().expect("a hotspot has a daemon")
    }

    /// The client of this number, counted from 1.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test knows how many it asked for")]
    pub fn client(&self, number: usize) -> &Client {
        self.lab.client(number).expect("a client of this number")
    }

    /// Makes a token; `more` holds further members of the record.
    ///
    /// # Errors
    /// When the daemon does not.
    pub fn token(&self, minutes: u32, more: &Value) -> Result<Token> {
        let code = Nonce::draw()?.to_string();
        if let Ok(mut codes) = self.codes.lock() {
            codes.push(code.clone());
        }
        let mut body = json!({"BusinessId": 1, "MinutesIncluded": minutes, "AccessCode": code});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = self
            .daemon()
            .api("POST", "/api/spaces/accesstokens", Some(&body))?;
        ensure!(answer.status == 200, "no token: {}", answer.text());
        let id = answer.json()?["Value"]["Id"].as_u64();
        Ok(Token {
            id: id.context("a token without number")?,
            code,
        })
    }

    /// The token's record.
    ///
    /// # Errors
    /// When the daemon does not give it.
    pub fn record(&self, token: &Token) -> Result<Value> {
        let target = format!("/api/spaces/accesstokens/{}", token.id);
        let answer = self.daemon().api("GET", &target, None)?;
        ensure!(answer.status == 200, "no record: {}", answer.text());
        answer.json()
    }

    /// Redeems a code for a device, whatever comes of it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn redeem_for(&self, code: &str, mac: &str) -> Result<Answer> {
        let body = json!({"AccessCode": code, "MacAddress": mac});
        self.daemon().api("POST", "/v1/redemptions", Some(&body))
    }

    /// Redeems a code for a client; gives the session.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub fn admit(&self, client: &Client, token: &Token) -> Result<Value> {
        let answer = self.redeem_for(&token.code, &client.mac_text())?;
        ensure!(answer.status == 200, "not admitted: {}", answer.text());
        answer.json()
    }

    /// Lets a client in by a new token of an hour, which it gives.
    ///
    /// # Errors
    /// As [`Hotspot::token`] and [`Hotspot::admit`].
    pub fn let_in(&self, client: &Client) -> Result<Token> {
        let token = self.token(60, &json!({}))?;
        self.admit(client, &token)?;
        Ok(token)
    }

    /// Ends a client's session, whatever comes of it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn release(&self, client: &Client) -> Result<Answer> {
        let target = format!("/v1/sessions/{}", client.mac_text());
        self.daemon().api("DELETE", &target, None)
    }

    /// A client as the daemon sees it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn device(&self, client: &Client) -> Result<Value> {
        let target = format!("/v1/devices/{}", client.mac_text());
        self.daemon().api("GET", &target, None)?.json()
    }

    /// A counter or gauge of `/metrics`; `name` with its labels as they are written there.
    ///
    /// # Errors
    /// When it is not there.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let text = self.daemon().api("GET", "/metrics", None)?.text();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(line
            .with_context(|| format!("no metric {name}"))?
            .trim()
            .parse()?)
    }

    /// A flow from a client to the internet, and the witness there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn uplink(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Flow>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(self.lab.internet(), ISP, Filter::Nonce(nonce))?;
        let pace = Pace {
            rate,
            ..Pace::steady(nonce)
        };
        let to = SocketAddr::new(host, DISCARD_PORT);
        let flow = Flow::start(client.namespace(), address(client, host)?, to, pace)?;
        Ok(Watched { flow, nonce, witness })
    }

    /// A flow from the internet to a client that asks for it, and the witness at the client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn downlink(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Download>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(client.namespace(), WLAN, Filter::Nonce(nonce))?;
        let pace = Pace {
            rate,
            ..Pace::steady(nonce)
        };
        let flow = Download::start(client.namespace(), address(client, host)?, host, pace)?;
        Ok(Watched { flow, nonce, witness })
    }

    /// A flow from the internet to a client that has asked for nothing, and the witness at the client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn unasked(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Flow>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(client.namespace(), WLAN, Filter::Nonce(nonce))?;
        let pace = Pace {
            rate,
            ..Pace::steady(nonce)
        };
        let to = SocketAddr::new(address(client, host)?, DISCARD_PORT);
        let flow = Flow::start(self.lab.internet(), host, to, pace)?;
        Ok(Watched { flow, nonce, witness })
    }
}

/// Whatever was done in it: codes and MAC addresses of guests are in no log.
impl Drop for Hotspot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = self.daemon().log().to_lowercase();
        let codes = self.codes.lock().map(|codes| codes.clone()).unwrap_or_default();
        let macs = self.lab.clients().iter().map(Client::mac_text);
        for personal in codes.into_iter().chain(macs) {
            let bare: String = personal.chars().filter(char::is_ascii_alphanumeric).collect();
            for text in [personal, bare] {
                assert!(
                    !log.contains(&text.to_lowercase()),
                    "{text} is in the log:\n{log}"
                );
            }
        }
    }
}

/// A flow with a witness at its far end.
#[derive(Debug)]
pub struct Watched<F> {
    /// Its sender.
    pub flow: F,
    /// What its datagrams carry.
    pub nonce: Nonce,
    /// What arrived.
    pub witness: Capture,
}

impl<F> Watched<F> {
    /// What has arrived so far, oldest first.
    ///
    /// # Errors
    /// When the witness lost frames: then it proves nothing.
    pub fn arrived(&self) -> Result<Vec<Sighting>> {
        ensure!(
            self.witness.lost() == 0,
            "the witness lost {} frames",
            self.witness.lost()
        );
        Ok(self.witness.sightings(&self.nonce))
    }

    /// Numbers that did not arrive between the first and the last that did.
    ///
    /// # Errors
    /// As [`Watched::arrived`], and when nothing arrived.
    pub fn gaps(&self) -> Result<Vec<u64>> {
        let numbers: std::collections::BTreeSet<u64> =
            self.arrived()?.iter().map(|one| one.stamp.number).collect();
        let (first, last) = (numbers.first(), numbers.last());
        let (Some(&first), Some(&last)) = (first, last) else {
            anyhow::bail!("nothing arrived")
        };
        Ok((first..=last)
            .filter(|number| !numbers.contains(number))
            .collect())
    }
}

/// The client's address of the family of `host`.
///
/// # Errors
/// When it is not connected.
pub fn address(client: &Client, host: IpAddr) -> Result<IpAddr> {
    Ok(match host {
        IpAddr::V4(_) => client.ip4()?.into(),
        IpAddr::V6(_) => client.ip6()?.into(),
    })
}

/// Whether a datagram of the client comes back from the echo of a host. Sent three times, as a lossy network asks for.
///
/// # Errors
/// When the client has no socket to send from.
pub fn reaches(client: &Client, host: IpAddr) -> Result<bool> {
    let source = address(client, host)?;
    let socket = client.namespace().enter(|| {
        let socket = UdpSocket::bind((source, 0))?;
        socket.connect((host, ECHO_PORT))?;
        Ok(socket)
    })?;
    socket.set_read_timeout(Some(ECHO / 3))?;
    let nonce = Nonce::draw()?;
    let mut echoed = [0; 16];
    for _ in 0..3 {
        // A gate that refuses is told of by the next call.
        if socket.send(nonce.as_bytes()).is_err() {
            continue;
        }
        if socket.recv(&mut echoed).is_ok() && echoed == *nonce.as_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the client reaches the internet by both families (`Some(true)`), by none, or by one only (`None`).
///
/// # Errors
/// As [`reaches`].
pub fn online(client: &Client) -> Result<Option<bool>> {
    let [v4, v6] = [reaches(client, HOSTS[0])?, reaches(client, HOSTS[1])?];
    Ok((v4 == v6).then_some(v4))
}
