//! The wires of a site and the addresses on them. Each lab has the same ones: nothing is shared between labs.
//!
//! ```text
//! client 1  wlan0 --- port1 \
//! client 2  wlan0 --- port2  air (bridge, ports isolated) uplink --- lan0  gateway  wan0 --- isp0  internet
//! ```
//!
//! The air is an access point with client isolation: frames go from a client to the gateway and back, never from a
//! client to a client.

use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use anyhow::{Result, bail};

use super::cleanup::Footprint;
use super::namespace::Namespace;
use super::tool;

/// The role of the namespace between the gateway and its clients.
pub(super) const AIR: &str = "air";
/// The air's end of the gateway's wire.
pub(super) const UPLINK: &str = "uplink";
/// The gateway's gated interface.
pub const LAN: &str = "lan0";
/// The gateway's interface toward the internet.
pub const WAN: &str = "wan0";
/// The internet's interface toward the gateway.
pub const ISP: &str = "isp0";
/// Each client's interface.
pub const WLAN: &str = "wlan0";

/// The gateway's address for the clients, in `10.77.0.0/24`.
pub const LAN_IP4: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
/// The gateway's address for the clients, in `2001:db8:77::/64`.
pub const LAN_IP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 1);
/// The gateway's address toward the internet: what IPv4 clients look like from there.
pub const WAN_IP4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// The gateway's address toward the internet. IPv6 is routed, not translated.
pub const WAN_IP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 2);

/// The host with the servers.
pub const INTERNET_IP4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// The host with the servers.
pub const INTERNET_IP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0x10);
/// A second host with the same servers, for what must differ by destination.
pub const OTHER_IP4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 20);
/// A second host with the same servers, for what must differ by destination.
pub const OTHER_IP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0x20);

/// The gateway's MAC address on [`LAN`].
pub const LAN_MAC: [u8; 6] = [0x02, 0xac, 0xc0, 0xff, 0x00, 0x01];

/// At most as many clients as the DHCP range has addresses.
pub const CLIENTS_MAX: usize = 200;

/// The namespaces of a site.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) gateway: Namespace,
    pub(super) internet: Namespace,
    pub(super) clients: Vec<Namespace>,
}

/// The MAC address of the client of this number, counted from 1.
#[must_use]
pub fn client_mac(number: usize) -> [u8; 6] {
    let [high, low] = u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes();
    [0x02, 0xac, 0xc0, 0x00, high, low]
}

/// A MAC address as people write it: `02:ac:c0:00:00:01`.
#[must_use]
pub fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Makes the namespaces and the wires between them. The clients' interfaces stay down: a client comes by connecting.
pub(super) fn build(footprint: &Footprint, clients: usize) -> Result<Site> {
    if !(1..=CLIENTS_MAX).contains(&clients) {
        bail!("a lab has 1 to {CLIENTS_MAX} clients, not {clients}");
    }
    let air = footprint.namespace(AIR);
    let site = Site {
        gateway: footprint.namespace("gw"),
        internet: footprint.namespace("net"),
        clients: (1..=clients)
            .map(|number| footprint.namespace(&format!("c{number}")))
            .collect(),
    };
    let all = [&air, &site.gateway, &site.internet]
        .into_iter()
        .chain(&site.clients);
    let batch: String = all
        .map(|namespace| format!("netns add {}\n", namespace.name()))
        .collect();
    tool::run_with(tool::tool("ip").args(["-batch", "-"]), &batch)?;

    // The air itself is nobody: it must not speak.
    air.sysctl(&[
        ("ipv6/conf/default/disable_ipv6", "1"),
        ("ipv6/conf/all/disable_ipv6", "1"),
    ])?;
    // Nor may it drop the malformed frames that the gate is to drop, as bridges with netfilter do.
    for name in [
        "bridge-nf-call-iptables",
        "bridge-nf-call-ip6tables",
        "bridge-nf-call-arptables",
    ] {
        let parameter = format!("bridge/{name}");
        if Path::new("/proc/sys/net").join(&parameter).exists() {
            air.sysctl(&[(&parameter, "0")])?;
        }
    }
    for client in &site.clients {
        be_a_host(client)?;
    }
    be_a_router(&site.gateway)?;
    be_a_router(&site.internet)?;

    air.ip(&wires(&site)?)?;
    site.gateway.ip(&format!(
        "link set lo up\n\
         link set {LAN} up\n\
         link set {WAN} up\n\
         address add {LAN_IP4}/24 dev {LAN}\n\
         address add {LAN_IP6}/64 dev {LAN} nodad\n\
         address add {WAN_IP4}/24 dev {WAN}\n\
         address add {WAN_IP6}/64 dev {WAN} nodad\n\
         route add default via 198.51.100.1\n\
         route add default via 2001:db8:ffff::1\n"
    ))?;
    site.internet.ip(&format!(
        "link set lo up\n\
         link set {ISP} up\n\
         address add 198.51.100.1/24 dev {ISP}\n\
         address add 2001:db8:ffff::1/64 dev {ISP} nodad\n\
         address add {INTERNET_IP4}/32 dev lo\n\
         address add {INTERNET_IP6}/128 dev lo nodad\n\
         address add {OTHER_IP4}/32 dev lo\n\
         address add {OTHER_IP6}/128 dev lo nodad\n\
         route add 2001:db8:77::/64 via {WAN_IP6}\n"
    ))?;
    Ok(site)
}

/// The batch that makes all wires, from the namespace of the air.
fn wires(site: &Site) -> Result<String> {
    let mut batch = String::from("link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n");
    let mut port = |name: &str, far: &str, mac: [u8; 6], namespace: &Namespace| {
        let mac = mac_text(mac);
        writeln!(
            batch,
            "link add {name} type veth peer name {far} address {mac} netns {}",
            namespace.name()
        )?;
        writeln!(batch, "link set {name} master br0 up")
    };
    port(UPLINK, LAN, LAN_MAC, &site.gateway)?;
    for (number, client) in (1..).zip(&site.clients) {
        port(&format!("port{number}"), WLAN, client_mac(number), client)?;
    }
    for (number, _) in (1..).zip(&site.clients) {
        writeln!(batch, "link set dev port{number} type bridge_slave isolated on")?;
    }
    writeln!(batch, "link set br0 up")?;
    let (gateway, internet) = (site.gateway.name(), site.internet.name());
    writeln!(
        batch,
        "link add {ISP} netns {internet} type veth peer name {WAN} netns {gateway}"
    )?;
    Ok(batch)
}

/// A client's kernel: takes router advertisements, and does not wait the second that the standards ask for.
fn be_a_host(namespace: &Namespace) -> Result<()> {
    namespace.sysctl(&[
        ("ipv4/ip_forward", "0"),
        ("ipv6/conf/all/forwarding", "0"),
        ("ipv6/conf/default/accept_ra", "1"),
        ("ipv6/conf/default/autoconf", "1"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/default/router_solicitation_delay", "0"),
        ("ipv6/conf/default/router_solicitation_interval", "1"),
        ("ipv6/conf/default/router_solicitations", "20"),
    ])
}

fn be_a_router(namespace: &Namespace) -> Result<()> {
    namespace.sysctl(&[
        ("ipv4/ip_forward", "1"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/conf/all/forwarding", "1"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macs_are_written_in_wire_order() {
        assert_eq!(mac_text(client_mac(258)), "02:ac:c0:00:01:02");
    }
}
