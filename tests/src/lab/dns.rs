//! A question to a name server, because a namespace has no /etc/resolv.conf of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::namespace::Namespace;

const A: u16 = 1;
const AAAA: u16 = 28;

/// The addresses of `name`, first IPv4, then IPv6, asked of `server` from inside the namespace; empty when the name
/// has none.
///
/// # Errors
/// When a question stays without an answer for a second, three times, or the answer is not one.
pub fn resolve(namespace: &Namespace, server: IpAddr, name: &str) -> Result<Vec<IpAddr>> {
    let mut addresses = Vec::new();
    for kind in [A, AAAA] {
        let query = question(name, kind)?;
        let reply = ask(namespace, SocketAddr::new(server, 53), &query)
            .with_context(|| format!("{server} does not say where {name} is"))?;
        addresses.extend(answers(&query, &reply).context("malformed answer of the name server")?);
    }
    Ok(addresses)
}

/// Sends a datagram and gives the first that comes back; asks three times, a second each.
pub(super) fn ask(namespace: &Namespace, server: SocketAddr, query: &[u8]) -> Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = namespace.enter(|| {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(server)?;
        Ok(socket)
    })?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut last = None;
    for _attempt in 0..3 {
        let mut reply = vec![0; 2048];
        match socket.send(query).and_then(|_| socket.recv(&mut reply)) {
            Ok(length) => {
                reply.truncate(length);
                return Ok(reply);
            }
            Err(error) => last = Some(error),
        }
    }
    bail!(
        "no answer from {server}: {}",
        last.map(|error| error.to_string()).unwrap_or_default()
    )
}

fn question(name: &str, kind: u16) -> Result<Vec<u8>> {
    let mut query = vec![0; 2];
    getrandom::fill(&mut query).context("no randomness")?;
    // Recursion wanted; one question.
    query.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    for label in name.split('.') {
        let length = u8::try_from(label.len())
            .ok()
            .filter(|length| (1..64).contains(length));
        query.push(length.with_context(|| format!("{name} is not a name"))?);
        query.extend(label.as_bytes());
    }
    query.push(0);
    query.extend(kind.to_be_bytes());
    query.extend([0, 1]);
    Ok(query)
}

/// The addresses in a reply to `query`; `None` when it is not one, or is cut short.
fn answers(query: &[u8], reply: &[u8]) -> Option<Vec<IpAddr>> {
    if reply.get(..2)? != query.get(..2)? || reply.get(2)? & 0x80 == 0 {
        return None;
    }
    let count = u16::from_be_bytes([*reply.get(6)?, *reply.get(7)?]);
    let mut rest = reply.get(query.len()..)?;
    let mut addresses = Vec::new();
    for _answer in 0..count {
        rest = after_name(rest)?;
        let (head, tail) = rest.split_at_checked(10)?;
        let (data, next) = tail.split_at_checked(usize::from(u16::from_be_bytes([head[8], head[9]])))?;
        match u16::from_be_bytes([head[0], head[1]]) {
            A => addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data).ok()?).into()),
            AAAA => addresses.push(Ipv6Addr::from(<[u8; 16]>::try_from(data).ok()?).into()),
            _ => {}
        }
        rest = next;
    }
    Some(addresses)
}

fn after_name(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        match *rest.first()? {
            0 => return rest.get(1..),
            length if length >= 0xc0 => return rest.get(2..),
            length => rest = rest.get(1 + usize::from(length)..)?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_behind_aliases_and_compressed_names() {
        let query = question("a.lab", A).unwrap();
        let mut reply = query.clone();
        reply[2] |= 0x80;
        reply[7] = 2;
        reply.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 4, 1, b'b', 0xc0, 14]);
        reply.extend([1, b'b', 0, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 7]);
        assert_eq!(answers(&query, &reply).unwrap(), [IpAddr::from([192, 0, 2, 7])]);
        reply.pop();
        assert_eq!(answers(&query, &reply), None);
    }

    #[test]
    fn a_name_with_an_empty_label_is_refused() {
        assert!(question("a..lab", A).is_err());
    }
}
