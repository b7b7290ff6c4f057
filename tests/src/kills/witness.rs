//! The packets: a steady flow of the paying client, seen on the internet, and single requests of the others.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::Client;
use crate::clock;
use crate::lab::{
    Capture, DISCARD_PORT, Filter, Flow, HTTP_PORTS, Lab, Nonce, Pace, Request,
    site::{INTERNET_IP4, ISP},
};

/// How long a client asks. A gate that drops takes all of it.
const ASK: Duration = Duration::from_millis(250);

/// What is on its way may take so long.
const ON_THE_WAY: Duration = Duration::from_millis(200);

/// 1,000 packets a second from a client, and who counts them.
pub(super) struct Witness {
    flow: Flow,
    capture: Capture,
    nonce: Nonce,
}

impl Witness {
    pub(super) fn start(lab: &Lab, client: &Client) -> Result<Self> {
        let nonce = Nonce::draw()?;
        let capture = Capture::start(lab.internet(), ISP, Filter::Nonce(nonce))?;
        let to = SocketAddr::new(INTERNET_IP4.into(), DISCARD_PORT);
        let from = client.ip4()?.into();
        let flow = Flow::start(client.namespace(), from, to, Pace::steady(nonce))?;
        Ok(Self { flow, capture, nonce })
    }

    /// Ends the flow; how many packets it had, all of which arrived.
    pub(super) fn all_arrived(self) -> Result<u64> {
        let sent = self.flow.stop();
        clock::sleep_until(clock::monotonic() + ON_THE_WAY);
        let seen = self.capture.sightings(&self.nonce);
        let arrived = u64::try_from(seen.iter().filter(|seen| !seen.outgoing).count())?;
        drop(self.capture.stop());
        ensure!(
            sent == arrived,
            "the paying client sent {sent} packets, {arrived} arrived"
        );
        Ok(sent)
    }
}

/// Whether a client reaches the internet, and the internet the client. Not port 80, where strangers meet the portal.
pub(super) fn passes(client: &Client) -> bool {
    let server = SocketAddr::new(INTERNET_IP4.into(), HTTP_PORTS[1]);
    let request = Request::new(client.namespace(), server, "GET", "/");
    request.limit(ASK).send().is_ok()
}
