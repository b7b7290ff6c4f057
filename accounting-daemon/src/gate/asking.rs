//! Who asks the portal: the device behind a connection, found by what the kernel knows and never by what the device says.

use std::net::IpAddr;

use futures_util::StreamExt;
use rtnetlink::{
    packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload},
    packet_route::{
        AddressFamily, RouteNetlinkMessage,
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage},
    },
};
use tokio::net::TcpStream;

use super::{
    status::{GateStatus, InterfaceStatus},
    transparent,
};
use crate::mac::{DeviceId, Mac};

/// The device behind a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// Its MAC address and zone.
    pub device: DeviceId,
    /// The gated interface it is behind, as configured.
    pub interface: String,
}

/// The device behind a connection that a listener of [`super::listen`] accepted: by the connection's own SYN or, when that was not
/// kept, by the neighbour table of the interface it came in on. `None` for who is not behind a gated interface, for the
/// gateway itself and its routers, and where a bridge has ports of several zones. Ask once, and keep the answer: the kernel gives
/// a SYN once.
pub async fn who_is_asking(connection: &TcpStream, status: &GateStatus) -> Option<Asker> {
    let peer = connection.peer_addr().ok()?.ip().to_canonical();
    let index = transparent::interface(connection)?;
    let interface = behind(index, &status.interfaces)?;
    let mac = match transparent::sender(connection, peer) {
        Some(mac) => mac,
        None => neighbour(index, peer).await?,
    };
    if !mac.is_unicast() || status.owns(mac) || status.is_router(mac) {
        return None;
    }
    Some(Asker {
        device: DeviceId {
            mac,
            zone: interface.zone,
        },
        interface: interface.name.clone(),
    })
}

/// Whether the connection was meant for somebody else, and the gate has handed it to the portal.
#[must_use]
pub fn is_redirected(connection: &TcpStream, status: &GateStatus) -> bool {
    connection
        .local_addr()
        .is_ok_and(|local| !status.has_address(local.ip().to_canonical()))
}

/// The gated interface of an index: itself, or a port of the bridge that has the index.
pub(super) fn behind(index: u32, interfaces: &[InterfaceStatus]) -> Option<&InterfaceStatus> {
    if let Some(interface) = interfaces.iter().find(|interface| interface.index == index) {
        return Some(interface);
    }
    let mut ports = interfaces
        .iter()
        .filter(|interface| interface.bridge == Some(index));
    let first = ports.next()?;
    ports.all(|port| port.zone == first.zone).then_some(first)
}

/// The MAC address of a neighbour, from the kernel's table.
async fn neighbour(index: u32, address: IpAddr) -> Option<Mac> {
    let (connection, mut handle, _) = rtnetlink::new_connection().ok()?;
    tokio::spawn(connection);
    let mut question = NeighbourMessage::default();
    question.header.ifindex = index;
    (question.header.family, question.attributes) = match address {
        IpAddr::V4(four) => (
            AddressFamily::Inet,
            vec![NeighbourAttribute::Destination(NeighbourAddress::Inet(four))],
        ),
        IpAddr::V6(six) => (
            AddressFamily::Inet6,
            vec![NeighbourAttribute::Destination(NeighbourAddress::Inet6(six))],
        ),
    };
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetNeighbour(question));
    request.header.flags = NLM_F_REQUEST;
    let mut answers = handle.request(request).ok()?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewNeighbour(found)) = answer.payload {
            return mac_of(&found);
        }
    }
    None
}

/// The MAC address in an entry of the neighbour table; one that is being looked for has none.
pub(super) fn mac_of(neighbour: &NeighbourMessage) -> Option<Mac> {
    neighbour.attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => Some(Mac(bytes.as_slice().try_into().ok()?)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, index: u32, bridge: Option<u32>, zone: u16) -> InterfaceStatus {
        InterfaceStatus {
            index,
            bridge,
            ..InterfaceStatus::unseen(name, zone)
        }
    }

    #[test]
    fn a_gated_port_is_found_by_its_bridge() {
        let interfaces = [
            interface("lan0", 3, None, 1),
            interface("port1", 4, Some(9), 2),
            interface("port2", 5, Some(9), 2),
            interface("port3", 6, Some(8), 2),
            interface("port4", 7, Some(8), 3),
        ];
        let zone = |index| behind(index, &interfaces).map(|interface| interface.zone);
        assert_eq!(zone(3), Some(1));
        assert_eq!(zone(9), Some(2));
        assert_eq!(zone(8), None, "two zones behind one bridge");
        assert_eq!(zone(2), None);
    }
}
