//! What strangers send of neighbour discovery and multicast listening.

use super::{Row, row};
use crate::packet::Packet;
use crate::world::{GATEWAY, LINK_LOCAL, NODES, OTHER, ROUTERS, V4, V6};
use accounting_ebpf::verdict::Verdict;
use std::net::IpAddr;

pub(crate) fn neighbours_up() -> Vec<Row> {
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
        row(
            "router advertisement to everybody",
            message(134, NODES).to([0x33, 0x33, 0, 0, 0, 1]),
            Rogue,
        ),
        row(
            "router advertisement to one device",
            message(134, V6.foreign).to(OTHER),
            Rogue,
        ),
        row("redirect", message(137, V6.own), Rogue),
        row(
            "redirect to one device",
            message(137, V6.foreign).to(OTHER),
            Rogue,
        ),
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
