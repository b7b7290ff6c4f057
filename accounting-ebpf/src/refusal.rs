//! What a refused stranger is told, so that a page that was cut off fails at once instead of hanging: a TCP reset, or
//! ICMP's "administratively prohibited" for UDP.
//!
//! One frame is answered by at most one frame, to the MAC address it came from, and within the strangers' budget. Only
//! plain frames are answered, of one host to another; never resets, and never ICMP.

use crate::frame::{Ethernet, IPV4, IPV6, TCP, UDP};
use crate::window::{Header, Window};

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

/// The answer to a TCP segment in IPv4, for which [`Refusal::to`] gave [`Refusal::Reset4`].
#[inline(always)]
#[must_use]
pub fn reset4(frame: Header<'_, RESET4>) -> [u8; RESET4] {
    let mut answer = Answer([0; RESET4]);
    answer.ethernet(frame.mac::<0>(), frame.mac::<6>(), IPV4);
    let (source, destination) = (frame.word::<30>(), frame.word::<26>());
    answer.ipv4(40, TCP, source, destination);
    let payload = u32::from(frame.short::<16>())
        .wrapping_sub(20)
        .wrapping_sub(u32::from(frame.byte::<46>() >> 4) * 4);
    let segment = Segment {
        ports: (frame.short::<34>(), frame.short::<36>()),
        sequence: frame.word::<38>().to_be(),
        acknowledged: frame.word::<42>().to_be(),
        flags: frame.byte::<47>(),
        payload: payload & 0xffff,
    };
    let pseudo = sum_of(source) + sum_of(destination) + u32::from(TCP) + 20;
    answer.reset::<34>(segment, pseudo);
    answer.0
}

/// The answer to a TCP segment in IPv6.
#[inline(always)]
#[must_use]
pub fn reset6(frame: Header<'_, RESET6>) -> [u8; RESET6] {
    let mut answer = Answer([0; RESET6]);
    answer.ethernet(frame.mac::<0>(), frame.mac::<6>(), IPV6);
    answer.ipv6(20, TCP);
    let pseudo = answer.turn6(frame.words::<22>(), frame.words::<38>()) + u32::from(TCP) + 20;
    let payload = u32::from(frame.short::<18>()).wrapping_sub(u32::from(frame.byte::<66>() >> 4) * 4);
    let segment = Segment {
        ports: (frame.short::<54>(), frame.short::<56>()),
        sequence: frame.word::<58>().to_be(),
        acknowledged: frame.word::<62>().to_be(),
        flags: frame.byte::<67>(),
        payload: payload & 0xffff,
    };
    answer.reset::<54>(segment, pseudo);
    answer.0
}

/// The answer to a UDP datagram in IPv4.
#[inline(always)]
#[must_use]
pub fn unreachable4(frame: Header<'_, 42>) -> [u8; UNREACHABLE4] {
    let mut answer = Answer([0; UNREACHABLE4]);
    answer.ethernet(frame.mac::<0>(), frame.mac::<6>(), IPV4);
    answer.ipv4(56, ICMP, frame.word::<30>(), frame.word::<26>());
    answer.short::<34>(PROHIBITED4);
    let quoted: [u8; 28] = frame.bytes::<14, 28>();
    answer.quote::<42, 28>(quoted);
    answer.short::<36>(fold(u32::from(PROHIBITED4) + sum(&quoted)));
    answer.0
}

/// The answer to a UDP datagram in IPv6.
#[inline(always)]
#[must_use]
pub fn unreachable6(frame: Header<'_, 62>) -> [u8; UNREACHABLE6] {
    let mut answer = Answer([0; UNREACHABLE6]);
    answer.ethernet(frame.mac::<0>(), frame.mac::<6>(), IPV6);
    answer.ipv6(56, ICMPV6);
    let pseudo = answer.turn6(frame.words::<22>(), frame.words::<38>()) + u32::from(ICMPV6) + 56;
    answer.short::<54>(PROHIBITED6);
    let quoted: [u8; 48] = frame.bytes::<14, 48>();
    answer.quote::<62, 48>(quoted);
    answer.short::<56>(fold(pseudo + u32::from(PROHIBITED6) + sum(&quoted)));
    answer.0
}

/// What a reset depends on.
struct Segment {
    ports: (u16, u16),
    sequence: u32,
    acknowledged: u32,
    flags: u8,
    payload: u32,
}

/// An answer under construction.
struct Answer<const N: usize>([u8; N]);

impl<const N: usize> Answer<N> {
    #[inline(always)]
    fn short<const AT: usize>(&mut self, value: u16) {
        const { assert!(AT + 2 <= N) };
        let [high, low] = value.to_be_bytes();
        (self.0[AT], self.0[AT + 1]) = (high, low);
    }

    /// Bytes in the order of memory.
    #[inline(always)]
    fn word<const AT: usize>(&mut self, value: u32) {
        const { assert!(AT + 4 <= N) };
        let [a, b, c, d] = value.to_ne_bytes();
        (self.0[AT], self.0[AT + 1], self.0[AT + 2], self.0[AT + 3]) = (a, b, c, d);
    }

    /// From whom the frame was for, to whom it came from; MACs as [`Header::mac`] gives them.
    #[inline(always)]
    fn ethernet(&mut self, destination: u64, source: u64, kind: u16) {
        let (from, to) = (destination.to_le_bytes(), source.to_le_bytes());
        let mut at = 0;
        while at < 6 {
            self.0[at] = to[at];
            self.0[at + 6] = from[at];
            at += 1;
        }
        self.short::<12>(kind);
    }

    #[inline(always)]
    fn ipv4(&mut self, length: u16, protocol: u8, source: u32, destination: u32) {
        (self.0[14], self.0[22], self.0[23]) = (0x45, HOPS, protocol);
        self.short::<16>(length);
        self.word::<26>(source);
        self.word::<30>(destination);
        let fixed = 0x4500 + u32::from(length) + (u32::from(HOPS) << 8 | u32::from(protocol));
        self.short::<24>(fold(fixed + sum_of(source) + sum_of(destination)));
    }

    #[inline(always)]
    fn ipv6(&mut self, length: u16, next: u8) {
        (self.0[14], self.0[20], self.0[21]) = (0x60, next, HOPS);
        self.short::<18>(length);
    }

    /// Writes the addresses of an IPv6 answer, and gives their sum.
    #[inline(always)]
    fn turn6(&mut self, source: [u32; 4], destination: [u32; 4]) -> u32 {
        self.word::<22>(destination[0]);
        self.word::<26>(destination[1]);
        self.word::<30>(destination[2]);
        self.word::<34>(destination[3]);
        self.word::<38>(source[0]);
        self.word::<42>(source[1]);
        self.word::<46>(source[2]);
        self.word::<50>(source[3]);
        let all = |address: [u32; 4]| {
            sum_of(address[0]) + sum_of(address[1]) + sum_of(address[2]) + sum_of(address[3])
        };
        all(source) + all(destination)
    }

    /// RFC 9293, 3.10.7.1: in the sequence of what the device expects, else acknowledging all it sent. `TCP_AT` is where the
    /// header begins.
    #[inline(always)]
    fn reset<const TCP_AT: usize>(&mut self, segment: Segment, pseudo: u32) {
        let (sequence, acknowledged, flags) = if segment.flags & ACK == 0 {
            let controls = u32::from(segment.flags & SYN != 0) + u32::from(segment.flags & FIN != 0);
            let next = segment
                .sequence
                .wrapping_add(segment.payload)
                .wrapping_add(controls);
            (0, next, RST | ACK)
        } else {
            (segment.acknowledged, 0, RST)
        };
        let (from, to) = (segment.ports.1, segment.ports.0);
        let offset_and_flags = 5 << 12 | u16::from(flags);
        let sum = pseudo
            + u32::from(from)
            + u32::from(to)
            + (sequence >> 16)
            + (sequence & 0xffff)
            + (acknowledged >> 16)
            + (acknowledged & 0xffff)
            + u32::from(offset_and_flags);
        let mut header = [0u8; 20];
        let put = |header: &mut [u8; 20], at: usize, value: u16| {
            let [high, low] = value.to_be_bytes();
            (header[at], header[at + 1]) = (high, low);
        };
        put(&mut header, 0, from);
        put(&mut header, 2, to);
        put(&mut header, 4, (sequence >> 16) as u16);
        put(&mut header, 6, (sequence & 0xffff) as u16);
        put(&mut header, 8, (acknowledged >> 16) as u16);
        put(&mut header, 10, (acknowledged & 0xffff) as u16);
        put(&mut header, 12, offset_and_flags);
        put(&mut header, 16, fold(sum));
        self.quote::<TCP_AT, 20>(header);
    }

    #[inline(always)]
    fn quote<const AT: usize, const LENGTH: usize>(&mut self, bytes: [u8; LENGTH]) {
        const { assert!(AT + LENGTH <= N) };
        let mut at = 0;
        while at < LENGTH {
            self.0[AT + at] = bytes[at];
            at += 1;
        }
    }
}

/// The sum of the two halves of a word in wire order.
#[inline(always)]
const fn sum_of(word: u32) -> u32 {
    let word = u32::from_be(word);
    (word >> 16) + (word & 0xffff)
}

/// The sum of an even number of bytes as 16-bit numbers.
#[inline(always)]
fn sum<const N: usize>(bytes: &[u8; N]) -> u32 {
    let (mut total, mut at) = (0, 0);
    while at + 1 < N {
        total += u32::from(bytes[at]) << 8 | u32::from(bytes[at + 1]);
        at += 2;
    }
    total
}

/// The Internet checksum of a sum of fewer than 65,536 numbers.
#[inline(always)]
const fn fold(sum: u32) -> u16 {
    let once = (sum >> 16) + (sum & 0xffff);
    !((((once >> 16) + (once & 0xffff)) & 0xffff) as u16)
}
