//! Who passes without a session, row by row, each with twins that differ in one thing and do not pass. The same rows
//! judge the policy on the host and the programs in the kernel.

use crate::packet::Packet;
use crate::world::{
    BROADCAST, DEVICE, DHCP_SERVERS, EVERYBODY, FAMILIES, Family, GATEWAY, LINK_LOCAL, NOBODY, NODES, OTHER,
    PORT_ACCESS, ROUTERS, V4, V6,
};
use accounting_ebpf::verdict::Verdict;
use std::net::{IpAddr, Ipv4Addr};

/// A frame from a stranger, or to one.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// The frame.
    pub packet: Packet,
    /// What must be decided.
    pub verdict: Verdict,
}

fn row(what: impl Into<String>, packet: Packet, verdict: Verdict) -> Row {
    Row {
        what: what.into(),
        packet,
        verdict,
    }
}

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

fn neighbours_up() -> Vec<Row> {
    use Verdict::{Neighbour, Rogue, Stranger};
    let message = |kind: u8, to: IpAddr| Packet::icmp(V6.device, to, kind).to(GATEWAY);
    let mut rows = vec![
        row("router solicitation", message(133, ROUTERS), Neighbour),
        row(
            "neighbour solicitation to a group",
            message(135, NODES),
            Neighbour,
        ),
        row(
            "neighbour solicitation to the gateway",
            message(135, V6.own),
            Neighbour,
        ),
        row(
            "neighbour solicitation to a foreign address",
            message(135, V6.foreign),
            Stranger,
        ),
        row(
            "neighbour solicitation to a resolver",
            message(135, V6.resolver),
            Stranger,
        ),
        row(
            "neighbour advertisement to a link-local address",
            message(136, LINK_LOCAL),
            Neighbour,
        ),
        row("router advertisement", message(134, NODES), Rogue),
        row("redirect", message(137, V6.own), Rogue),
        row("listener query", message(130, NODES).hops(1).hop_by_hop(0), Rogue),
        row("an ICMPv6 error", message(1, V6.own), Stranger),
        row("node information query", message(139, NODES), Stranger),
    ];
    for kind in [133, 135, 136] {
        let to = if kind == 133 { ROUTERS } else { NODES };
        rows.push(row(
            format!("ND {kind} from afar"),
            message(kind, to).hops(254),
            Stranger,
        ));
        rows.push(row(
            format!("ND {kind} in a fragment"),
            message(kind, to).fragment(0),
            Stranger,
        ));
    }
    for kind in [131, 132, 143] {
        let report = |to| message(kind, to).hops(1).hop_by_hop(0);
        rows.push(row(format!("MLD {kind}"), report(ROUTERS), Neighbour));
        rows.push(row(
            format!("MLD {kind} to a single address"),
            report(V6.foreign),
            Stranger,
        ));
        rows.push(row(
            format!("MLD {kind}'s type in IPv4"),
            Packet::icmp(V4.device, V4.own, kind).to(GATEWAY),
            Stranger,
        ));
    }
    rows
}

fn family_up(family: &Family) -> Vec<Row> {
    use Verdict::{Dns, Fragment, Garden, NextHeader, Ntp, Portal, Stranger};
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
        row("web, elsewhere", tcp(foreign, 80), Stranger),
        row("TLS, elsewhere", tcp(foreign, 443), Stranger),
        row("DNS behind long headers", long(udp(own, 53)), Dns),
        row("web behind long headers", long(tcp(foreign, 80)), Stranger),
        row("DNS, first fragment", udp(own, 53).fragment(0), Dns),
        row("DNS, a later fragment", udp(own, 53).fragment(1), Fragment),
        row("garden, a later fragment", udp(open, 53).fragment(185), Fragment),
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

fn named(family: &Family, rows: Vec<Row>, to: [u8; 6]) -> Vec<Row> {
    let name = |row: Row| Row {
        what: format!("{}: {}", family.name, row.what),
        packet: row.packet.to(to),
        ..row
    };
    rows.into_iter().map(name).collect()
}

/// To the device: whether it came in by some interface (else the gateway made it), and the row.
#[must_use]
pub fn downlink() -> Vec<(bool, Row)> {
    let mut rows = link_down();
    for family in FAMILIES {
        rows.extend(family_down(&family));
    }
    rows.into_iter()
        .map(|(forwarded, row)| {
            (
                forwarded,
                Row {
                    packet: row.packet.from(GATEWAY),
                    ..row
                },
            )
        })
        .collect()
}

fn link_down() -> Vec<(bool, Row)> {
    use Verdict::{Arp, Dhcp, Eapol, ForeignMulticast, GatewayMulticast, Neighbour, Stranger, Vlan};
    let dhcp = |from: IpAddr| Packet::udp((from, 67), (V4.device, 68));
    let dhcp6 = |from: IpAddr| Packet::udp((from, 547), (V6.device, 546));
    let mut rows = vec![
        (false, row("ARP", Packet::arp(2), Arp)),
        (true, row("ARP, forwarded", Packet::arp(2), Stranger)),
        (false, row("EAPOL", Packet::eapol(), Eapol)),
        (true, row("EAPOL, forwarded", Packet::eapol(), Stranger)),
        (false, row("DHCPv4 reply", dhcp(V4.own), Dhcp)),
        (false, row("DHCPv4 reply of another", dhcp(V4.foreign), Stranger)),
        (true, row("DHCPv4 reply, forwarded", dhcp(V4.own), Stranger)),
        (
            false,
            row(
                "DHCPv4 question",
                Packet::udp((V4.own, 68), (V4.device, 67)),
                Stranger,
            ),
        ),
        (false, row("DHCPv6 reply", dhcp6(LINK_LOCAL), Dhcp)),
        (false, row("DHCPv6 reply of another", dhcp6(V6.foreign), Stranger)),
        (true, row("DHCPv6 reply, forwarded", dhcp6(V6.own), Stranger)),
        (
            false,
            row(
                "DNS in a VLAN",
                Packet::udp((V4.own, 53), (V4.device, 4000)).tag(0x8100, 5),
                Vlan,
            ),
        ),
    ];
    for kind in 133..=136 {
        let message = |from: IpAddr| Packet::icmp(from, V6.device, kind);
        rows.push((false, row(format!("ND {kind}"), message(LINK_LOCAL), Neighbour)));
        rows.push((
            false,
            row(
                format!("ND {kind} from the global address"),
                message(V6.own),
                Neighbour,
            ),
        ));
        rows.push((
            false,
            row(format!("ND {kind} of another"), message(V6.foreign), Stranger),
        ));
        rows.push((
            true,
            row(format!("ND {kind}, forwarded"), message(LINK_LOCAL), Stranger),
        ));
    }
    rows.push((
        false,
        row("redirect", Packet::icmp(LINK_LOCAL, V6.device, 137), Stranger),
    ));
    for row in &mut rows {
        row.1.packet = row.1.packet.clone().to(DEVICE);
    }
    rows.push((
        false,
        row(
            "multicast",
            Packet::icmp(LINK_LOCAL, NODES, 134).to([0x33, 0x33, 0, 0, 0, 1]),
            GatewayMulticast,
        ),
    ));
    rows.push((
        true,
        row(
            "multicast, forwarded",
            Packet::udp((V4.own, 53), (EVERYBODY, 4000)).to(BROADCAST),
            ForeignMulticast,
        ),
    ));
    rows
}

fn family_down(family: &Family) -> Vec<(bool, Row)> {
    use Verdict::{Dns, Garden, Ntp, Portal, Stranger};
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
        |from: IpAddr, at: u16| Packet::udp((from, at), (device, 4000)),
        |from: IpAddr, at: u16| Packet::tcp((from, at), (device, 4000)),
    );
    let reply = if device.is_ipv4() { 0 } else { 129 };
    let made = vec![
        row("DNS by UDP", udp(own, 53), Dns),
        row("DNS by TCP", tcp(own_too, 53), Dns),
        row("DNS in a resolver's name", udp(resolver, 53), Dns),
        row("DNS in a foreign name", udp(foreign, 53), Stranger),
        row("NTP", udp(own, 123), Ntp),
        row("NTP in a resolver's name", udp(resolver, 123), Stranger),
        row("portal", tcp(own, 2050), Portal),
        row("portal, from another address", tcp(own_too, 443), Portal),
        row("portal's port by UDP", udp(own, 443), Stranger),
        row("portal in a foreign name", tcp(foreign, 443), Stranger),
        row("SSH", tcp(own, 22), Stranger),
        row(
            "the device's port 53",
            Packet::udp((own, 4000), (device, 53)),
            Stranger,
        ),
    ];
    let forwarded = vec![
        row("DNS of a resolver", udp(resolver, 53), Dns),
        row("DNS of a resolver by TCP", tcp(resolver, 53), Dns),
        row("resolver, another port", udp(resolver, 123), Stranger),
        row("DNS in the gateway's name", udp(own, 53), Stranger),
        row("NTP in the gateway's name", udp(own, 123), Stranger),
        row("portal in the gateway's name", tcp(own, 443), Stranger),
        row("a foreign stream", udp(foreign, 443), Stranger),
        row("garden", tcp(open, 443), Garden),
        row("garden, echo reply", Packet::icmp(open, device, reply), Garden),
        row("narrow garden", tcp(narrow, 8443), Garden),
        row("narrow garden, another port", tcp(narrow, 443), Stranger),
        row(
            "garden, a later fragment",
            udp(open, 443).fragment(9),
            Verdict::Fragment,
        ),
    ];
    let made = named(family, made, DEVICE).into_iter().map(|row| (false, row));
    made.chain(
        named(family, forwarded, DEVICE)
            .into_iter()
            .map(|row| (true, row)),
    )
    .collect()
}
