//! The witness: captures on both sides of the gate, from which alone a step about packets is judged.
//!
//! It stands where the daemon has no say: on the internet's wire and on each device's own interface.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail};

use super::mark::{Family, Run, Stream, Way};
use super::trail::{Seen, Trail};
use crate::lab::site::{ISP, WLAN};
use crate::lab::{Capture, Filter, Frame, Lab};

/// How long a frame may take from the wire into these records.
const SETTLE: Duration = Duration::from_millis(80);

/// What devices ask for before they have addresses, and what they are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Greetings {
    /// DHCP messages that the device sent.
    pub(super) dhcp_sent: usize,
    /// DHCP messages that it was sent.
    pub(super) dhcp_received: usize,
    /// Router advertisements that it was sent.
    pub(super) advertisements: usize,
}

#[derive(Debug, Default)]
struct Records {
    trails: BTreeMap<Stream, Trail>,
    greetings: BTreeMap<usize, Greetings>,
    /// TCP frames that reached the internet.
    connections: usize,
}

/// The captures of a lab and what they have seen of a run.
#[derive(Debug)]
pub(super) struct Witness {
    run: Run,
    internet: Capture,
    devices: Vec<(usize, Capture)>,
    records: Mutex<Records>,
}

impl Witness {
    /// Watches the internet's interface and those of all clients.
    ///
    /// # Errors
    /// As [`Capture::start`].
    pub(super) fn start(lab: &Lab, run: Run) -> Result<Self> {
        let device = |client: &crate::lab::Client| {
            let capture = Capture::start(client.namespace(), WLAN, Filter::All)?;
            Ok((client.number(), capture))
        };
        Ok(Self {
            run,
            internet: Capture::start(lab.internet(), ISP, Filter::All)?,
            devices: lab.clients().iter().map(device).collect::<Result<_>>()?,
            records: Mutex::default(),
        })
    }

    /// Writes down what the captures have seen since the last call.
    pub(super) fn look(&self) {
        let mut records = self.records();
        for frame in self.internet.take() {
            records.at_internet(&self.run, &frame);
        }
        for (device, capture) in &self.devices {
            for frame in capture.take() {
                records.at_device(&self.run, *device, &frame);
            }
        }
    }

    /// Waits until everything that has happened is written down.
    ///
    /// # Errors
    /// When a capture lost frames: then it proves no absence.
    pub(super) fn settle(&self) -> Result<()> {
        std::thread::sleep(SETTLE);
        self.look();
        let devices = self.devices.iter().map(|(_, capture)| capture.lost());
        let lost: u64 = self.internet.lost() + devices.sum::<u64>();
        if lost > 0 {
            bail!("the captures had no room for {lost} frames, so they prove nothing");
        }
        Ok(())
    }

    /// A copy of a stream's trail.
    #[must_use]
    pub(super) fn trail(&self, stream: Stream) -> Trail {
        self.records().trails.get(&stream).cloned().unwrap_or_default()
    }

    /// The first packet of a device at the internet since `start`, and the last of all.
    #[must_use]
    pub(super) fn span(&self, device: usize, start: Duration) -> Option<(Duration, Duration)> {
        let (way, family) = (Way::Up, Family::Four);
        let trail = self.trail(Stream { device, way, family });
        let first = trail.far.iter().find(|seen| seen.at >= start)?;
        Some((first.at, trail.far.last()?.at))
    }

    /// All of a device's packets so far: sent toward the gate, and come through it.
    #[must_use]
    pub(super) fn totals(&self, device: usize) -> (usize, usize) {
        let records = self.records();
        let own = records
            .trails
            .iter()
            .filter(|(stream, _)| stream.device == device && stream.way != Way::Page);
        own.fold((0, 0), |(near, far), (_, trail)| {
            (near + trail.near.len(), far + trail.far.len())
        })
    }

    /// What a device asked for at its arrival.
    #[must_use]
    pub(super) fn greetings(&self, device: usize) -> Greetings {
        self.records().greetings.get(&device).copied().unwrap_or_default()
    }

    /// TCP frames that have reached the internet.
    #[must_use]
    pub(super) fn connections(&self) -> usize {
        self.records().connections
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    fn at_internet(&mut self, run: &Run, frame: &Frame) {
        if !frame.outgoing && is_tcp(&frame.data) {
            self.connections += 1;
        }
        let Some((stream, seen)) = read(run, frame) else {
            return;
        };
        let trail = self.trails.entry(stream).or_default();
        match (stream.way, frame.outgoing) {
            (Way::Up, false) => trail.far.push(seen),
            (Way::Down | Way::Page, true) => trail.near.push(seen),
            _ => {}
        }
    }

    fn at_device(&mut self, run: &Run, device: usize, frame: &Frame) {
        let Some((stream, seen)) = read(run, frame) else {
            self.greeting(device, frame);
            return;
        };
        if stream.device != device {
            return;
        }
        let trail = self.trails.entry(stream).or_default();
        match (stream.way, frame.outgoing) {
            (Way::Up, true) => trail.near.push(seen),
            (Way::Down | Way::Page, false) => trail.far.push(seen),
            _ => {}
        }
    }

    fn greeting(&mut self, device: usize, frame: &Frame) {
        let greetings = self.greetings.entry(device).or_default();
        match (greeting(&frame.data), frame.outgoing) {
            (Some(Greeting::Dhcp), true) => greetings.dhcp_sent += 1,
            (Some(Greeting::Dhcp), false) => greetings.dhcp_received += 1,
            (Some(Greeting::Advertisement), false) => greetings.advertisements += 1,
            _ => {}
        }
    }
}

fn read(run: &Run, frame: &Frame) -> Option<(Stream, Seen)> {
    let (stream, rest) = run.read(&frame.data)?;
    let number = match stream.way {
        Way::Page => 0,
        Way::Up | Way::Down => u64::from_be_bytes(*rest.first_chunk()?),
    };
    let seen = Seen {
        at: frame.at,
        number,
        length: frame.length,
    };
    Some((stream, seen))
}

enum Greeting {
    Dhcp,
    Advertisement,
}

fn greeting(frame: &[u8]) -> Option<Greeting> {
    const UDP: u8 = 17;
    const ICMP6: u8 = 58;
    match frame.get(12..14)? {
        [0x08, 0x00] if frame.get(14) == Some(&0x45) && frame.get(23) == Some(&UDP) => {
            matches!(frame.get(34..38)?, [0, 67, 0, 68] | [0, 68, 0, 67]).then_some(Greeting::Dhcp)
        }
        [0x86, 0xdd] if frame.get(20) == Some(&ICMP6) => {
            (frame.get(54) == Some(&134)).then_some(Greeting::Advertisement)
        }
        _ => None,
    }
}

fn is_tcp(frame: &[u8]) -> bool {
    const TCP: u8 = 6;
    match frame.get(12..14) {
        Some([0x08, 0x00]) => frame.get(23) == Some(&TCP),
        Some([0x86, 0xdd]) => frame.get(20) == Some(&TCP),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_the_gate_are_told_apart() {
        let run = Run::draw().unwrap();
        let (way, family) = (Way::Up, Family::Four);
        let stream = Stream {
            device: 3,
            way,
            family,
        };
        let mut data = run.mark(stream).as_bytes().to_vec();
        data.extend(9_u64.to_be_bytes());
        let mut frame = Frame {
            at: Duration::from_millis(9),
            outgoing: true,
            length: 60,
            data,
        };
        let mut records = Records::default();
        records.at_device(&run, 3, &frame);
        records.at_device(&run, 4, &frame);
        records.at_internet(&run, &frame);
        assert_eq!(
            (
                records.trails[&stream].near.len(),
                records.trails[&stream].far.len()
            ),
            (1, 0)
        );
        frame.outgoing = false;
        records.at_internet(&run, &frame);
        assert_eq!(records.trails[&stream].far, [Seen::of(9)]);
    }
}
