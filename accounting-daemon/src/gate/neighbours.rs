//! Who is behind the gated interfaces with which address, by the kernel's neighbour tables of both families.

use std::net::IpAddr;

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};

use super::{NetlinkError, StartError, asking, status::GateStatus};
use crate::mac::{DeviceId, Mac};

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
    /// Index of the interface in whose table it is.
    pub interface: u32,
    /// Whether a full table does not throw it out.
    pub held: bool,
}

/// What the tables say.
#[derive(Debug, Default)]
pub struct Neighbours {
    /// The entries of devices behind the gated interfaces.
    pub known: Vec<Neighbour>,
    /// The entries of the gateway's own routers that are not held yet; the zone says nothing.
    pub routers: Vec<Neighbour>,
    /// Entries that are held and have no device any more.
    lost: Vec<NeighbourMessage>,
}

/// The neighbours behind the gated interfaces, without the gateway itself, and its routers. Runs within a tokio runtime, in the
/// network namespace of the interfaces.
///
/// # Errors
/// [`StartError::Netlink`]: the tables cannot be read.
pub async fn neighbours(status: &GateStatus) -> Result<Neighbours, StartError> {
    const ACTION: &str = "list the neighbours";
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|source| StartError::Netlink {
        action: ACTION,
        source: Box::new(source.into()),
    })?;
    tokio::spawn(connection);
    let entries = handle.neighbours().get().execute().take(NEIGHBOURS_MAX);
    let found = entries.try_fold(Neighbours::default(), async |mut found, entry| {
        if is_lost(&entry, status) {
            found.lost.push(entry);
        } else if let Some(one) = router(&entry, status) {
            found.routers.push(one);
        } else if let Some(one) = neighbour(&entry, status) {
            found.known.push(one);
        }
        Ok(found)
    });
    found.await.map_err(|error| failed(ACTION, error))
}

/// Holds entries in the tables, or leaves them to be thrown out when a table is full (`false`), and forgets those that are lost. An
/// entry that is held is looked after as any other, but is neither counted in a table nor thrown out of it: strangers who fill
/// the table do not part people who are online from the gateway.
///
/// # Errors
/// [`StartError::Netlink`]: the tables cannot be changed.
pub async fn hold(changes: &[(Neighbour, bool)], swept: Neighbours) -> Result<(), StartError> {
    const ACTION: &str = "hold neighbours";
    if changes.is_empty() && swept.lost.is_empty() {
        return Ok(());
    }
    let (connection, handle, _) = rtnetlink::new_connection().map_err(|source| StartError::Netlink {
        action: ACTION,
        source: Box::new(source.into()),
    })?;
    tokio::spawn(connection);
    for (one, held) in changes {
        let flags = if *held {
            NeighbourFlags::ExtLearned
        } else {
            NeighbourFlags::empty()
        };
        // Stale is what the kernel asks about before it relies on it.
        let request = handle
            .neighbours()
            .add(one.interface, one.address)
            .link_layer_address(&one.device.mac.0)
            .state(NeighbourState::Stale)
            .flags(flags)
            .replace();
        request.execute().await.map_err(|error| failed(ACTION, error))?;
    }
    for entry in swept.lost {
        // Whoever deleted it meanwhile has done the same.
        let _ = handle.neighbours().del(entry).execute().await;
    }
    Ok(())
}

fn failed(action: &'static str, error: rtnetlink::Error) -> StartError {
    StartError::Netlink {
        action,
        source: Box::new(NetlinkError::from(error)),
    }
}

fn is_held(entry: &NeighbourMessage) -> bool {
    entry.header.flags.contains(NeighbourFlags::ExtLearned)
}

fn is_lost(entry: &NeighbourMessage, status: &GateStatus) -> bool {
    let gated = asking::behind(entry.header.ifindex, &status.interfaces).is_some();
    gated && is_held(entry) && entry.header.state == NeighbourState::Failed
}

fn neighbour(entry: &NeighbourMessage, status: &GateStatus) -> Option<Neighbour> {
    let interface = asking::behind(entry.header.ifindex, &status.interfaces)?;
    let mac = asking::mac_of(entry)?;
    if !mac.is_unicast() || status.owns(mac) || status.is_router(mac) {
        return None;
    }
    read(entry, mac, interface.zone)
}

/// The entry of a router of the gateway's own, which nobody is behind and which is not held.
fn router(entry: &NeighbourMessage, status: &GateStatus) -> Option<Neighbour> {
    let mac = asking::mac_of(entry)?;
    let one = read(entry, mac, 0)?;
    (status.is_router(mac) && !one.held).then_some(one)
}

fn read(entry: &NeighbourMessage, mac: Mac, zone: u16) -> Option<Neighbour> {
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
        device: DeviceId { mac, zone },
        address: address.filter(|address| !address.is_multicast() && !address.is_unspecified())?,
        confirmed: u64::from(confirmed) * TICK_MS,
        changed: u64::from(changed) * TICK_MS,
        interface: entry.header.ifindex,
        held: is_held(entry),
    })
}
