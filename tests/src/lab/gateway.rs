//! The gateway: address translation by nftables; DHCP, DNS and router advertisements by dnsmasq.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Child;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::daemon::PORTAL_PORT;
use super::namespace::Namespace;
use super::site::{INTERNET_IP4, INTERNET_IP6, LAN, LAN_IP4, LAN_IP6, OTHER_IP4, OTHER_IP6, WAN};
use super::tool;
use crate::clock;

/// The name of the host with the servers, as the gateway's DNS answers it.
pub const INTERNET_NAME: &str = "internet.lab";
/// The name of the second host.
pub const OTHER_NAME: &str = "other.lab";
/// A domain of a hundred names, of [`many_name`] each.
pub const MANY_DOMAIN: &str = "many.lab";
/// The name of the gateway itself.
pub const GATEWAY_NAME: &str = "gateway.hotspot.lab";

/// A name below [`MANY_DOMAIN`] and its address; no server has that until somebody makes one. `number` is below 100.
#[must_use]
pub fn many_name(number: u8) -> (String, Ipv4Addr) {
    let last = 100 + number;
    (
        format!("n203-0-113-{last}.{MANY_DOMAIN}"),
        Ipv4Addr::new(203, 0, 113, last),
    )
}

/// Makes a namespace with wires into a hotspot's gateway; `state` is the lab's folder.
pub(super) fn serve(gateway: &Namespace, state: &Path) -> Result<Child> {
    let rules = format!(
        "table inet site {{\n\
         chain postrouting {{\n\
         type nat hook postrouting priority srcnat;\n\
         meta nfproto ipv4 oifname \"{WAN}\" masquerade\n\
         }}\n\
         }}\n"
    );
    tool::run_with(gateway.command("nft").args(["-f", "-"]), &rules).context("address translation")?;
    // dnsmasq asks each address it offers for three seconds whether it is free, unless told not to (no-ping).
    let options = format!(
        "interface={LAN}\n\
         dhcp-authoritative\n\
         no-ping\n\
         dhcp-range=10.77.0.10,10.77.0.250,255.255.255.0,12h\n\
         dhcp-leasefile={leases}\n\
         enable-ra\n\
         ra-param={LAN},10,1800\n\
         dhcp-range=2001:db8:77::,ra-stateless,64,12h\n\
         dhcp-option=option6:dns-server,[{LAN_IP6}]\n\
         dhcp-option=114,http://{LAN_IP4}:{PORTAL_PORT}/captive-api\n\
         dhcp-option=option6:103,http://[{LAN_IP6}]:{PORTAL_PORT}/captive-api\n\
         domain=hotspot.lab\n\
         host-record={GATEWAY_NAME},{LAN_IP4},{LAN_IP6}\n\
         server={INTERNET_IP4}\n",
        leases = state.join("gateway.leases").display(),
    );
    dnsmasq(gateway, "gateway", &options, state).context("DHCP, DNS and router advertisements")
}

/// Starts the name server of the internet.
pub(super) fn serve_names(internet: &Namespace, state: &Path) -> Result<Child> {
    let options = format!(
        "listen-address={INTERNET_IP4},{INTERNET_IP6}\n\
         host-record={INTERNET_NAME},{INTERNET_IP4},{INTERNET_IP6}\n\
         host-record={OTHER_NAME},{OTHER_IP4},{OTHER_IP6}\n\
         synth-domain={MANY_DOMAIN},203.0.113.100,203.0.113.199,n\n\
         local=/lab/\n"
    );
    dnsmasq(internet, "internet", &options, state).context("the internet's name server")
}

/// Starts a dnsmasq that keeps all its files in `state`, and returns when its sockets are open. It ends with the
/// namespace's other processes.
fn dnsmasq(namespace: &Namespace, name: &str, options: &str, state: &Path) -> Result<Child> {
    let pid = state.join(format!("{name}.pid"));
    let common = format!(
        "keep-in-foreground\n\
         user=root\n\
         no-resolv\n\
         no-hosts\n\
         bind-dynamic\n\
         except-interface=lo\n\
         pid-file={}\n\
         log-facility={}\n\
         log-dhcp\n",
        pid.display(),
        state.join(format!("{name}.log")).display(),
    );
    let file = state.join(format!("{name}.conf"));
    std::fs::write(&file, common + options).with_context(|| format!("cannot write {}", file.display()))?;
    let errors = state.join(format!("{name}.err"));
    let mut command = namespace.command("dnsmasq");
    command
        .arg(format!("--conf-file={}", file.display()))
        .stderr(File::create(&errors)?);
    let mut child = command.spawn().context("cannot start dnsmasq")?;
    clock::wait_for("dnsmasq", Duration::from_secs(5), || {
        if let Some(status) = child.try_wait()? {
            let words = std::fs::read_to_string(&errors).unwrap_or_default();
            bail!("dnsmasq ended with {status}: {}", words.trim());
        }
        // Written once everything is open.
        Ok(std::fs::read_to_string(&pid)
            .is_ok_and(|id| id.ends_with('\n'))
            .then_some(()))
    })?;
    Ok(child)
}
