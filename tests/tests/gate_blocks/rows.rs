//! The pass table on wires: frames of a client, a wrong twin of each, and which may pass.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use accounting_tests::lab::PORTAL_PORT;
use accounting_tests::lab::site::{INTERNET_IP4, INTERNET_IP6, LAN_IP4, LAN_IP6, LAN_MAC};
use accounting_tests::packet::Packet;

use crate::BROADCAST;

/// A frame of the client and whether it may pass.
pub(crate) type Row = (&'static str, Packet, bool);

/// The table of one family; `own` is the gateway, `far` anybody else, `me` the client.
pub(crate) fn rows(me: IpAddr, own: IpAddr, far: IpAddr, resolver: IpAddr) -> Vec<Row> {
    let udp = |to: IpAddr, port: u16| Packet::udp((me, 40_000), (to, port));
    let tcp = |to: IpAddr, port: u16| Packet::tcp((me, 40_000), (to, port));
    vec![
        ("DNS over UDP to the gateway", udp(own, 53), true),
        ("DNS over TCP to the gateway", tcp(own, 53), true),
        ("DNS to a resolver", udp(resolver, 53), true),
        ("DNS to anybody else", udp(far, 53), false),
        ("DNS over TCP to anybody else", tcp(far, 53), false),
        ("from port 53", Packet::udp((me, 53), (far, 40_000)), false),
        ("NTP to the gateway", udp(own, 123), true),
        ("NTP to anybody else", udp(far, 123), false),
        ("NTP over TCP", tcp(own, 123), false),
        ("portal", tcp(own, PORTAL_PORT), true),
        ("portal of anybody else", tcp(far, PORTAL_PORT), false),
        ("portal over UDP", udp(own, PORTAL_PORT), false),
        ("the port beside the portal", tcp(own, PORTAL_PORT + 1), false),
        ("the gateway's ssh", tcp(own, 22), false),
        ("garden over TCP", tcp(resolver, 8080), true),
        ("garden over UDP", udp(resolver, 8080), true),
        ("another port of the garden", tcp(resolver, 80), false),
        ("the garden's port elsewhere", tcp(far, 8080), false),
        ("web", tcp(far, 80), false),
        ("web, encrypted", tcp(far, 443), false),
        ("a first fragment", udp(far, 9).fragment(0), false),
        ("a later fragment to the gateway", udp(own, 53).fragment(8), false),
        ("an unknown protocol", Packet::ip(me, own, 47, &[0; 20]), false),
        ("a priority tag", udp(own, 53).tag(0x8100, 0), true),
        (
            "two priority tags",
            udp(own, 53).tag(0x88a8, 0).tag(0x8100, 0),
            true,
        ),
        (
            "a VLAN in a priority tag",
            udp(own, 53).tag(0x88a8, 0).tag(0x8100, 7),
            false,
        ),
        (
            "three tags",
            udp(own, 53).tag(0x88a8, 0).tag(0x8100, 0).tag(0x8100, 0),
            false,
        ),
    ]
}

pub(crate) fn rows4(me: Ipv4Addr) -> Vec<Row> {
    let everybody = IpAddr::V4(Ipv4Addr::BROADCAST);
    let nobody = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let dhcp = |from, to, ports: (u16, u16)| Packet::udp((from, ports.0), (to, ports.1));
    vec![
        (
            "DHCP discovery",
            dhcp(nobody, everybody, (68, 67)).to(BROADCAST),
            true,
        ),
        ("DHCP renewal", dhcp(me.into(), LAN_IP4.into(), (68, 67)), true),
        (
            "DHCP to a foreign server",
            dhcp(me.into(), INTERNET_IP4.into(), (68, 67)),
            false,
        ),
        (
            "a DHCP server",
            dhcp(me.into(), everybody, (67, 68)).to(BROADCAST),
            false,
        ),
        (
            "DHCP from another port",
            dhcp(nobody, everybody, (67, 67)).to(BROADCAST),
            false,
        ),
        (
            "echo to the gateway",
            Packet::icmp(me.into(), LAN_IP4.into(), 8),
            false,
        ),
        (
            "DNS after options",
            Packet::udp((me.into(), 4_000), (LAN_IP4.into(), 53)).options(3),
            true,
        ),
        (
            "web after options",
            Packet::tcp((me.into(), 4_000), (INTERNET_IP4.into(), 80)).options(3),
            false,
        ),
    ]
}

pub(crate) fn rows6(me: Ipv6Addr) -> Vec<Row> {
    let all_routers: IpAddr = "ff02::2".parse().unwrap();
    let servers: IpAddr = "ff02::1:2".parse().unwrap();
    let mine: IpAddr = "fe80::ac:c0ff:fe00:1".parse().unwrap();
    let icmp = |to: IpAddr, kind: u8| Packet::icmp(mine, to, kind);
    let multicast = [0x33, 0x33, 0, 0, 0, 2];
    vec![
        (
            "DHCPv6",
            Packet::udp((mine, 546), (servers, 547)).to([0x33, 0x33, 0, 1, 0, 2]),
            true,
        ),
        (
            "DHCPv6 to a foreign server",
            Packet::udp((mine, 546), (INTERNET_IP6.into(), 547)),
            false,
        ),
        ("a DHCPv6 server", Packet::udp((mine, 547), (servers, 546)), false),
        ("router solicitation", icmp(all_routers, 133).to(multicast), true),
        (
            "router solicitation from afar",
            icmp(all_routers, 133).to(multicast).hops(64),
            false,
        ),
        (
            "router advertisement",
            icmp(all_routers, 134).to(multicast),
            false,
        ),
        ("neighbour solicitation", icmp(LAN_IP6.into(), 135), true),
        (
            "neighbour solicitation of a stranger",
            icmp(INTERNET_IP6.into(), 135),
            false,
        ),
        ("neighbour advertisement", icmp(LAN_IP6.into(), 136), true),
        ("redirect", icmp(LAN_IP6.into(), 137), false),
        (
            "listener report",
            icmp("ff02::16".parse().unwrap(), 143)
                .hop_by_hop(0)
                .hops(1)
                .to(multicast),
            true,
        ),
        (
            "listener query",
            icmp("ff02::1".parse().unwrap(), 130).hops(1).to(multicast),
            false,
        ),
        (
            "echo to the gateway",
            Packet::icmp(me.into(), LAN_IP6.into(), 128),
            false,
        ),
        (
            "DNS after a hop-by-hop header",
            Packet::udp((me.into(), 4_000), (LAN_IP6.into(), 53)).hop_by_hop(0),
            true,
        ),
        (
            "web after a hop-by-hop header",
            Packet::tcp((me.into(), 4_000), (INTERNET_IP6.into(), 80)).hop_by_hop(0),
            false,
        ),
    ]
}

pub(crate) fn raw_rows() -> Vec<Row> {
    let arp = |operation| Packet::arp(operation).to(BROADCAST);
    vec![
        ("ARP request", arp(1), true),
        ("ARP reply", arp(2).to(LAN_MAC), true),
        ("reverse ARP request", arp(3), false),
        ("EAPOL to the gateway", Packet::eapol(), true),
        (
            "EAPOL to a neighbour",
            Packet::eapol().to([2, 0, 0, 0, 0, 9]),
            false,
        ),
        ("an unknown EtherType", Packet::raw(0x88b5, &[0; 46]), false),
        ("IPX", Packet::raw(0x8137, &[0; 46]), false),
        ("PPPoE discovery", Packet::raw(0x8863, &[0; 46]), false),
        (
            "half an IPv4 header",
            Packet::raw(0x0800, &[0x45, 0, 0, 20]),
            false,
        ),
        (
            "half an IPv6 header",
            Packet::raw(0x86dd, &[0x60, 0, 0, 0]),
            false,
        ),
    ]
}
