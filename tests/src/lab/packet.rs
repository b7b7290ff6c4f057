//! Raw frames on an interface.

use std::os::fd::{AsRawFd, OwnedFd};

use anyhow::{Context, Result};
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, send, setsockopt, socket,
    sockopt,
};

use super::namespace::Namespace;

/// Sends frames of any shape from an interface, as a device does that follows no rules.
#[derive(Debug)]
pub struct Injector {
    socket: OwnedFd,
}

impl Injector {
    /// Opens an interface of the namespace for sending.
    ///
    /// # Errors
    /// When there is no such interface.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        let (socket, _) = packet_socket(namespace, interface)?;
        // What it would receive is nobody's concern.
        setsockopt(&socket, sockopt::RcvBuf, &0)?;
        Ok(Self { socket })
    }

    /// Sends a frame, from the Ethernet header on.
    ///
    /// # Errors
    /// When the kernel refuses it: shorter than a header, longer than the interface takes, interface down.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        send(self.socket.as_raw_fd(), frame, MsgFlags::empty()).context("cannot send a frame")?;
        Ok(())
    }
}

/// A raw socket that hears and sends on one interface, and the interface's index. Between opening and binding it hears
/// every interface.
pub(super) fn packet_socket(namespace: &Namespace, interface: &str) -> Result<(OwnedFd, usize)> {
    namespace.enter(|| {
        let missing = || format!("no interface {interface} in {}", namespace.name());
        let mut all = nix::ifaddrs::getifaddrs().context("cannot list interfaces")?;
        let address = all.find_map(|one| {
            let address = *one.address?.as_link_addr()?;
            (one.interface_name == interface).then_some(address)
        });
        let address: LinkAddr = address.with_context(missing)?;
        let socket = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthAll,
        )
        .context("cannot open a packet socket (root?)")?;
        bind(socket.as_raw_fd(), &address).with_context(missing)?;
        Ok((socket, address.ifindex()))
    })
}
