//! The gated interfaces: there, up, of the right kind, gated, and their bridge ports isolated.

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{
    InfoBridgePort, InfoPortData, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage, LinkXdp,
    XdpAttached,
};

use super::Finding;
use crate::config::Config;

/// What is known of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    index: u32,
    name: String,
    up: bool,
    ethernet: bool,
    mtu: u32,
    xdp: Option<&'static str>,
    /// The bridge it is a port of, and whether it is isolated there.
    bridge: Option<(u32, bool)>,
}

pub(super) async fn examine(config: &Config, runs: bool) -> Vec<Finding> {
    let links = match links().await {
        Ok(links) => links,
        Err(error) => {
            let found = format!("the interfaces cannot be listed: {error}");
            return vec![Finding::fail("interfaces", found, "run this as root")];
        }
    };
    let mut findings = Vec::new();
    for interface in &config.interfaces {
        findings.extend(judge(&interface.name, &links, runs));
        findings.extend(offloads(&interface.name).await);
    }
    findings
}

fn judge(name: &str, links: &[Seen], runs: bool) -> Vec<Finding> {
    let about = format!("interface {name}");
    let Some(seen) = links.iter().find(|link| link.name == name) else {
        let names: Vec<_> = links.iter().map(|link| link.name.as_str()).collect();
        let found = format!("it does not exist; there are {}", names.join(", "));
        return vec![Finding::fail(
            about,
            found,
            "correct [[interface]] name, or create it",
        )];
    };
    if !seen.ethernet {
        let advice = "gate an Ethernet or WiFi interface, or a bridge";
        return vec![Finding::fail(about, "it has no MAC addresses", advice)];
    }
    let mut findings = vec![if seen.up {
        Finding::ok(&about, "it is up")
    } else {
        Finding::fail(&about, "it is down", format!("run `ip link set {name} up`"))
    }];
    findings.push(match (seen.xdp, runs) {
        (Some("native"), _) => Finding::ok(&about, "XDP runs in the driver"),
        (Some(_), _) => Finding::warn(
            &about,
            "XDP runs in the network stack (generic mode)",
            "it gates as well, and costs more per frame; a driver with XDP, gated below a bridge, is faster",
        ),
        (None, true) => Finding::fail(
            &about,
            "no XDP program is attached: everything passes, or another program took its place",
            "see the daemon's log",
        ),
        (None, false) => Finding::warn(&about, "no XDP program is attached", "start the daemon"),
    });
    let ports = links
        .iter()
        .filter(|link| link.bridge.is_some_and(|(bridge, _)| bridge == seen.index));
    for port in ports {
        let isolated = port.bridge.is_some_and(|(_, isolated)| isolated);
        let about = format!("bridge port {}", port.name);
        findings.push(if isolated {
            Finding::ok(about, "guests on it do not reach those on other isolated ports")
        } else {
            Finding::warn(
                about,
                "guests on it reach those on other ports past the gate",
                format!(
                    "run `bridge link set dev {} isolated on`, where it is a port for guests",
                    port.name
                ),
            )
        });
    }
    findings
}

async fn links() -> Result<Vec<Seen>, String> {
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|error| error.to_string())?;
    let connection = tokio::spawn(connection);
    let links = handle.link().get().execute().map_ok(|message| seen(&message));
    let links = links.try_collect().await.map_err(|error| error.to_string());
    connection.abort();
    links
}

fn seen(message: &LinkMessage) -> Seen {
    let mut seen = Seen {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        ethernet: message.header.link_layer_type == LinkLayerType::Ether,
        ..Seen::default()
    };
    let (mut controller, mut isolated) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => seen.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => seen.mtu = *mtu,
            LinkAttribute::Controller(index) => controller = Some(*index),
            LinkAttribute::Xdp(xdp) => seen.xdp = attached(xdp),
            LinkAttribute::LinkInfo(infos) => isolated = infos.iter().find_map(port),
            _ => {}
        }
    }
    seen.bridge = controller.zip(isolated);
    seen
}

fn attached(xdp: &[LinkXdp]) -> Option<&'static str> {
    xdp.iter().find_map(|xdp| match xdp {
        LinkXdp::Attached(XdpAttached::Driver) => Some("native"),
        LinkXdp::Attached(XdpAttached::SocketBuffer) => Some("generic"),
        LinkXdp::Attached(XdpAttached::Hardware) => Some("offloaded"),
        LinkXdp::Attached(XdpAttached::Multiple) => Some("several"),
        _ => None,
    })
}

/// Whether a port of a bridge is isolated; `None` for what is none.
fn port(info: &LinkInfo) -> Option<bool> {
    let LinkInfo::PortData(InfoPortData::BridgePort(port)) = info else {
        return None;
    };
    let isolated = |attribute: &InfoBridgePort| matches!(attribute, InfoBridgePort::Isolated(true));
    Some(port.iter().any(isolated))
}

/// What `ethtool` says, where it is installed.
async fn offloads(name: &str) -> Option<Finding> {
    let output = super::tool("ethtool").args(["-k", name]).output().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(judge_offloads(name, &text)).filter(|_| output.status.success())
}

fn judge_offloads(name: &str, text: &str) -> Finding {
    let about = format!("offloads of {name}");
    let on = |feature: &str| {
        text.lines().any(|line| {
            let rest = line
                .trim()
                .strip_prefix(feature)
                .and_then(|rest| rest.strip_prefix(':'));
            rest.is_some_and(|rest| rest.trim_start().starts_with("on"))
        })
    };
    if on("large-receive-offload") {
        return Finding::warn(
            about,
            "large-receive-offload is on: frames are merged before the gate counts them, and many drivers refuse XDP",
            format!("run `ethtool -K {name} lro off`"),
        );
    }
    let vlan = if on("rx-vlan-offload") {
        ", VLAN tags are stripped by the card (the gate sees them in tc)"
    } else {
        ""
    };
    Finding::ok(about, format!("large-receive-offload is off{vlan}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn link(index: u32, name: &str) -> Seen {
        Seen {
            index,
            name: name.to_owned(),
            up: true,
            ethernet: true,
            mtu: 1500,
            xdp: Some("native"),
            bridge: None,
        }
    }

    fn worst(findings: &[Finding]) -> (Verdict, String) {
        let worst = findings.iter().max_by_key(|finding| finding.verdict).unwrap();
        (
            worst.verdict,
            format!("{} {}", worst.found, worst.advice.clone().unwrap_or_default()),
        )
    }

    #[test]
    fn each_fault_of_an_interface_has_its_advice() {
        let good = link(2, "lan0");
        assert_eq!(
            worst(&judge("lan0", std::slice::from_ref(&good), true)).0,
            Verdict::Ok
        );
        let down = Seen {
            up: false,
            ..good.clone()
        };
        let dummy = Seen {
            ethernet: false,
            ..good.clone()
        };
        let bare = Seen {
            xdp: None,
            ..good.clone()
        };
        let generic = Seen {
            xdp: Some("generic"),
            ..good.clone()
        };
        for (links, runs, verdict, word) in [
            (vec![link(3, "eth0")], true, Verdict::Fail, "there are eth0"),
            (vec![down], true, Verdict::Fail, "ip link set lan0 up"),
            (vec![dummy], true, Verdict::Fail, "Ethernet"),
            (vec![bare.clone()], true, Verdict::Fail, "everything passes"),
            (vec![bare], false, Verdict::Warn, "start the daemon"),
            (vec![generic], true, Verdict::Warn, "generic"),
        ] {
            let (found, text) = worst(&judge("lan0", &links, runs));
            assert!(found == verdict && text.contains(word), "{found:?} {text}");
        }
    }

    #[test]
    fn ports_of_this_bridge_are_to_be_isolated() {
        let bridge = link(2, "br0");
        let port = |isolated| Seen {
            bridge: Some((2, isolated)),
            ..link(3, "ap0")
        };
        let of_another = Seen {
            bridge: Some((9, false)),
            ..link(4, "eth0")
        };
        let findings = judge("br0", &[bridge.clone(), port(true), of_another], true);
        assert_eq!(worst(&findings).0, Verdict::Ok, "{findings:?}");
        let (verdict, text) = worst(&judge("br0", &[bridge, port(false)], true));
        assert!(
            verdict == Verdict::Warn && text.contains("bridge link set dev ap0 isolated on"),
            "{text}"
        );
    }

    #[test]
    fn merged_frames_are_warned_of() {
        let text = "Features for lan0:\nlarge-receive-offload: on\nrx-vlan-offload: off [fixed]\n";
        assert_eq!(judge_offloads("lan0", text).verdict, Verdict::Warn);
        let text = text.replace(": on", ": off [fixed]");
        assert_eq!(judge_offloads("lan0", &text).verdict, Verdict::Ok);
    }
}
