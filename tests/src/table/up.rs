//! What strangers send.

use super::{Row, named, neighbours::neighbours_up, row};
use crate::packet::Packet;
use crate::world::{
    BROADCAST, DEVICE, DHCP_SERVERS, EVERYBODY, FAMILIES, Family, GATEWAY, LINK_LOCAL, NOBODY, NODES, OTHER,
    PORT_ACCESS, V4, V6,
};
use accounting_ebpf::verdict::Verdict;
use std::net::{IpAddr, Ipv4Addr};

/// From the device.
#[must_use]
pub fn uplink() -> Vec<Row> {
    let rows = link_up().into_iter().chain(neighbours_up());
    let rows = rows.chain(FAMILIES.into_iter().flat_map(|family| family_up(&family)));
    rows.map(|row| Row {
        packet: row.packet.from(DEVICE),
        ..row
    })
    .collect()
}

fn link_up() -> Vec<Row> {
    use Verdict::{Arp, Dhcp, Eapol, Ethertype, Malformed, Rogue, Stranger, Vlan};
    let wrong_arp = |at: usize, value: u8| {
        let mut bytes = Packet::arp(1).bytes()[14..].to_vec();
        bytes[at] = value;
        Packet::raw(0x0806, &bytes).to(BROADCAST)
    };
    let dhcp = |from: u16, to: (IpAddr, u16)| Packet::udp((NOBODY, from), to).to(BROADCAST);
    let dhcp6 = |from: u16, to: (IpAddr, u16)| Packet::udp((V6.device, from), to).to(GATEWAY);
    let dns = || Packet::udp((V4.device, 4000), (V4.own, 53)).to(GATEWAY);
    let web = |family: Family| Packet::tcp((family.device, 4000), (family.foreign, 80));
    vec![
        row("ARP request", Packet::arp(1).to(BROADCAST), Arp),
        row("ARP reply", Packet::arp(2).to(GATEWAY), Arp),
        row("ARP, hardware not Ethernet", wrong_arp(1, 6), Malformed),
        row("ARP, protocol not IPv4", wrong_arp(2, 9), Malformed),
        row("ARP, hardware length 8", wrong_arp(4, 8), Malformed),
        row("ARP, protocol length 16", wrong_arp(5, 16), Malformed),
        row("reverse ARP", wrong_arp(7, 3), Malformed),
        row("EAPOL to the gateway", Packet::eapol().to(GATEWAY), Eapol),
        row("EAPOL to the group", Packet::eapol().to(PORT_ACCESS), Eapol),
        row("EAPOL to another device", Packet::eapol().to(OTHER), Stranger),
        row("EAPOL to everybody", Packet::eapol().to(BROADCAST), Stranger),
        row("web in IPv4 by another device", web(V4).to(OTHER), Stranger),
        row("web in IPv6 by another device", web(V6).to(OTHER), Stranger),
        row(
            "web to the address of redirected frames",
            web(V4).to([0x01, 0x80, 0xc2, 0, 0, 0x01]),
            Stranger,
        ),
        row(
            "web by IPv4 multicast",
            {
                let everybody = Ipv4Addr::new(224, 0, 0, 1).into();
                Packet::tcp((V4.device, 4000), (everybody, 80)).to(GATEWAY)
            },
            Stranger,
        ),
        row(
            "web by IPv6 multicast",
            Packet::tcp((V6.device, 4000), (NODES, 80)).to(GATEWAY),
            Stranger,
        ),
        row("DHCPv4 to everybody", dhcp(68, (EVERYBODY, 67)), Dhcp),
        row("DHCPv4 renewal at the gateway", dhcp(68, (V4.own, 67)), Dhcp),
        row(
            "DHCPv4 to a foreign address",
            dhcp(68, (V4.foreign, 67)),
            Stranger,
        ),
        row("DHCPv4 to a resolver", dhcp(68, (V4.resolver, 67)), Stranger),
        row(
            "DHCPv4 from a server among the clients",
            dhcp(67, (EVERYBODY, 68)),
            Rogue,
        ),
        row(
            "DHCPv4 from a server to one device",
            dhcp(67, (V4.foreign, 68)).to(OTHER),
            Rogue,
        ),
        row("DHCPv4 from another port", dhcp(1068, (EVERYBODY, 67)), Stranger),
        row("DHCPv4's ports in IPv6", dhcp6(68, (V6.own, 67)), Stranger),
        row("DHCPv6 to all servers", dhcp6(546, (DHCP_SERVERS, 547)), Dhcp),
        row("DHCPv6 to the gateway", dhcp6(546, (LINK_LOCAL, 547)), Dhcp),
        row(
            "DHCPv6 to a foreign address",
            dhcp6(546, (V6.foreign, 547)),
            Stranger,
        ),
        row("DHCPv6 to all nodes", dhcp6(546, (NODES, 547)), Stranger),
        row(
            "DHCPv6 from a server among the clients",
            dhcp6(547, (V6.device, 546)),
            Rogue,
        ),
        row(
            "DHCPv6 from a server to one device",
            dhcp6(547, (V6.foreign, 546)).to(OTHER),
            Rogue,
        ),
        row("DHCPv6's ports in IPv4", dhcp(546, (V4.own, 547)), Stranger),
        row(
            "another EtherType",
            Packet::raw(0x88cc, &[0; 46]).to(GATEWAY),
            Ethertype,
        ),
        row(
            "a length instead of an EtherType",
            Packet::raw(46, &[0; 46]).to(GATEWAY),
            Ethertype,
        ),
        row("DNS under a priority tag", dns().tag(0x8100, 0), Verdict::Dns),
        row(
            "DNS under a service priority tag",
            dns().tag(0x88a8, 0),
            Verdict::Dns,
        ),
        row(
            "DNS under both priority tags",
            dns().tag(0x88a8, 0xe000).tag(0x8100, 0x2000),
            Verdict::Dns,
        ),
        row("DNS in a VLAN", dns().tag(0x8100, 5), Vlan),
        row("DNS in a service VLAN", dns().tag(0x88a8, 5), Vlan),
        row(
            "DNS in a VLAN under a priority tag",
            dns().tag(0x88a8, 0).tag(0x8100, 5),
            Vlan,
        ),
        row(
            "DNS under two tags of one kind",
            dns().tag(0x8100, 0).tag(0x8100, 0),
            Ethertype,
        ),
        row(
            "DNS under tags in the wrong order",
            dns().tag(0x8100, 0).tag(0x88a8, 0),
            Ethertype,
        ),
        row("IPv4 with version 6", wrong_nibble(&dns(), 14, 0x65), Malformed),
        row(
            "IPv4 with a header of 16 bytes",
            wrong_nibble(&dns(), 14, 0x44),
            Malformed,
        ),
        row(
            "IPv6 with version 4",
            wrong_nibble(
                &Packet::udp((V6.device, 4000), (V6.own, 53)).to(GATEWAY),
                14,
                0x40,
            ),
            Malformed,
        ),
        row("DNS in IPv6 to a mapped address", mapped(true), Malformed),
        row("DNS in IPv6 from a mapped address", mapped(false), Malformed),
    ]
}

fn wrong_nibble(packet: &Packet, at: usize, value: u8) -> Packet {
    let mut bytes = packet.bytes();
    bytes[at] = value;
    Packet::raw(u16::from_be_bytes([bytes[12], bytes[13]]), &bytes[14..]).to(GATEWAY)
}

fn mapped(destination: bool) -> Packet {
    let own = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped().into();
    let (from, to) = if destination {
        (V6.device, own)
    } else {
        (own, V6.own)
    };
    Packet::udp((from, 4000), (to, 53)).to(GATEWAY)
}

fn family_up(family: &Family) -> Vec<Row> {
    use Verdict::{Dns, Fragment, Garden, NextHeader, Ntp, Portal, Redirect, Stranger};
    let Family {
        device,
        own,
        own_too,
        resolver,
        open,
        narrow,
        foreign,
        ..
    } = *family;
    let (udp, tcp) = (
        |to: IpAddr, at: u16| Packet::udp((device, 4000), (to, at)),
        |to: IpAddr, at: u16| Packet::tcp((device, 4000), (to, at)),
    );
    let echo = if device.is_ipv4() { 8 } else { 128 };
    let long = |packet: Packet| {
        if device.is_ipv4() {
            packet.options(10)
        } else {
            packet.hop_by_hop(3)
        }
    };
    let unknown = |protocol: u8| Packet::ip(device, own, protocol, &[0; 40]);
    let rows = vec![
        row("DNS by UDP to the gateway", udp(own, 53), Dns),
        row("DNS by TCP to the gateway", tcp(own, 53), Dns),
        row("DNS to another address of the gateway", udp(own_too, 53), Dns),
        row("DNS by UDP to a resolver", udp(resolver, 53), Dns),
        row("DNS by TCP to a resolver", tcp(resolver, 53), Dns),
        row("DNS by UDP to a foreign address", udp(foreign, 53), Stranger),
        row("DNS by TCP to a foreign address", tcp(foreign, 53), Stranger),
        row(
            "DNS's port as the source",
            Packet::udp((device, 53), (own, 4000)),
            Stranger,
        ),
        row("DNS over TLS to a resolver", tcp(resolver, 853), Stranger),
        row("NTP to the gateway", udp(own, 123), Ntp),
        row("NTP to a resolver", udp(resolver, 123), Stranger),
        row("NTP to a foreign address", udp(foreign, 123), Stranger),
        row("NTP's port by TCP", tcp(own, 123), Stranger),
        row("portal", tcp(own, 2050), Portal),
        row("portal's second port", tcp(own, 443), Portal),
        row(
            "portal at another address of the gateway",
            tcp(own_too, 443),
            Portal,
        ),
        row("portal's port by UDP", udp(own, 443), Stranger),
        row("portal's port at a foreign address", tcp(foreign, 443), Stranger),
        row("portal's port at a resolver", tcp(resolver, 443), Stranger),
        row("port 0 at the gateway", tcp(own, 0), Stranger),
        row("SSH to the gateway", tcp(own, 22), Stranger),
        row("echo to the gateway", Packet::icmp(device, own, echo), Stranger),
        row("garden by TCP", tcp(open, 443), Garden),
        row("garden by UDP", udp(open, 443), Garden),
        row("garden's DNS", udp(open, 53), Garden),
        row("garden, echo", Packet::icmp(device, open, echo), Garden),
        row("garden, another ICMP", Packet::icmp(device, open, 3), Stranger),
        row("narrow garden, its port by TCP", tcp(narrow, 8443), Garden),
        row("narrow garden, its port by UDP", udp(narrow, 8443), Garden),
        row("narrow garden, another port", tcp(narrow, 443), Stranger),
        row("narrow garden, port 0", tcp(narrow, 0), Stranger),
        row(
            "narrow garden, echo",
            Packet::icmp(device, narrow, echo),
            Stranger,
        ),
        row("web, elsewhere", tcp(foreign, 80), Redirect),
        row("web, at a resolver", tcp(resolver, 80), Redirect),
        row("web, at the gateway", tcp(own, 80), Stranger),
        row("web, in the narrow garden", tcp(narrow, 80), Redirect),
        row("web, in the garden", tcp(open, 80), Garden),
        row("web, by UDP", udp(foreign, 80), Stranger),
        row(
            "web's port as the source",
            Packet::tcp((device, 80), (foreign, 4000)),
            Stranger,
        ),
        row("TLS, elsewhere", tcp(foreign, 443), Stranger),
        row("DNS behind long headers", long(udp(own, 53)), Dns),
        row("web behind long headers", long(tcp(foreign, 80)), Redirect),
        row("DNS, first fragment", udp(own, 53).fragment(0), Dns),
        row("DNS, a later fragment", udp(own, 53).fragment(1), Fragment),
        row("garden, a later fragment", udp(open, 53).fragment(185), Fragment),
        row(
            "garden, a later fragment of any port",
            udp(open, 443).fragment(185),
            Fragment,
        ),
        row("GRE to the gateway", unknown(47), NextHeader),
        row("ESP to the gateway", unknown(50), NextHeader),
        row(
            "the other family's ICMP",
            unknown(if device.is_ipv4() { 58 } else { 1 }),
            NextHeader,
        ),
        row(
            "a routing or destination header",
            unknown(if device.is_ipv4() { 41 } else { 60 }),
            NextHeader,
        ),
    ];
    named(family, rows, GATEWAY)
}
