//! What refused strangers are told, byte by byte, and whom nothing is told.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use std::net::IpAddr;

use accounting_ebpf::budget::LEARNING;
use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::layout::Port;
use accounting_ebpf::policy;
use accounting_ebpf::refusal::{Refusal, reset4, reset6, unreachable4, unreachable6};
use accounting_ebpf::verdict::Verdict;
use accounting_ebpf::window::Window;
use accounting_tests::model::Model;
use accounting_tests::packet::Packet;
use accounting_tests::world::{self, DEVICE, FAMILIES, Family, GATEWAY, V4, V6};

const ACK: u8 = 16;
const SYN: u8 = 2;
const FIN: u8 = 1;
const RST: u8 = 4;

/// The answer to a frame.
fn answer(frame: &[u8]) -> Option<Vec<u8>> {
    let window = Window::new(frame);
    let refusal = Refusal::to(Ethernet::read(window).unwrap(), window)?;
    let asked = Ethernet::read(window).unwrap();
    // As the kernel resizes the frame: `before` bytes more in front, and so many in all.
    fn resize<const N: usize>(frame: &[u8], before: usize) -> [u8; N] {
        let mut bytes = [vec![0xaa; before], frame.to_vec()].concat();
        bytes.resize(N, 0xaa);
        bytes.try_into().unwrap()
    }
    Some(match refusal {
        Refusal::Reset4 => {
            let mut answer = resize(frame, 0);
            reset4(&mut answer);
            answer.to_vec()
        }
        Refusal::Reset6 => {
            let mut answer = resize(frame, 0);
            reset6(&mut answer);
            answer.to_vec()
        }
        Refusal::Unreachable4 => {
            let mut answer = resize(frame, 28);
            unreachable4(&mut answer, asked);
            answer.to_vec()
        }
        Refusal::Unreachable6 => {
            let mut answer = resize(frame, 48);
            unreachable6(&mut answer, asked);
            answer.to_vec()
        }
    })
}

/// Where the transport header begins in a plain frame.
fn transport(family: &Family) -> usize {
    if family.device.is_ipv4() { 34 } else { 54 }
}

fn segment(family: &Family, flags: u8, payload: usize) -> Vec<u8> {
    let mut bytes = vec![0; 20 + payload];
    bytes[..2].copy_from_slice(&4000u16.to_be_bytes());
    bytes[2..4].copy_from_slice(&443u16.to_be_bytes());
    bytes[4..8].copy_from_slice(&0xffff_fff0_u32.to_be_bytes());
    bytes[8..12].copy_from_slice(&0x1234_5678_u32.to_be_bytes());
    (bytes[12], bytes[13]) = (5 << 4, flags);
    let frame = Packet::ip(family.device, family.foreign, 6, &bytes);
    frame.from(DEVICE).to(GATEWAY).bytes()
}

fn datagram(family: &Family) -> Packet {
    Packet::udp((family.device, 4000), (family.foreign, 443))
        .from(DEVICE)
        .to(GATEWAY)
}

fn sum(bytes: &[u8]) -> u32 {
    let pairs = bytes.chunks(2);
    pairs
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low)))
        .sum()
}

fn is_whole(sum: u32) -> bool {
    let once = (sum >> 16) + (sum & 0xffff);
    (once >> 16) + (once & 0xffff) == 0xffff
}

/// Addresses turned around, lengths and checksums right.
fn sound(family: &Family, answer: &[u8], protocol: u8) {
    let at = transport(family);
    assert_eq!((&answer[..6], &answer[6..12]), (&DEVICE[..], &GATEWAY[..]));
    let octets = |address: IpAddr| match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let addresses = [octets(family.foreign), octets(family.device)].concat();
    assert_eq!(answer[at - addresses.len()..at], addresses);
    let length = u32::try_from(answer.len() - at).unwrap();
    if family.device.is_ipv4() {
        assert_eq!(answer[12..15], [0x08, 0x00, 0x45]);
        assert_eq!(u32::from(answer[16]) << 8 | u32::from(answer[17]), length + 20);
        assert_eq!(answer[23], protocol);
        assert!(is_whole(sum(&answer[14..34])));
    } else {
        assert_eq!(answer[12..15], [0x86, 0xdd, 0x60]);
        assert_eq!(u32::from(answer[18]) << 8 | u32::from(answer[19]), length);
        assert_eq!(answer[20], protocol);
    }
    let pseudo = if protocol == 1 {
        0
    } else {
        sum(&addresses) + u32::from(protocol) + length
    };
    assert!(is_whole(pseudo + sum(&answer[at..])));
}

#[test]
fn a_segment_is_reset_where_the_device_expects_it() {
    for family in FAMILIES {
        let at = transport(&family);
        for (flags, payload, expected) in [
            (SYN, 0, (0, 0xffff_fff1, RST | ACK)),
            (SYN | FIN, 30, (0, 0x10, RST | ACK)),
            (0, 7, (0, 0xffff_fff7, RST | ACK)),
            (ACK, 0, (0x1234_5678, 0, RST)),
            (ACK | FIN, 100, (0x1234_5678, 0, RST)),
        ] {
            let answer = answer(&segment(&family, flags, payload)).unwrap();
            sound(&family, &answer, 6);
            let number = |at: usize| u32::from_be_bytes(answer[at..at + 4].try_into().unwrap());
            assert_eq!(answer[at..at + 4], [1, 187, 15, 160], "ports");
            let found = (number(at + 4), number(at + 8), answer[at + 13]);
            assert_eq!(found, expected, "{} {flags} {payload}", family.name);
            assert_eq!(answer.len(), at + 20);
        }
    }
}

#[test]
fn a_datagram_is_prohibited_with_what_it_was() {
    for family in FAMILIES {
        let at = transport(&family);
        let frame = datagram(&family).bytes();
        let answer = answer(&frame).unwrap();
        let (protocol, kind) = if family.device.is_ipv4() {
            (1, [3, 13])
        } else {
            (58, [1, 1])
        };
        sound(&family, &answer, protocol);
        assert_eq!(answer[at..at + 2], kind);
        assert_eq!(answer[at + 8..], frame[14..at + 8], "{}", family.name);
    }
}

#[test]
fn what_must_not_be_answered_is_not() {
    let v4 = |text: &str| -> IpAddr { text.parse().unwrap() };
    let mut silent = vec![
        (
            "IPv4 from nobody",
            Packet::udp((v4("0.0.0.0"), 1), (V4.foreign, 9)),
        ),
        (
            "IPv4 from loopback",
            Packet::udp((v4("127.0.0.1"), 1), (V4.foreign, 9)),
        ),
        (
            "IPv4 from a group",
            Packet::udp((v4("224.0.0.1"), 1), (V4.foreign, 9)),
        ),
        (
            "IPv4 from everybody",
            Packet::udp((world::EVERYBODY, 1), (V4.foreign, 9)),
        ),
        (
            "IPv4 to a group",
            Packet::udp((V4.device, 1), (v4("239.1.1.1"), 9)),
        ),
        (
            "IPv4 to everybody",
            Packet::udp((V4.device, 1), (world::EVERYBODY, 9)),
        ),
        ("IPv6 from nobody", Packet::udp((v4("::"), 1), (V6.foreign, 9))),
        (
            "IPv6 from a group",
            Packet::udp((world::NODES, 1), (V6.foreign, 9)),
        ),
        ("IPv6 to a group", Packet::udp((V6.device, 1), (world::NODES, 9))),
        ("IPv4 options", datagram(&V4).options(1)),
        ("IPv6 options", datagram(&V6).hop_by_hop(0)),
        ("ARP", Packet::arp(1)),
    ];
    for family in FAMILIES {
        silent.push(("a first fragment", datagram(&family).fragment(0)));
        silent.push(("a later fragment", datagram(&family).fragment(9)));
        silent.push(("a tag", datagram(&family).tag(0x8100, 0)));
        for kind in [0, 1, 3, 8, 128] {
            silent.push(("ICMP", Packet::icmp(family.device, family.foreign, kind)));
        }
    }
    for (what, packet) in silent {
        let frame = packet.from(DEVICE).to(GATEWAY).bytes();
        assert_eq!(answer(&frame), None, "{what}");
    }
    for family in FAMILIES {
        assert!(answer(&datagram(&family).to(GATEWAY).bytes()).is_some());
        assert_eq!(answer(&datagram(&family).to(world::BROADCAST).bytes()), None);
        assert_eq!(answer(&datagram(&family).from(world::BROADCAST).bytes()), None);
        for flags in [RST, RST | ACK] {
            assert_eq!(answer(&segment(&family, flags, 0)), None, "a reset of a reset");
        }
        for length in 14..transport(&family) + 8 {
            assert_eq!(answer(&datagram(&family).bytes()[..length]), None, "{length}");
        }
    }
}

#[test]
fn refusals_are_within_the_budget_of_strangers() {
    use Verdict::{Budget, Ntp};
    let second = 1_000_000_000;
    let port = Port {
        refuse: 1,
        budget_cost: second,
        budget_burst: 4 * second,
        ..world::port()
    };
    for family in FAMILIES {
        for standing in [Verdict::Stranger, Verdict::Expired] {
            let model = Model::default();
            let judge = |frame: &[u8]| {
                let window = Window::new(frame);
                let ethernet = Ethernet::read(window).unwrap();
                policy::uplink(standing, ethernet, window, &port, &model)
            };
            let syn = segment(&family, SYN, 0);
            let of_others = datagram(&family).to(world::OTHER).bytes();
            assert_eq!(judge(&of_others), standing, "not for the gateway");
            assert_eq!(judge(&syn), Verdict::Refused);
            assert_eq!(judge(&datagram(&family).bytes()), Verdict::Refused);
            assert_eq!(judge(&syn), standing);
            // Half of the budget is left for what comes before a session.
            let ask = Packet::udp((family.device, 4000), (family.own, 123));
            let ask = ask.from(DEVICE).to(GATEWAY).bytes();
            assert_eq!([judge(&ask), judge(&ask), judge(&ask)], [Ntp, Ntp, Budget]);
            model.now.set(model.now.get() + 2 * second);
            assert_eq!(judge(&syn), standing);
            model.now.set(model.now.get() + second);
            assert_eq!(judge(&syn), Verdict::Refused);
        }
        let model = Model::default();
        let window_of = segment(&family, SYN, 0);
        let window = Window::new(&window_of);
        let ethernet = Ethernet::read(window).unwrap();
        let blocked = policy::uplink(Verdict::Blocked, ethernet, window, &port, &model);
        assert_eq!(blocked, Verdict::Blocked);
        let silent = Port { refuse: 0, ..port };
        let stranger = policy::uplink(Verdict::Stranger, ethernet, window, &silent, &model);
        assert_eq!(stranger, Verdict::Stranger);
    }
}

#[test]
fn who_is_being_answered_is_not_refused_before_the_answer_can_be_learnt() {
    let learns = Port {
        refuse: 1,
        learn: 1,
        ..world::port()
    };
    for family in FAMILIES {
        let syn = segment(&family, SYN, 0);
        let judge = |port: &Port, since: u64| {
            let model = Model::default();
            model.answered.set(model.now.get() - since);
            let window = Window::new(&syn);
            let ethernet = Ethernet::read(window).unwrap();
            policy::uplink(Verdict::Stranger, ethernet, window, port, &model)
        };
        assert_eq!(judge(&learns, 0), Verdict::Stranger);
        assert_eq!(judge(&learns, LEARNING - 1), Verdict::Stranger);
        assert_eq!(judge(&learns, LEARNING), Verdict::Refused);
        let no_names = Port { learn: 0, ..learns };
        assert_eq!(judge(&no_names, 0), Verdict::Refused);
    }
}
