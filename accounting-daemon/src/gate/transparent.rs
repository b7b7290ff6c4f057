//! The portal's listening sockets, and what the kernel tells of the connections they accept.
//!
//! The sockets are transparent: the gate hands them a stranger's connection to any web server, and they answer in that
//! server's name. They mark what they send, which is how the gate tells these answers from everything else in a foreign
//! name.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::AsFd,
};

use accounting_ebpf::layout::REPLY_MARK;
use libc::{c_int, c_void, socklen_t};
use nix::{
    getsockopt_impl, setsockopt_impl, sockopt_impl,
    sys::socket::{getsockopt, setsockopt, sockopt, sockopt::Get},
};
use socket2::{Domain, Protocol, Socket, Type};

use crate::mac::Mac;

/// Connections that wait to be accepted; the kernel may hold fewer (`net.core.somaxconn`).
const BACKLOG: c_int = 1_024;

/// `TCP_SAVE_SYN`: with the Ethernet header.
const WITH_ETHERNET: usize = 2;

/// Room for a SYN with all its headers.
const SYN_MAX: usize = 512;

/// Bytes of an Ethernet header without tags, and of one tag.
const ETHERNET: usize = 14;
const TAG: usize = 4;

sockopt_impl!(
    /// Keeps the SYN of each connection.
    SaveSyn,
    SetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_SAVE_SYN,
    usize
);
sockopt_impl!(
    /// The SYN that a connection began with; given once.
    SavedSyn,
    GetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_SAVED_SYN,
    Vec<u8>,
    Bytes
);
sockopt_impl!(
    /// Control messages about an IPv4 connection, as a sequence of `cmsghdr`.
    Options4,
    GetOnly,
    libc::IPPROTO_IP,
    libc::IP_PKTOPTIONS,
    Vec<u8>,
    Bytes
);
sockopt_impl!(
    /// The same of a connection on an IPv6 socket.
    Options6,
    GetOnly,
    libc::IPPROTO_IPV6,
    libc::IPV6_2292PKTOPTIONS,
    Vec<u8>,
    Bytes
);

/// A socket option of any length up to [`SYN_MAX`].
#[derive(Debug)]
struct Bytes {
    length: socklen_t,
    bytes: [u8; SYN_MAX],
}

impl Get<Vec<u8>> for Bytes {
    fn uninit() -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "512")]
        Self {
            length: SYN_MAX as socklen_t,
            bytes: [0; SYN_MAX],
        }
    }

    fn ffi_ptr(&mut self) -> *mut c_void {
        self.bytes.as_mut_ptr().cast()
    }

    fn ffi_len(&mut self) -> *mut socklen_t {
        &raw mut self.length
    }

    unsafe fn assume_init(self) -> Vec<u8> {
        let length = (self.length as usize).min(SYN_MAX);
        self.bytes[..length].to_vec()
    }
}

/// Listens for the portal at every address of the machine and, through the gate, at every other address. One socket takes both
/// families; where the kernel has no IPv6 it takes IPv4 only. It does not block. Needs CAP_NET_ADMIN, and
/// CAP_NET_BIND_SERVICE for ports below 1024. Accepted connections are asked about by
/// [`super::who_is_asking`].
///
/// # Errors
/// What the kernel says: the port is taken, or a capability is missing.
pub fn listen(port: u16) -> io::Result<TcpListener> {
    match listen_at((Ipv6Addr::UNSPECIFIED, port).into()) {
        Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT) => {
            listen_at((Ipv4Addr::UNSPECIFIED, port).into())
        }
        done => done,
    }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.set_mark(REPLY_MARK)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
        socket.set_ip_transparent_v6(true)?;
        setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    } else {
        socket.set_ip_transparent_v4(true)?;
        setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
    }
    setsockopt(&socket, SaveSyn, &WITH_ETHERNET)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// The MAC address that sent the SYN of a connection. None when it is not known any more, as under SYN cookies or at the
/// second question.
pub(super) fn sender(connection: &impl AsFd, peer: IpAddr) -> Option<Mac> {
    sender_of(&getsockopt(connection, SavedSyn).ok()?, peer)
}

/// The index of the interface by which a connection came in.
pub(super) fn interface(connection: &impl AsFd) -> Option<u32> {
    let six = getsockopt(connection, Options6).ok();
    six.and_then(|options| interface_in(&options))
        .or_else(|| interface_in(&getsockopt(connection, Options4).ok()?))
}

/// Only a SYN that is the peer's own by its IP header is believed: without an Ethernet header it would begin otherwise.
fn sender_of(syn: &[u8], peer: IpAddr) -> Option<Mac> {
    let short = |at: usize| Some(u16::from_be_bytes(syn.get(at..at + 2)?.try_into().ok()?));
    let mut packet = ETHERNET;
    while packet < ETHERNET + 2 * TAG && matches!(short(packet - 2)?, 0x8100 | 0x88a8) {
        packet += TAG;
    }
    let source = match (short(packet - 2)?, peer) {
        (0x0800, IpAddr::V4(peer)) => syn.get(packet + 12..packet + 16)? == peer.octets(),
        (0x86dd, IpAddr::V6(peer)) => syn.get(packet + 8..packet + 24)? == peer.octets(),
        _ => false,
    };
    let mac = Mac(syn.get(6..12)?.try_into().ok()?);
    (source && mac.is_unicast()).then_some(mac)
}

/// The index in the first control message about a packet's interface.
fn interface_in(messages: &[u8]) -> Option<u32> {
    const HEADER: usize = size_of::<libc::cmsghdr>();
    let mut rest = messages;
    while let Some(header) = rest.get(..HEADER) {
        let length = usize::from_ne_bytes(header.get(..size_of::<usize>())?.try_into().ok()?);
        let number = |at: usize| Some(u32::from_ne_bytes(rest.get(at..at + 4)?.try_into().ok()?));
        let (level, kind) = (number(HEADER - 8)?, number(HEADER - 4)?);
        let index = match (c_int::try_from(level), c_int::try_from(kind)) {
            (Ok(libc::IPPROTO_IP), Ok(libc::IP_PKTINFO)) => number(HEADER),
            // Behind an IPv6 address.
            (Ok(libc::IPPROTO_IPV6), Ok(libc::IPV6_PKTINFO)) => number(HEADER + 16),
            _ => None,
        };
        if let Some(index) = index.filter(|index| *index != 0) {
            return Some(index);
        }
        let step = length.max(HEADER).next_multiple_of(size_of::<usize>());
        rest = rest.get(step..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER4: [u8; 4] = [10, 77, 0, 11];

    fn syn4(tags: &[u16]) -> Vec<u8> {
        let mut syn = vec![2, 0, 0, 0, 0, 1, 2, 0xac, 0xc0, 0, 0, 7];
        for tag in tags {
            syn.extend(tag.to_be_bytes());
            syn.extend([0, 0]);
        }
        syn.extend([0x08, 0x00, 0x45]);
        syn.extend([0; 11]);
        syn.extend(PEER4);
        syn.extend([203, 0, 113, 10]);
        syn
    }

    #[test]
    fn the_sender_is_read_from_the_syn() {
        let mac = Some(Mac([2, 0xac, 0xc0, 0, 0, 7]));
        for tags in [&[][..], &[0x8100], &[0x88a8, 0x8100]] {
            assert_eq!(sender_of(&syn4(tags), PEER4.into()), mac, "{tags:?}");
        }
        let mut syn6 = syn4(&[])[..12].to_vec();
        syn6.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
        let peer: Ipv6Addr = "fd00::7".parse().unwrap();
        syn6.extend(peer.octets());
        assert_eq!(sender_of(&syn6, peer.into()), mac);
        assert_eq!(sender_of(&syn6, Ipv6Addr::LOCALHOST.into()), None);
    }

    #[test]
    fn a_syn_that_is_not_the_peers_is_not_believed() {
        let peer = IpAddr::from(PEER4);
        assert_eq!(sender_of(&syn4(&[]), [10, 77, 0, 12].into()), None);
        // Without an Ethernet header, as of a tunnel.
        assert_eq!(sender_of(&syn4(&[])[14..], peer), None);
        assert_eq!(sender_of(&syn4(&[0x8100; 3]), peer), None);
        let mut group = syn4(&[]);
        group[6] = 3;
        assert_eq!(sender_of(&group, peer), None);
        for length in 0..ETHERNET + 16 {
            assert_eq!(sender_of(&syn4(&[])[..length], peer), None, "{length}");
        }
    }

    #[test]
    fn the_interface_is_found_among_the_messages() {
        let message = |level: u32, kind: u32, body: &[u8]| {
            let mut bytes = (size_of::<libc::cmsghdr>() + body.len()).to_ne_bytes().to_vec();
            bytes.extend(level.to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(body);
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            bytes
        };
        let ttl = message(0, 2, &64u32.to_ne_bytes());
        let four = message(0, 8, &[&7u32.to_ne_bytes()[..], &[0; 8]].concat());
        let six = message(41, 50, &[&[0; 16][..], &9u32.to_ne_bytes()].concat());
        assert_eq!(interface_in(&[ttl.clone(), four.clone()].concat()), Some(7));
        assert_eq!(interface_in(&[ttl.clone(), six.clone()].concat()), Some(9));
        assert_eq!(interface_in(&ttl), None);
        assert_eq!(interface_in(&four[..18]), None);
        assert_eq!(interface_in(&[]), None);
    }

    #[test]
    fn a_connection_of_this_machine_has_no_sender() {
        let Ok(listener) = listen(0) else {
            // Without CAP_NET_ADMIN there is no transparent socket; the lab has one.
            return;
        };
        let port = listener.local_addr().unwrap().port();
        let dialed = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let accepted = loop {
            match listener.accept() {
                Ok((accepted, _)) => break accepted,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        assert_eq!(sender(&accepted, Ipv4Addr::LOCALHOST.into()), None);
        assert!(interface(&accepted).is_some());
        drop(dialed);
    }
}
