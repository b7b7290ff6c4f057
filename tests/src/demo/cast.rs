//! Who plays: the devices, and the traffic that each of them makes all the time, let through or not.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::Result;

use super::mark::{Family, Run, Stream, Way};
use crate::lab::site::{INTERNET_IP4, INTERNET_IP6, WAN_IP4};
use crate::lab::{Client, DISCARD_PORT, Flow, Lab, Pace};

/// The device that the story is about.
pub(super) const PHONE: usize = 1;
/// The second device on the same code.
pub(super) const LAPTOP: usize = 2;
/// Has a code of its own, worth an hour.
pub(super) const GUEST: usize = 3;
/// Never pays.
pub(super) const STRANGER: usize = 4;
/// The first of the family; the rest of the lab's clients follow.
pub(super) const FAMILY: usize = 5;

/// Minutes of the guest's code.
pub(super) const GUEST_MINUTES: u64 = 60;

/// Datagrams a second of each of the phone's and the guest's streams: one a millisecond, so that an end is seen to the
/// millisecond.
const FINE: u32 = 1_000;
/// Of the others'.
const COARSE: u32 = 100;
/// Ends a stream that nobody stopped.
const SECONDS_MAX: u32 = 180;
/// Where a device takes what the internet sends it.
const PORT: u16 = 5_000;

/// What a device is called.
#[must_use]
pub(super) fn name(number: usize) -> String {
    match number {
        PHONE => "phone".into(),
        LAPTOP => "laptop".into(),
        GUEST => "guest".into(),
        STRANGER => "stranger".into(),
        _ => format!("family {}", number + 1 - FAMILY),
    }
}

/// The streams that a device makes, with datagrams a second.
#[must_use]
pub(super) fn streams(number: usize) -> Vec<(Stream, u32)> {
    use {Family::*, Way::*};
    let (all, rate): (&[(Way, Family)], u32) = match number {
        PHONE => (&[(Up, Four), (Down, Four), (Up, Six), (Down, Six)], FINE),
        GUEST => (&[(Up, Four), (Down, Six)], FINE),
        LAPTOP | STRANGER => (&[(Up, Four), (Down, Four), (Up, Six), (Down, Six)], COARSE),
        _ => (&[(Up, Four)], COARSE),
    };
    let stream = |&(way, family)| Stream {
        device: number,
        way,
        family,
    };
    all.iter().map(|one| (stream(one), rate)).collect()
}

/// The traffic of devices; dropping ends it.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    flows: Vec<Flow>,
    /// Open, so that the devices do not answer that nobody listens.
    sinks: Vec<UdpSocket>,
}

impl Traffic {
    /// Lets the internet reach devices unasked, over IPv4 too: whether a download stops is then no matter of a
    /// translation that the device's own packets keep alive.
    ///
    /// # Errors
    /// When the kernel refuses the route.
    pub(super) fn prepare(lab: &Lab) -> Result<()> {
        lab.internet()
            .ip(&format!("route add 10.77.0.0/24 via {WAN_IP4}\n"))
    }

    /// Starts all streams of a device, which must have its addresses.
    ///
    /// # Errors
    /// When it has none.
    pub(super) fn start(&mut self, lab: &Lab, run: &Run, client: &Client) -> Result<()> {
        let own: [IpAddr; 2] = [client.ip4()?.into(), client.ip6()?.into()];
        for address in own {
            let sink = client
                .namespace()
                .enter(|| Ok(UdpSocket::bind((address, PORT))?))?;
            self.sinks.push(sink);
        }
        for (stream, rate) in streams(client.number()) {
            let pace = Pace {
                rate,
                count: u64::from(rate * SECONDS_MAX),
                ..Pace::steady(run.mark(stream))
            };
            let (own, server): (IpAddr, IpAddr) = match stream.family {
                Family::Four => (own[0], INTERNET_IP4.into()),
                Family::Six => (own[1], INTERNET_IP6.into()),
            };
            let flow = match stream.way {
                Way::Down => Flow::start(lab.internet(), server, SocketAddr::new(own, PORT), pace),
                _ => Flow::start(
                    client.namespace(),
                    own,
                    SocketAddr::new(server, DISCARD_PORT),
                    pace,
                ),
            };
            self.flows.push(flow?);
        }
        Ok(())
    }
}
