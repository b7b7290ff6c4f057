//! What is sent to strangers.

use super::{Row, named, row};
use crate::packet::Packet;
use crate::world::{BROADCAST, DEVICE, EVERYBODY, FAMILIES, Family, GATEWAY, LINK_LOCAL, NODES, V4, V6};
use accounting_ebpf::verdict::Verdict;
use std::net::IpAddr;

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
