//! On a bridge, and on a port of one.

use std::net::IpAddr;

use accounting_daemon::mac::Mac;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::PORTAL_PORT;
use accounting_tests::lab::site::{LAN, LAN_IP4, LAN_IP6};
use accounting_tests::needs_root;

use crate::portal::{Portal, index, status};
use crate::web::{ask, connect, get};
use crate::{WEB, gone, up};

/// Moves the gated side to a bridge, and gates the bridge or its port.
fn on_a_bridge(gated: &str, mac: &str) -> Hotspot {
    let hotspot = up("");
    let daemon = hotspot.daemon();
    daemon.stop().unwrap();
    let mut detach = daemon.command();
    detach.args(["detach", "--open", "--config"]).arg(daemon.config());
    assert!(detach.status().unwrap().success());
    let moved = format!(
        "link add br-lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
         link set br-lan address {mac}\n\
         address flush dev {LAN}\n\
         link set {LAN} master br-lan\n\
         link set br-lan up\n\
         address add {LAN_IP4}/24 dev br-lan\n\
         address add {LAN_IP6}/64 dev br-lan nodad\n"
    );
    hotspot.lab.gateway().ip(&moved).unwrap();
    for number in [1, 2] {
        hotspot
            .client(number)
            .namespace()
            .ip("neigh flush all\n")
            .unwrap();
        // The router's link-local address was that of its MAC.
        let space = hotspot.client(number).namespace();
        space
            .ip(&format!(
                "route replace default via {LAN_IP6} dev wlan0 metric 1\n"
            ))
            .unwrap();
    }
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    let config = config.replace(&format!("name = \"{LAN}\""), &format!("name = \"{gated}\""));
    std::fs::write(daemon.config(), config).unwrap();
    daemon.start().unwrap();
    hotspot
}

#[test]
fn on_a_bridge_it_is_the_same() {
    needs_root!();
    let hotspot = on_a_bridge("br-lan", "02:ac:c0:ff:00:01");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    let metric = "accounting_interface_mode{hook=\"xdp\",interface=\"br-lan\",mode=\"generic\"}";
    assert_eq!(hotspot.metric(metric).unwrap(), 1.0);
    assert_eq!(online(client).unwrap(), Some(false));
    hotspot.daemon().kill9().unwrap();
    let portal = Portal::start(gateway, status(gateway, "br-lan", None));
    for host in HOSTS {
        assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
        let (asker, redirected, at) = portal.seen().pop().unwrap();
        let mac = asker.map(|asker| asker.device.mac);
        assert_eq!(
            (mac, redirected, at),
            (Some(Mac(client.mac())), true, (host, WEB).into())
        );
    }
    // Without the tc program nothing is left of it.
    let layout = accounting_daemon::gate::directory(hotspot.daemon().pins());
    std::fs::remove_file(layout.join("br-lan-ingress")).unwrap();
    gone(client);
}

/// A bridge takes away the socket that a frame was given: behind a gated port nothing is redirected, and nothing gets out. The portal
/// itself is reached.
#[test]
fn on_a_port_of_a_bridge_the_portal_is_only_where_it_is() {
    needs_root!();
    let hotspot = on_a_bridge(LAN, "02:ac:c0:ff:00:09");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    hotspot.daemon().kill9().unwrap();
    let bridge = Some(index(gateway, "br-lan"));
    let portal = Portal::start(gateway, status(gateway, LAN, bridge));
    for (host, own) in HOSTS.into_iter().zip([IpAddr::from(LAN_IP4), LAN_IP6.into()]) {
        assert!(get(client.namespace(), host).is_err(), "{host}");
        let direct = connect(client.namespace(), own, PORTAL_PORT).unwrap();
        assert_eq!(ask(direct).unwrap(), "portal");
        let (asker, redirected, _) = portal.seen().pop().unwrap();
        let asker = asker.unwrap();
        assert_eq!(
            (asker.device.mac, asker.interface.as_str()),
            (Mac(client.mac()), LAN)
        );
        assert!(!redirected);
    }
}
