//! The nonce of the run, and the mark on each packet of the demo: which run, which device, which way.

use std::fmt;

use anyhow::{Result, bail};

use crate::lab::Nonce;

/// Letters of the run in a mark; the other six name the stream.
const RUN: usize = 10;

/// Random letters that all packets of one run carry, and no other run's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run([u8; RUN]);

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Family {
    /// IPv4.
    Four,
    /// IPv6.
    Six,
}

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Way {
    /// From the device to the internet, stamped datagrams.
    Up,
    /// From the internet to the device, stamped datagrams.
    Down,
    /// From the internet to the device, over a connection that the device made.
    Page,
}

/// All packets of one device, one way, in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Stream {
    /// The number of the lab's client, 1 to 99.
    pub(super) device: usize,
    /// Which way.
    pub(super) way: Way,
    /// Which family.
    pub(super) family: Family,
}

impl Run {
    /// Draws the letters.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub(super) fn draw() -> Result<Self> {
        let nonce = Nonce::draw()?;
        let Some((letters, _)) = nonce.as_bytes().split_first_chunk() else {
            bail!("a nonce is shorter than the name of a run")
        };
        Ok(Self(*letters))
    }

    /// What each packet of the stream carries in this run.
    #[must_use]
    pub(super) fn mark(&self, stream: Stream) -> Nonce {
        let way = match stream.way {
            Way::Up => b'u',
            Way::Down => b'd',
            Way::Page => b'p',
        };
        let family = match stream.family {
            Family::Four => b'4',
            Family::Six => b'6',
        };
        let digit = |number: usize| b'0' + u8::try_from(number % 10).unwrap_or(0);
        let (tens, ones) = (digit(stream.device / 10), digit(stream.device));
        let mut bytes = [b'.'; 16];
        bytes[..RUN].copy_from_slice(&self.0);
        bytes[RUN..].copy_from_slice(&[b'.', tens, ones, way, family, b'.']);
        Nonce::from_bytes(bytes)
    }

    /// Reads the mark of this run in a frame, wherever it begins; gives the stream and what follows the mark.
    #[must_use]
    pub(super) fn read<'a>(&self, frame: &'a [u8]) -> Option<(Stream, &'a [u8])> {
        let at = match datagram(frame) {
            Some(at) if frame.get(at..at + RUN) == Some(&self.0) => at,
            _ => frame
                .array_windows::<RUN>()
                .position(|window| *window == self.0)?,
        };
        let (name, rest) = frame.get(at + RUN..)?.split_first_chunk::<6>()?;
        let [b'.', tens @ b'0'..=b'9', ones @ b'0'..=b'9', way, family, b'.'] = *name else {
            return None;
        };
        let stream = Stream {
            device: usize::from(tens - b'0') * 10 + usize::from(ones - b'0'),
            way: match way {
                b'u' => Way::Up,
                b'd' => Way::Down,
                b'p' => Way::Page,
                _ => return None,
            },
            family: match family {
                b'4' => Family::Four,
                b'6' => Family::Six,
                _ => return None,
            },
        };
        Some((stream, rest))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Four => "IPv4",
            Self::Six => "IPv6",
        })
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Page => "page",
        })
    }
}

/// Where the payload of a UDP datagram without options begins, so that most frames need no search.
fn datagram(frame: &[u8]) -> Option<usize> {
    match (frame.get(12..14)?, frame.get(14)?) {
        ([0x08, 0x00], 0x45) => Some(14 + 20 + 8),
        ([0x86, 0xdd], _) => Some(14 + 40 + 8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_wherever_it_stands() {
        let run = Run::draw().unwrap();
        for way in [Way::Up, Way::Down, Way::Page] {
            for family in [Family::Four, Family::Six] {
                let device = 47;
                let stream = Stream { device, way, family };
                for offset in [0, 42, 61] {
                    let mut frame = vec![0; 100];
                    frame[12..15].copy_from_slice(&[8, 0, 0x45]);
                    frame[offset..offset + 16].copy_from_slice(run.mark(stream).as_bytes());
                    let (read, rest) = run.read(&frame).unwrap();
                    assert_eq!((read, rest.len()), (stream, 100 - offset - 16));
                }
            }
        }
    }

    #[test]
    fn another_run_is_not_read() {
        let (run, other) = (Run::draw().unwrap(), Run([b'x'; RUN]));
        let (way, family) = (Way::Up, Family::Four);
        let mark = other.mark(Stream {
            device: 1,
            way,
            family,
        });
        assert_eq!(run.read(mark.as_bytes()), None);
    }
}
