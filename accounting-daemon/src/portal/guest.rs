//! Who is at the other end of a connection, as the network says.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use tokio::net::TcpStream;

use crate::{
    gate::{self, status::GateStatus},
    mac::DeviceId,
};

/// The device behind a connection; it stays the same for all requests of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// MAC address and zone.
    pub device: DeviceId,
    /// Its address.
    pub address: IpAddr,
    /// The address and port that it asked.
    pub asked: SocketAddr,
    /// Whether it asked for somebody else, and was handed to the portal.
    pub redirected: bool,
    /// Whether the connection is encrypted.
    pub secure: bool,
}

impl Guest {
    /// Who opened a connection; `None` for who is not behind a gated interface, and for routers.
    pub(super) async fn of(connection: &TcpStream, status: &GateStatus) -> Option<Self> {
        let asker = gate::who_is_asking(connection, status).await?;
        Some(Self {
            device: asker.device,
            address: connection.peer_addr().ok()?.ip().to_canonical(),
            asked: connection.local_addr().ok()?,
            redirected: gate::is_redirected(connection, status),
            secure: false,
        })
    }

    /// The gateway's own address that is nearest to the guest.
    pub(super) fn nearest(&self) -> Option<IpAddr> {
        let own = self.asked.ip().to_canonical();
        if !self.redirected {
            return Some(own);
        }
        let any: SocketAddr = if self.address.is_ipv4() {
            ([0; 4], 0).into()
        } else {
            ([0u16; 8], 0).into()
        };
        // Sends nothing: the kernel chooses the address from which it would.
        let socket = UdpSocket::bind(any).ok()?;
        socket.connect((self.address, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    }
}
