//! The kernel's network configuration: what there is now, and that something has changed.
//!
//! Notifications only say that it is time to look again. What was missed while the socket overflowed is therefore
//! seen at the next look.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::{
    Handle, MulticastGroup, RouteMessageBuilder,
    packet_core::{NetlinkMessage, NetlinkPayload},
    packet_route::{
        RouteNetlinkMessage,
        address::AddressAttribute,
        link::{InfoPortKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkXdp, XdpAttached},
        neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage},
        route::{RouteAddress, RouteAttribute, RouteMessage},
    },
};

use super::{
    NetlinkError, StartError,
    asking::mac_of,
    closure,
    status::XdpMode,
    steer,
    tc::{HANDLE, PRIORITY},
};

type Messages = futures_channel::mpsc::UnboundedReceiver<(
    NetlinkMessage<RouteNetlinkMessage>,
    rtnetlink::sys::SocketAddr,
)>;

/// An interface as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) index: u32,
    /// `None`: no Ethernet.
    pub(super) mac: Option<[u8; 6]>,
    pub(super) loopback: bool,
    /// The number of the bridge it is a port of.
    pub(super) bridge: Option<u32>,
    /// How an XDP program is attached, and its number.
    pub(super) xdp: Option<(XdpMode, u32)>,
}

/// Questions and notifications.
pub(super) struct Netlink {
    handle: Handle,
    messages: Messages,
}

impl Netlink {
    /// Opens sockets in the network namespace of this thread; needs the runtime.
    pub(super) fn open() -> Result<Self, StartError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Tc,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
            MulticastGroup::Ipv4Rule,
            MulticastGroup::Ipv6Rule,
            MulticastGroup::Ipv4Route,
            MulticastGroup::Ipv6Route,
        ];
        let (connection, handle, messages) =
            rtnetlink::new_multicast_connection(&groups).map_err(|source| StartError::Netlink {
                action: "listen",
                source: Box::new(source.into()),
            })?;
        tokio::spawn(connection);
        Ok(Self { handle, messages })
    }

    /// All interfaces, by index.
    pub(super) async fn links(&self) -> Result<Vec<Link>, StartError> {
        let mut links: Vec<Link> = self
            .handle
            .link()
            .get()
            .execute()
            .map_ok(|message| {
                let mut link = Link {
                    name: String::new(),
                    index: message.header.index,
                    mac: None,
                    loopback: message.header.flags.contains(LinkFlags::Loopback),
                    bridge: None,
                    xdp: None,
                };
                let mut is_port = false;
                let mut controller = None;
                let ethernet = message.header.link_layer_type == LinkLayerType::Ether;
                for attribute in message.attributes {
                    match attribute {
                        LinkAttribute::IfName(name) => link.name = name,
                        LinkAttribute::Address(mac) if ethernet => link.mac = mac.try_into().ok(),
                        LinkAttribute::Xdp(xdp) => link.xdp = attached(&xdp),
                        LinkAttribute::Controller(index) => controller = Some(index),
                        LinkAttribute::LinkInfo(infos) => is_port = infos.iter().any(is_bridge_port),
                        _ => {}
                    }
                }
                link.bridge = controller.filter(|_| is_port);
                link
            })
            .try_collect()
            .await
            .map_err(failed("list the interfaces"))?;
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    /// The addresses of all interfaces but the loopback, in order, each once.
    pub(super) async fn addresses(&self, links: &[Link]) -> Result<Vec<IpAddr>, StartError> {
        let loopback = |index| links.iter().any(|link| link.index == index && link.loopback);
        let mut addresses: Vec<IpAddr> = self
            .handle
            .address()
            .get()
            .execute()
            .try_filter_map(async |message| {
                let (mut local, mut address) = (None, None);
                for attribute in message.attributes {
                    match attribute {
                        // On a point-to-point link `Address` is the other side's.
                        AddressAttribute::Local(ip) => local = Some(ip),
                        AddressAttribute::Address(ip) => address = Some(ip),
                        _ => {}
                    }
                }
                Ok(local.or(address).filter(|_| !loopback(message.header.index)))
            })
            .try_collect()
            .await
            .map_err(failed("list the addresses"))?;
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }

    /// MAC addresses of the routers that default routes name, as far as they are known, in order.
    pub(super) async fn routers(&self) -> Result<Vec<[u8; 6]>, StartError> {
        let mut gateways = Vec::new();
        for question in [
            RouteMessageBuilder::<Ipv4Addr>::new().build(),
            RouteMessageBuilder::<Ipv6Addr>::new().build(),
        ] {
            let routes = self.handle.route().get(question).execute();
            let found: Vec<RouteMessage> = routes.try_collect().await.map_err(failed("list the routes"))?;
            let defaults = found
                .into_iter()
                .filter(|route| route.header.destination_prefix_length == 0);
            for attribute in defaults.flat_map(|route| route.attributes) {
                match attribute {
                    RouteAttribute::Gateway(RouteAddress::Inet(router)) => gateways.push(router.into()),
                    RouteAttribute::Gateway(RouteAddress::Inet6(router)) => gateways.push(router.into()),
                    _ => {}
                }
            }
        }
        if gateways.is_empty() {
            return Ok(Vec::new());
        }
        let neighbours: Vec<NeighbourMessage> = self
            .handle
            .neighbours()
            .get()
            .execute()
            .try_collect()
            .await
            .map_err(failed("list the neighbours"))?;
        let is_router = |neighbour: &&NeighbourMessage| {
            neighbour.attributes.iter().any(|attribute| match attribute {
                NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => {
                    gateways.contains(&IpAddr::V4(*address))
                }
                NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => {
                    gateways.contains(&IpAddr::V6(*address))
                }
                _ => false,
            })
        };
        let mut routers: Vec<[u8; 6]> = neighbours
            .iter()
            .filter(is_router)
            .filter_map(|neighbour| Some(mac_of(neighbour)?.0))
            .collect();
        routers.sort_unstable();
        routers.dedup();
        Ok(routers)
    }

    /// Sees to it that what bears the gate's mark is for this host; says whether a rule was missing.
    pub(super) async fn steer(&self, links: &[Link]) -> Result<bool, StartError> {
        steer::install(&self.handle, loopback(links))
            .await
            .map_err(failed("route redirected connections to the portal"))
    }

    /// Undoes [`Self::steer`]; says whether there was anything to undo.
    pub(super) async fn unsteer(&self, links: &[Link]) -> Result<bool, StartError> {
        steer::remove(&self.handle, loopback(links))
            .await
            .map_err(failed("remove the rules of the captive redirect"))
    }

    /// Has nothing forwarded that comes from an interface, whether it is there or not.
    pub(super) async fn close(&self, interface: &str) -> Result<(), StartError> {
        closure::close(&self.handle, interface)
            .await
            .map_err(failed("keep an interface from being forwarded"))
    }

    /// Undoes [`Self::close`] for an interface, or for all; says whether there was anything to undo.
    pub(super) async fn reopen(&self, interface: Option<&str>) -> Result<bool, StartError> {
        closure::open(&self.handle, interface)
            .await
            .map_err(failed("let an interface be forwarded again"))
    }

    /// Whether both filters of clsact are where they were put.
    pub(super) async fn filters_in_place(&self, index: u32) -> bool {
        self.filters(index).await == 2
    }

    /// Whether a filter of clsact is where the gate puts one.
    pub(super) async fn has_filters(&self, index: u32) -> bool {
        self.filters(index).await > 0
    }

    async fn filters(&self, index: u32) -> usize {
        let Ok(index) = i32::try_from(index) else {
            return 0;
        };
        let mut found = 0;
        for egress in [false, true] {
            let mut handle = self.handle.traffic_filter(index);
            let get = handle.get();
            let get = if egress { get.egress() } else { get.ingress() };
            let mut filters = std::pin::pin!(get.execute());
            while let Some(Ok(filter)) = filters.next().await {
                let is_ours = u32::from(filter.header.handle) == HANDLE
                    && filter.header.info >> 16 == u32::from(PRIORITY);
                if is_ours {
                    found += 1;
                    break;
                }
            }
        }
        found
    }

    /// Waits until something has changed; `false`: the socket is gone.
    pub(super) async fn changed(&mut self) -> bool {
        loop {
            let Some((message, _)) = self.messages.next().await else {
                return false;
            };
            if is_change(&message) {
                break;
            }
        }
        // The look that follows sees what all that wait would tell.
        while self.messages.try_recv().is_ok() {}
        true
    }
}

/// The number of the loopback interface, which every namespace has.
fn loopback(links: &[Link]) -> u32 {
    links
        .iter()
        .find(|link| link.loopback)
        .map_or(1, |link| link.index)
}

/// New queueing disciplines and filters are mostly the gate's own, and of routes only those of the gate's table are.
fn is_change(message: &NetlinkMessage<RouteNetlinkMessage>) -> bool {
    if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelRoute(route)) = &message.payload {
        return route.attributes.contains(&RouteAttribute::Table(steer::TABLE));
    }
    matches!(
        message.payload,
        NetlinkPayload::InnerMessage(
            RouteNetlinkMessage::NewLink(_)
                | RouteNetlinkMessage::DelLink(_)
                | RouteNetlinkMessage::NewAddress(_)
                | RouteNetlinkMessage::DelAddress(_)
                | RouteNetlinkMessage::DelQueueDiscipline(_)
                | RouteNetlinkMessage::DelTrafficFilter(_)
                | RouteNetlinkMessage::DelRule(_)
        ) | NetlinkPayload::Overrun(_)
    )
}

fn is_bridge_port(info: &LinkInfo) -> bool {
    matches!(info, LinkInfo::PortKind(InfoPortKind::Bridge))
}

fn attached(xdp: &[LinkXdp]) -> Option<(XdpMode, u32)> {
    let mut mode = None;
    let mut number = None;
    for attribute in xdp {
        match attribute {
            LinkXdp::Attached(XdpAttached::SocketBuffer) => mode = Some(XdpMode::Generic),
            LinkXdp::Attached(XdpAttached::None) => {}
            LinkXdp::Attached(_) => mode = Some(XdpMode::Native),
            LinkXdp::ProgId(id) => number = Some(*id),
            _ => {}
        }
    }
    mode.zip(number)
}

fn failed(action: &'static str) -> impl FnOnce(rtnetlink::Error) -> StartError {
    move |error| StartError::Netlink {
        action,
        source: Box::new(NetlinkError::from(error)),
    }
}
