//! Flows of a hotspot's clients, each with a witness at its far end, and whether a client reaches the internet.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Hotspot;
use crate::lab::{
    Capture, Client, DISCARD_PORT, Download, ECHO_PORT, Filter, Flow, Nonce, Pace, Sighting,
    site::{INTERNET_IP4, INTERNET_IP6, ISP, WLAN},
};

/// The internet's host, in both families.
pub const HOSTS: [IpAddr; 2] = [IpAddr::V4(INTERNET_IP4), IpAddr::V6(INTERNET_IP6)];

/// How long an echo may take. A gate that drops takes all of it.
const ECHO: Duration = Duration::from_millis(400);

impl Hotspot {
    /// A flow from a client to the internet, and the witness there.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn uplink(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Flow>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(self.lab.internet(), ISP, Filter::Nonce(nonce))?;
        let to = SocketAddr::new(host, DISCARD_PORT);
        let flow = Flow::start(client.namespace(), address(client, host)?, to, pace(rate, nonce))?;
        Ok(Watched { flow, nonce, witness })
    }

    /// A flow from the internet to a client that asks for it, and the witness at the client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn downlink(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Download>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(client.namespace(), WLAN, Filter::Nonce(nonce))?;
        let flow = Download::start(
            client.namespace(),
            address(client, host)?,
            host,
            pace(rate, nonce),
        )?;
        Ok(Watched { flow, nonce, witness })
    }

    /// A flow from the internet to a client that has asked for nothing, and the witness at the client.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn unasked(&self, client: &Client, host: IpAddr, rate: u32) -> Result<Watched<Flow>> {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(client.namespace(), WLAN, Filter::Nonce(nonce))?;
        let to = SocketAddr::new(address(client, host)?, DISCARD_PORT);
        let flow = Flow::start(self.lab.internet(), host, to, pace(rate, nonce))?;
        Ok(Watched { flow, nonce, witness })
    }
}

fn pace(rate: u32, nonce: Nonce) -> Pace {
    Pace {
        rate,
        ..Pace::steady(nonce)
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
