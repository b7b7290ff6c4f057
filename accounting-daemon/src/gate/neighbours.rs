//! Who is behind the gated interfaces with which address, by the kernel's neighbour tables of both families.

use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage};

use super::{NetlinkError, StartError, asking, status::GateStatus};
use crate::mac::DeviceId;

/// Entries of the tables that are looked at; what is beyond them is not seen.
const NEIGHBOURS_MAX: usize = 65_536;

/// The kernel tells ages in hundredths of a second.
const TICK_MS: u64 = 10;

/// An entry of a neighbour table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// Who has the address.
    pub device: DeviceId,
    /// The address.
    pub address: IpAddr,
    /// Milliseconds since the device was last known to answer at it.
    pub confirmed: u64,
    /// Milliseconds since the entry changed last.
    pub changed: u64,
}

/// The neighbours behind the gated interfaces, without the gateway itself and its routers. Runs within a tokio runtime, in the
/// network namespace of the interfaces.
///
/// # Errors
/// [`StartError::Netlink`]: the tables cannot be read.
pub async fn neighbours(status: &GateStatus) -> Result<Vec<Neighbour>, StartError> {
    const ACTION: &str = "list the neighbours";
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|source| StartError::Netlink {
        action: ACTION,
        source: Box::new(source.into()),
    })?;
    tokio::spawn(connection);
    let entries = handle.neighbours().get().execute().take(NEIGHBOURS_MAX);
    let found = entries.try_filter_map(async |entry| Ok(neighbour(&entry, status)));
    found.try_collect().await.map_err(|error| StartError::Netlink {
        action: ACTION,
        source: Box::new(NetlinkError::from(error)),
    })
}

fn neighbour(entry: &NeighbourMessage, status: &GateStatus) -> Option<Neighbour> {
    let interface = asking::behind(entry.header.ifindex, &status.interfaces)?;
    let mac = asking::mac_of(entry)?;
    if !mac.is_unicast() || status.owns(mac) || status.is_router(mac) {
        return None;
    }
    let (mut address, mut ages) = (None, None);
    for attribute in &entry.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(four)) => {
                address = Some(IpAddr::V4(*four))
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(six)) => address = Some(IpAddr::V6(*six)),
            NeighbourAttribute::CacheInfo(info) => ages = Some((info.confirmed, info.updated)),
            _ => {}
        }
    }
    let (confirmed, changed) = ages?;
    Some(Neighbour {
        device: DeviceId {
            mac,
            zone: interface.zone,
        },
        address: address.filter(|address| !address.is_multicast() && !address.is_unspecified())?,
        confirmed: u64::from(confirmed) * TICK_MS,
        changed: u64::from(changed) * TICK_MS,
    })
}
