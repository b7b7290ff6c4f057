//! The machine as a router: forwarding, the neighbour tables, names, and the portal.

use std::{
    fs,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::net::TcpStream;

use super::Finding;
use crate::config::Config;

/// How long the portal may take to take a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// A neighbour table that strangers cannot fill in a moment.
const NEIGHBOURS_MIN: u64 = 4096;

pub(super) async fn examine(config: &Config, runs: bool) -> Vec<Finding> {
    let mut findings = vec![forwarding(), neighbours(config.gate.devices)];
    findings.push(names(&sockets("/proc/net/udp"), &sockets("/proc/net/udp6")));
    if runs {
        findings.push(portal(config.portal.listen_port).await);
    }
    findings
}

fn setting(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn forwarding() -> Finding {
    let v4 = setting("/proc/sys/net/ipv4/ip_forward") == Some(1);
    let v6 = setting("/proc/sys/net/ipv6/conf/all/forwarding") == Some(1);
    match (v4, v6) {
        (true, true) => Finding::ok("forwarding", "IPv4 and IPv6 are forwarded"),
        (false, _) => Finding::fail(
            "forwarding",
            "IPv4 is not forwarded: nobody reaches the internet",
            "run `sysctl -w net.ipv4.ip_forward=1` once the daemon is ready, at each start of the machine",
        ),
        (true, false) => Finding::warn(
            "forwarding",
            "IPv6 is not forwarded",
            "run `sysctl -w net.ipv6.conf.all.forwarding=1` once the daemon is ready, where guests have IPv6",
        ),
    }
}

fn neighbours(devices: u32) -> Finding {
    let threshold = |family: &str| setting(&format!("/proc/sys/net/{family}/neigh/default/gc_thresh3"));
    // Namespaces but the first one show none: the table is the machine's.
    let found = ["ipv4", "ipv6"].map(threshold).into_iter().flatten().min();
    judge_neighbours(found, devices)
}

fn judge_neighbours(found: Option<u64>, devices: u32) -> Finding {
    let Some(found) = found else {
        return Finding::warn(
            "neighbour tables",
            "their size cannot be read here",
            "see that net.ipv4.neigh.default.gc_thresh3 and the same of ipv6 are 4096 or more",
        );
    };
    // A device has an address in one family and a few in the other; not all that could be online are.
    let needed = u64::from(devices).min(NEIGHBOURS_MIN);
    if found >= needed {
        return Finding::ok("neighbour tables", format!("room for {found} addresses"));
    }
    let set = format!(
        "net.ipv4.neigh.default.gc_thresh3={NEIGHBOURS_MIN} net.ipv6.neigh.default.gc_thresh3={NEIGHBOURS_MIN}"
    );
    Finding::warn(
        "neighbour tables",
        format!("room for {found} addresses: strangers can fill it, and guests are then not reached"),
        format!("run `sysctl -w {set}`, and keep it in /etc/sysctl.d"),
    )
}

fn sockets(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The tables of UDP sockets: local addresses end in the port, in hexadecimal.
fn names(udp: &str, udp6: &str) -> Finding {
    let serves = |table: &str| {
        table.lines().skip(1).any(|line| {
            let local = line.split_whitespace().nth(1);
            local.is_some_and(|local| {
                local.ends_with(":0035") && !local.starts_with("0100007F") && !local.starts_with("3500007F")
            })
        })
    };
    if serves(udp) || serves(udp6) {
        return Finding::ok("DNS", "something answers names on this machine");
    }
    Finding::warn(
        "DNS",
        "nothing listens at port 53 of the addresses of this machine",
        "run dnsmasq or another resolver for the guests, or name theirs in `gate.resolvers`: without names no portal opens",
    )
}

async fn portal(port: u16) -> Finding {
    let addresses = own_addresses().await;
    let mut refused = Vec::new();
    for address in &addresses {
        let to = SocketAddr::new(*address, port);
        let connected = tokio::time::timeout(PATIENCE, TcpStream::connect(to)).await;
        if matches!(connected, Ok(Ok(_))) {
            return Finding::ok("portal", format!("it takes connections at {to}"));
        }
        refused.push(to.to_string());
    }
    Finding::fail(
        "portal",
        format!("nothing takes connections at {}", refused.join(", ")),
        "see the daemon's log, and whether another program has that port (`ss -ltnp`)",
    )
}

/// But those of the loopback, and those that need to name an interface.
async fn own_addresses() -> Vec<IpAddr> {
    use futures_util::TryStreamExt;
    use rtnetlink::packet_route::address::AddressAttribute;
    let Ok((connection, handle, _)) = rtnetlink::new_connection() else {
        return Vec::new();
    };
    let connection = tokio::spawn(connection);
    let found: Result<Vec<_>, _> = handle.address().get().execute().try_collect().await;
    connection.abort();
    let addresses = found
        .unwrap_or_default()
        .into_iter()
        .flat_map(|message| message.attributes);
    let addresses = addresses.filter_map(|attribute| match attribute {
        AddressAttribute::Local(address) | AddressAttribute::Address(address) => Some(address),
        _ => None,
    });
    let mut addresses: Vec<IpAddr> = addresses
        .filter(|address| match address {
            IpAddr::V4(v4) => !v4.is_loopback(),
            IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_small_neighbour_table_is_warned_of() {
        assert_eq!(judge_neighbours(Some(1024), 65_536).verdict, Verdict::Warn);
        assert_eq!(judge_neighbours(Some(4096), 65_536).verdict, Verdict::Ok);
        assert_eq!(judge_neighbours(Some(1024), 500).verdict, Verdict::Ok);
        assert_eq!(judge_neighbours(None, 500).verdict, Verdict::Warn);
    }

    #[test]
    fn a_resolver_for_this_machine_alone_is_none_for_guests() {
        let head = "  sl  local_address rem_address   st\n";
        let line = |local: &str| format!("{head}   1: {local} 00000000:0000 07 00000000:00000000\n");
        assert_eq!(names(&line("0100007F:0035"), head).verdict, Verdict::Warn);
        assert_eq!(names(&line("3500007F:0035"), head).verdict, Verdict::Warn);
        assert_eq!(names(&line("01004D0A:0035"), head).verdict, Verdict::Ok);
        assert_eq!(names(&line("00000000:0043"), head).verdict, Verdict::Warn);
        assert_eq!(
            names(head, &line("00000000000000000000000000000000:0035")).verdict,
            Verdict::Ok
        );
    }
}
