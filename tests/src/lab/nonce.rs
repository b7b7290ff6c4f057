//! A nonce of the run, and the stamp that a measuring datagram carries: evidence that cannot be printed by what it judges.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result};

/// 16 random bytes, printable, so that they may stand in a URL as well as in a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; 16]);

impl Nonce {
    /// Draws a nonce.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn draw() -> Result<Self> {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).context("no randomness")?;
        Ok(Self(bytes.map(|byte| LETTERS[usize::from(byte % 32)])))
    }

    /// The nonce of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Where it begins in `data`.
    #[must_use]
    pub fn find(&self, data: &[u8]) -> Option<usize> {
        data.array_windows::<16>().position(|window| *window == self.0)
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

/// What a datagram of a flow carries: nonce, number, time of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Counted from 0 within a flow.
    pub number: u64,
    /// Monotonic time of sending.
    pub sent_at: Duration,
}

impl Stamp {
    /// Bytes of nonce and stamp: the smallest payload.
    pub const LENGTH: usize = 32;

    /// Writes nonce and stamp at the start of a payload of at least [`Self::LENGTH`] bytes.
    pub(super) fn write(self, nonce: &Nonce, payload: &mut [u8]) {
        let nanoseconds = u64::try_from(self.sent_at.as_nanos()).unwrap_or(u64::MAX);
        if let Some((head, _)) = payload.split_first_chunk_mut::<{ Self::LENGTH }>() {
            head[..16].copy_from_slice(nonce.as_bytes());
            head[16..24].copy_from_slice(&self.number.to_be_bytes());
            head[24..].copy_from_slice(&nanoseconds.to_be_bytes());
        }
    }

    /// The stamp behind `nonce` in a frame or payload, if it is there.
    #[must_use]
    pub fn find(nonce: &Nonce, data: &[u8]) -> Option<Self> {
        let stamp = data.get(nonce.find(data)? + 16..)?;
        let (number, rest) = stamp.split_first_chunk::<8>()?;
        let (nanoseconds, _) = rest.split_first_chunk::<8>()?;
        let sent_at = Duration::from_nanos(u64::from_be_bytes(*nanoseconds));
        Some(Self {
            number: u64::from_be_bytes(*number),
            sent_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_found_wherever_it_begins() {
        let nonce = Nonce::draw().unwrap();
        let stamp = Stamp {
            number: 7,
            sent_at: Duration::from_nanos(123_456_789_012),
        };
        let mut frame = vec![9; 60];
        stamp.write(&nonce, &mut frame[13..]);
        assert_eq!(Stamp::find(&nonce, &frame), Some(stamp));
        assert_eq!(Stamp::find(&nonce, &frame[..40]), None);
        assert_eq!(Stamp::find(&Nonce::from_bytes([1; 16]), &frame), None);
    }
}
