//! Stateless DHCPv6 (RFC 8415, Information-request): a client that has its address asks for the rest.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespace::Namespace;

const INFORMATION_REQUEST: u8 = 11;
const REPLY: u8 = 7;
const CLIENT_ID: u16 = 1;
const OPTION_REQUEST: u16 = 6;
const DNS_SERVERS: u16 = 23;
/// Where captivity is told (RFC 8910).
const CAPTIVE_PORTAL: u16 = 103;

/// All DHCP relay agents and servers on the link.
const SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);

/// The name servers that the DHCPv6 server on the link names.
pub(super) fn name_servers(namespace: &Namespace, interface: &str, mac: [u8; 6]) -> Result<Vec<Ipv6Addr>> {
    let data = ask(namespace, interface, mac, DNS_SERVERS)?;
    let (addresses, []) = data.as_chunks::<16>() else {
        bail!("the name servers are no addresses: {data:?}");
    };
    Ok(addresses.iter().map(|address| Ipv6Addr::from(*address)).collect())
}

/// The address at which that server says that the state of captivity is told.
pub(super) fn captive_api(namespace: &Namespace, interface: &str, mac: [u8; 6]) -> Result<String> {
    String::from_utf8(ask(namespace, interface, mac, CAPTIVE_PORTAL)?).context("option 103 is no text")
}

/// The data of one option.
fn ask(namespace: &Namespace, interface: &str, mac: [u8; 6], option: u16) -> Result<Vec<u8>> {
    let (socket, index) = namespace.enter(|| {
        let index = nix::net::if_::if_nametoindex(interface)
            .with_context(|| format!("no interface {interface} in {}", namespace.name()))?;
        Ok((
            UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 546)).context("port 546 is in use")?,
            index,
        ))
    })?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let request = request(mac, option)?;
    for _attempt in 0..3 {
        socket.send_to(&request, SocketAddrV6::new(SERVERS, 547, 0, index))?;
        let mut reply = [0; 2048];
        let Ok(length) = socket.recv(&mut reply) else {
            continue;
        };
        if let Some(data) = option_of(&request, &reply[..length], option) {
            return data.with_context(|| format!("no option {option} in the reply"));
        }
    }
    bail!("no DHCPv6 server answers")
}

fn request(mac: [u8; 6], option: u16) -> Result<Vec<u8>> {
    let mut request = vec![INFORMATION_REQUEST, 0, 0, 0];
    getrandom::fill(&mut request[1..]).context("no randomness")?;
    request.extend(CLIENT_ID.to_be_bytes());
    // DUID-LL of Ethernet.
    request.extend([0, 10, 0, 3, 0, 1]);
    request.extend(mac);
    request.extend(OPTION_REQUEST.to_be_bytes());
    request.extend([0, 2]);
    request.extend(option.to_be_bytes());
    Ok(request)
}

/// The data of an option in the reply to `request`, if it has it; `None` when it is no reply to that.
fn option_of(request: &[u8], reply: &[u8], option: u16) -> Option<Option<Vec<u8>>> {
    let (head, mut options) = reply.split_at_checked(4)?;
    if head[0] != REPLY || head[1..] != request[1..4] {
        return None;
    }
    let mut found: Option<Vec<u8>> = None;
    while let Some((head, tail)) = options.split_at_checked(4) {
        let (data, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([head[2], head[3]])))?;
        if u16::from_be_bytes([head[0], head[1]]) == option {
            found.get_or_insert_default().extend(data);
        }
        options = next;
    }
    Some(found)
}
