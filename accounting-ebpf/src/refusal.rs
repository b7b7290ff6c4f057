//! What a refused stranger is told, so that a page that was cut off fails at once instead of hanging: a TCP reset, or
//! ICMP's "administratively prohibited" for UDP.
//!
//! One frame is answered by at most one frame, to the MAC address it came from, and within the strangers' budget. Only
//! plain frames are answered, of one host to another; never resets, and never ICMP.

use crate::frame::{Ethernet, IPV4, IPV6, TCP, UDP};
use crate::window::Window;

/// Bytes of each answer.
pub const RESET4: usize = 14 + 20 + 20;
/// See [`RESET4`].
pub const RESET6: usize = 14 + 40 + 20;
/// With the header and eight bytes of what it answers, as RFC 792 has it.
pub const UNREACHABLE4: usize = 14 + 20 + 8 + 28;
/// With the same of what it answers.
pub const UNREACHABLE6: usize = 14 + 40 + 8 + 48;

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;
/// Time to live of answers.
const HOPS: u8 = 64;
/// Destination unreachable: communication administratively prohibited.
const PROHIBITED4: u16 = 3 << 8 | 13;
const PROHIBITED6: u16 = 1 << 8 | 1;

/// Which answer a frame gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// [`reset4`].
    Reset4,
    /// [`reset6`].
    Reset6,
    /// [`unreachable4`].
    Unreachable4,
    /// [`unreachable6`].
    Unreachable6,
}

impl Refusal {
    /// The answer to a frame; `None` for one that gets none.
    #[inline(always)]
    #[must_use]
    pub fn to(ethernet: Ethernet, window: Window<'_>) -> Option<Self> {
        if ethernet.destination.is_group() || ethernet.source.is_group() {
            return None;
        }
        match ethernet.kind {
            IPV4 => to4(window),
            IPV6 => to6(window),
            _ => None,
        }
    }
}

#[inline(always)]
fn to4(window: Window<'_>) -> Option<Refusal> {
    let frame = window.header::<42>()?;
    let (source, destination) = (frame.word::<26>().to_be(), frame.word::<30>().to_be());
    // A fragment has no ports, and the rest of one cannot be answered.
    if frame.byte::<14>() != 0x45
        || frame.short::<20>() & 0x3fff != 0
        || !is_host4(source)
        || !is_host4(destination)
    {
        return None;
    }
    match frame.byte::<23>() {
        UDP => Some(Refusal::Unreachable4),
        TCP => {
            let frame = window.header::<RESET4>()?;
            (frame.byte::<47>() & RST == 0).then_some(Refusal::Reset4)
        }
        _ => None,
    }
}

#[inline(always)]
fn to6(window: Window<'_>) -> Option<Refusal> {
    let frame = window.header::<62>()?;
    let unspecified = frame.word::<22>() | frame.word::<26>() | frame.word::<30>() | frame.word::<34>() == 0;
    if frame.byte::<14>() >> 4 != 6 || unspecified || frame.byte::<22>() == 0xff || frame.byte::<38>() == 0xff
    {
        return None;
    }
    match frame.byte::<20>() {
        UDP => Some(Refusal::Unreachable6),
        TCP => {
            let frame = window.header::<RESET6>()?;
            (frame.byte::<67>() & RST == 0).then_some(Refusal::Reset6)
        }
        _ => None,
    }
}

/// Neither 0.0.0.0/8, nor loopback, multicast, reserved or broadcast.
#[inline(always)]
const fn is_host4(address: u32) -> bool {
    let first = address >> 24;
    first != 0 && first != 127 && first < 224
}

/// Turns a TCP segment in IPv4, for which [`Refusal::to`] gave [`Refusal::Reset4`], into its answer. Nothing is built beside the
/// frame: the stack of a program is small.
#[inline(always)]
pub fn reset4(frame: &mut [u8; RESET4]) {
    let mut answer = Answer(frame);
    let payload = u32::from(answer.read::<16>())
        .wrapping_sub(20)
        .wrapping_sub(u32::from(answer.0[46] >> 4) * 4);
    let (source, destination) = (answer.read32::<30>(), answer.read32::<26>());
    answer.turn_around();
    answer.ipv4(40, TCP, source, destination);
    let pseudo = halves(source) + halves(destination) + u32::from(TCP) + 20;
    answer.reset::<34>(payload & 0xffff, pseudo);
}

/// The same in IPv6.
#[inline(always)]
pub fn reset6(frame: &mut [u8; RESET6]) {
    let mut answer = Answer(frame);
    let payload = u32::from(answer.read::<18>()).wrapping_sub(u32::from(answer.0[66] >> 4) * 4);
    answer.turn_around();
    let addresses = answer.ipv6::<22>(20, TCP);
    answer.reset::<54>(payload & 0xffff, addresses + u32::from(TCP) + 20);
}

/// Answers a UDP datagram in IPv4. What is quoted, from the IP header on, is already where it belongs, at the frame's end;
/// `asked` is the Ethernet header that stood before it.
#[inline(always)]
pub fn unreachable4(frame: &mut [u8; UNREACHABLE4], asked: Ethernet) {
    let mut answer = Answer(frame);
    answer.ethernet(asked, IPV4);
    let (source, destination) = (answer.read32::<58>(), answer.read32::<54>());
    answer.ipv4(56, ICMP, source, destination);
    let quoted = answer.sum::<42, 28>();
    answer.prohibit::<34>(PROHIBITED4, quoted);
}

/// The same in IPv6.
#[inline(always)]
pub fn unreachable6(frame: &mut [u8; UNREACHABLE6], asked: Ethernet) {
    let mut answer = Answer(frame);
    answer.ethernet(asked, IPV6);
    let addresses = answer.ipv6::<70>(56, ICMPV6);
    let quoted = answer.sum::<62, 48>();
    answer.prohibit::<54>(PROHIBITED6, addresses + u32::from(ICMPV6) + 56 + quoted);
}

/// An answer under construction.
struct Answer<'a, const N: usize>(&'a mut [u8; N]);

impl<const N: usize> Answer<'_, N> {
    #[inline(always)]
    const fn read<const AT: usize>(&self) -> u16 {
        const { assert!(AT + 2 <= N) };
        u16::from_be_bytes([self.0[AT], self.0[AT + 1]])
    }

    #[inline(always)]
    const fn read32<const AT: usize>(&self) -> u32 {
        const { assert!(AT + 4 <= N) };
        (self.read::<AT>() as u32) << 16 | u16::from_be_bytes([self.0[AT + 2], self.0[AT + 3]]) as u32
    }

    #[inline(always)]
    const fn write<const AT: usize>(&mut self, value: u16) {
        const { assert!(AT + 2 <= N) };
        let [high, low] = value.to_be_bytes();
        self.0[AT] = high;
        self.0[AT + 1] = low;
    }

    #[inline(always)]
    const fn write32<const AT: usize>(&mut self, value: u32) {
        const { assert!(AT + 4 <= N) };
        let [a, b, c, d] = value.to_be_bytes();
        self.0[AT] = a;
        self.0[AT + 1] = b;
        self.0[AT + 2] = c;
        self.0[AT + 3] = d;
    }

    /// The sum of `LENGTH` bytes as 16-bit numbers.
    #[inline(always)]
    const fn sum<const AT: usize, const LENGTH: usize>(&self) -> u32 {
        const { assert!(AT + LENGTH <= N && LENGTH.is_multiple_of(2)) };
        let (mut total, mut at) = (0, AT);
        while at < AT + LENGTH {
            total += u16::from_be_bytes([self.0[at], self.0[at + 1]]) as u32;
            at += 2;
        }
        total
    }

    /// Sends the frame back to whom it came from.
    #[inline(always)]
    const fn turn_around(&mut self) {
        let (high, low) = (self.read32::<0>(), self.read::<4>());
        let (from, from_low) = (self.read32::<6>(), self.read::<10>());
        self.write32::<0>(from);
        self.write::<4>(from_low);
        self.write32::<6>(high);
        self.write::<10>(low);
    }

    #[inline(always)]
    const fn ethernet(&mut self, asked: Ethernet, kind: u16) {
        let [a, b, c, d, e, f, ..] = asked.source.0.to_le_bytes();
        self.write32::<0>(u32::from_be_bytes([a, b, c, d]));
        self.write::<4>(u16::from_be_bytes([e, f]));
        let [a, b, c, d, e, f, ..] = asked.destination.0.to_le_bytes();
        self.write32::<6>(u32::from_be_bytes([a, b, c, d]));
        self.write::<10>(u16::from_be_bytes([e, f]));
        self.write::<12>(kind);
    }

    #[inline(always)]
    const fn ipv4(&mut self, length: u16, protocol: u8, source: u32, destination: u32) {
        let hops = (HOPS as u16) << 8 | protocol as u16;
        self.write::<14>(0x4500);
        self.write::<16>(length);
        self.write32::<18>(0);
        self.write::<22>(hops);
        let fixed = 0x4500 + length as u32 + hops as u32;
        self.write::<24>(fold(fixed + halves(source) + halves(destination)));
        self.write32::<26>(source);
        self.write32::<30>(destination);
    }

    /// Writes an IPv6 header with the addresses that stand at `FROM`, turned around, and gives their sum.
    #[inline(always)]
    const fn ipv6<const FROM: usize>(&mut self, length: u16, next: u8) -> u32 {
        const { assert!(FROM + 32 <= N) };
        self.write32::<14>(0x6000_0000);
        self.write::<18>(length);
        self.write::<20>((next as u16) << 8 | HOPS as u16);
        let (mut total, mut at) = (0, 0);
        while at < 16 {
            let source = [self.0[FROM + at], self.0[FROM + at + 1]];
            let destination = [self.0[FROM + 16 + at], self.0[FROM + 17 + at]];
            total += u16::from_be_bytes(source) as u32 + u16::from_be_bytes(destination) as u32;
            self.0[22 + at] = destination[0];
            self.0[23 + at] = destination[1];
            self.0[38 + at] = source[0];
            self.0[39 + at] = source[1];
            at += 2;
        }
        total
    }

    /// RFC 9293, 3.10.7.1: in the sequence of what the device expects, else acknowledging all it sent. The segment's header is at
    /// `AT`.
    #[inline(always)]
    fn reset<const AT: usize>(&mut self, payload: u32, pseudo: u32) {
        const { assert!(AT + 20 == N) };
        let number = |at: usize| {
            let high = u16::from_be_bytes([self.0[at], self.0[at + 1]]);
            u32::from(high) << 16 | u32::from(u16::from_be_bytes([self.0[at + 2], self.0[at + 3]]))
        };
        let ports = number(AT).rotate_left(16);
        let flags = self.0[AT + 13];
        let (sequence, acknowledged, answer) = if flags & ACK == 0 {
            let controls = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            let next = number(AT + 4).wrapping_add(payload).wrapping_add(controls);
            (0, next, RST | ACK)
        } else {
            (number(AT + 8), 0, RST)
        };
        let offset_and_flags = 5 << 12 | u32::from(answer);
        let sum = pseudo + halves(ports) + halves(sequence) + halves(acknowledged) + offset_and_flags;
        let words = [
            ports,
            sequence,
            acknowledged,
            offset_and_flags << 16,
            u32::from(fold(sum)) << 16,
        ];
        let mut put = |at: usize, word: u32| {
            let [a, b, c, d] = word.to_be_bytes();
            (self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]) = (a, b, c, d);
        };
        put(AT, words[0]);
        put(AT + 4, words[1]);
        put(AT + 8, words[2]);
        put(AT + 12, words[3]);
        put(AT + 16, words[4]);
    }

    /// Writes the header of an ICMP message at `AT`; `rest` is the sum of what else the checksum covers.
    #[inline(always)]
    fn prohibit<const AT: usize>(&mut self, kind: u16, rest: u32) {
        let checksum = fold(rest + u32::from(kind));
        let [a, b] = kind.to_be_bytes();
        let [c, d] = checksum.to_be_bytes();
        (self.0[AT], self.0[AT + 1], self.0[AT + 2], self.0[AT + 3]) = (a, b, c, d);
        (self.0[AT + 4], self.0[AT + 5], self.0[AT + 6], self.0[AT + 7]) = (0, 0, 0, 0);
    }
}

/// The sum of the two halves of a word.
#[inline(always)]
const fn halves(word: u32) -> u32 {
    (word >> 16) + (word & 0xffff)
}

/// The Internet checksum of a sum of fewer than 65,536 numbers.
#[inline(always)]
const fn fold(sum: u32) -> u16 {
    let once = (sum >> 16) + (sum & 0xffff);
    !((((once >> 16) + (once & 0xffff)) & 0xffff) as u16)
}
