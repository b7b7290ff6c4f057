//! A client of the hotspot: a device that comes, asks for addresses, and goes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespace::Namespace;
use super::site::{LAN_IP4, WLAN, client_mac, mac_text};
use super::{dhcp6, dns, tool};
use crate::clock;

/// How long a client asks before it gives up.
const PATIENCE: Duration = Duration::from_secs(15);

/// The addresses a client was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// By DHCP.
    pub ip4: Ipv4Addr,
    /// By SLAAC, from the gateway's router advertisement.
    pub ip6: Ipv6Addr,
}

/// A device behind the air.
#[derive(Debug)]
pub struct Client {
    number: usize,
    namespace: Namespace,
    lease: PathBuf,
    script: PathBuf,
    addresses: Mutex<Option<Addresses>>,
}

impl Client {
    pub(super) fn new(number: usize, namespace: Namespace, state: &Path) -> Result<Self> {
        let lease = state.join(format!("client{number}.lease"));
        let script = state.join(format!("client{number}.dhcp"));
        write_script(&script, &lease)?;
        Ok(Self {
            number,
            namespace,
            lease,
            script,
            addresses: Mutex::new(None),
        })
    }

    /// Its number, counted from 1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The name of its interface.
    #[must_use]
    pub fn interface(&self) -> &'static str {
        WLAN
    }

    /// Its MAC address.
    #[must_use]
    pub fn mac(&self) -> [u8; 6] {
        client_mac(self.number)
    }

    /// Its MAC address as people write it.
    #[must_use]
    pub fn mac_text(&self) -> String {
        mac_text(self.mac())
    }

    /// Its addresses.
    ///
    /// # Errors
    /// When it is not connected.
    pub fn addresses(&self) -> Result<Addresses> {
        let addresses = *self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        addresses.with_context(|| format!("client {} is not connected", self.number))
    }

    /// Its IPv4 address.
    ///
    /// # Errors
    /// When it is not connected.
    pub fn ip4(&self) -> Result<Ipv4Addr> {
        Ok(self.addresses()?.ip4)
    }

    /// Its IPv6 address of global scope.
    ///
    /// # Errors
    /// When it is not connected.
    pub fn ip6(&self) -> Result<Ipv6Addr> {
        Ok(self.addresses()?.ip6)
    }

    /// Comes into the air and asks for addresses: IPv4 by DHCP, IPv6 by router solicitation.
    ///
    /// # Errors
    /// When one of them is not given within [`PATIENCE`].
    pub fn connect(&self) -> Result<Addresses> {
        self.connect_within(PATIENCE)
    }

    /// The same, with another patience for each of the two, in whole seconds.
    ///
    /// # Errors
    /// When one of them is not given within `limit`.
    pub fn connect_within(&self, limit: Duration) -> Result<Addresses> {
        self.namespace
            .ip(&format!("link set lo up\nlink set {WLAN} up\n"))?;
        let ip4 = self.lease(limit)?;
        let ip6 = self.wait_for_ip6(limit)?;
        let given = Addresses { ip4, ip6 };
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = Some(given);
        Ok(given)
    }

    /// Leaves the air and forgets its addresses.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn disconnect(&self) -> Result<()> {
        *self.addresses.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.namespace
            .ip(&format!("address flush dev {WLAN}\nlink set {WLAN} down\n"))
    }

    /// Asks for an IPv4 lease once more, as a client does that renews.
    ///
    /// # Errors
    /// When none is given within [`PATIENCE`].
    pub fn ask_for_lease(&self) -> Result<Ipv4Addr> {
        self.lease(PATIENCE)
    }

    fn lease(&self, limit: Duration) -> Result<Ipv4Addr> {
        let mut command = self.namespace.command("udhcpc");
        // Ask each second, then give up instead of staying in the background.
        command.args([
            "-f",
            "-n",
            "-q",
            "-t",
            &limit.as_secs().to_string(),
            "-T",
            "1",
            "-A",
            "1",
            // Captive-Portal (RFC 8910), which the script gets as hexadecimal digits.
            "-O",
            "114",
        ]);
        command.args(["-i", WLAN, "-x", &format!("hostname:client{}", self.number)]);
        command.arg("-s").arg(&self.script);
        tool::run(&mut command).with_context(|| format!("client {} was given no IPv4 lease", self.number))?;
        let lease = std::fs::read_to_string(&self.lease).context("the DHCP client wrote no lease")?;
        let address = lease.split_whitespace().next().unwrap_or_default();
        address
            .parse()
            .with_context(|| format!("no address in the lease {lease:?}"))
    }

    /// The address at which DHCP says that the state of captivity is told (RFC 8910, option 114).
    ///
    /// # Errors
    /// When it said none, or what is no text.
    pub fn captive_api(&self) -> Result<String> {
        let lease = std::fs::read_to_string(&self.lease).context("the DHCP client wrote no lease")?;
        let digits = lease
            .split_whitespace()
            .nth(1)
            .context("no option 114 in the lease")?;
        let bytes = (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(digits.get(at..at + 2).unwrap_or_default(), 16));
        let bytes = bytes.collect::<Result<Vec<u8>, _>>();
        let bytes = bytes.with_context(|| format!("option 114 is {digits}"))?;
        String::from_utf8(bytes).context("option 114 is no text")
    }

    /// The same by DHCPv6 (option 103).
    ///
    /// # Errors
    /// As [`Client::captive_api`].
    pub fn captive_api6(&self) -> Result<String> {
        dhcp6::captive_api(&self.namespace, WLAN, self.mac())
    }

    /// The addresses of a name, IPv4 and IPv6, as the gateway's name server gives them.
    ///
    /// # Errors
    /// When no answer comes within a second, asked three times.
    pub fn resolve(&self, name: &str) -> Result<Vec<IpAddr>> {
        dns::resolve(&self.namespace, LAN_IP4.into(), name)
    }

    /// Asks by stateless DHCPv6 for the addresses of name servers.
    ///
    /// # Errors
    /// When no answer comes within a second, asked three times.
    pub fn name_servers6(&self) -> Result<Vec<Ipv6Addr>> {
        dhcp6::name_servers(&self.namespace, WLAN, self.mac())
    }

    fn wait_for_ip6(&self, limit: Duration) -> Result<Ipv6Addr> {
        let what = format!("an IPv6 address of client {} by SLAAC", self.number);
        self.namespace
            .enter(|| clock::wait_for(&what, limit, || global_address(WLAN)))
    }
}

/// The first address of global scope on an interface of the calling thread's namespace that is ready for use.
fn global_address(interface: &str) -> Result<Option<Ipv6Addr>> {
    const TENTATIVE: u32 = 0x40;
    // /proc/net would be the namespace of the process.
    let table =
        std::fs::read_to_string("/proc/thread-self/net/if_inet6").context("no IPv6 in this kernel")?;
    for line in table.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [address, _index, _prefix, "00", flags, name] = words[..] else {
            continue;
        };
        let flags = u32::from_str_radix(flags, 16)?;
        if name == interface && flags & TENTATIVE == 0 {
            return Ok(Some(Ipv6Addr::from(u128::from_str_radix(address, 16)?)));
        }
    }
    Ok(None)
}

/// What the DHCP client calls at each event, with its findings in the environment.
fn write_script(script: &Path, lease: &Path) -> Result<()> {
    let lease = lease
        .to_str()
        .context("the lab's folder has a name that is not text")?;
    if lease.contains('\'') {
        bail!("the lab's folder must not have a quote in its name: {lease}");
    }
    let text = format!(
        "#!/bin/sh\n\
         set -e\n\
         case \"$1\" in\n\
         deconfig) ip -4 address flush dev \"$interface\" ;;\n\
         bound|renew)\n\
         ip -4 address replace \"$ip/$mask\" dev \"$interface\"\n\
         ip -4 route replace default via \"$router\"\n\
         echo \"$ip $opt114\" >'{lease}'\n\
         ;;\n\
         esac\n"
    );
    std::fs::write(script, text).with_context(|| format!("cannot write {}", script.display()))?;
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}
