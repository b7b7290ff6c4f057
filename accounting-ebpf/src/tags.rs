//! What tc ingress must see to: tags, some of which the kernel has taken off before XDP could see them.

use crate::frame::{Error, Ethernet, Payload, SERVICE_VLAN, Tags, VLAN};
use crate::window::Window;

/// The tag that the kernel or the NIC has taken off, the outermost one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its EtherType.
    pub kind: u16,
    /// Priority and VLAN id.
    pub tci: u16,
}

/// Whether the frame belongs to a VLAN: by the tag that the kernel has taken off, or by those that are still in the
/// frame; `rest` is what follows the Ethernet header. Priority tags (VLAN id 0) belong to none; more tags than one of
/// each kind, and a service tag within another, count as a VLAN, as they do where XDP sees them all.
#[inline(always)]
#[must_use]
pub fn foreign(taken: Option<Taken>, ethernet: Ethernet, rest: Window<'_>) -> bool {
    if let Some(Taken { kind, tci }) = taken {
        let excess = ethernet.kind == SERVICE_VLAN || (ethernet.kind == VLAN && kind == VLAN);
        if tci & 0x0fff != 0 || excess {
            return true;
        }
    }
    match Tags::read(ethernet, rest) {
        Ok(tags) => tags.vlan != 0,
        Err(Error::Short) => false,
        Err(_) => true,
    }
}

/// Bytes of headers that each segment of a super-frame repeats; 0 when they cannot be read.
#[inline(always)]
#[must_use]
pub fn repeated(ethernet: Ethernet, rest: Window<'_>) -> u32 {
    match Tags::read(ethernet, rest).and_then(Payload::read) {
        Ok(Payload::Ip(packet)) => u32::from(packet.headers),
        _ => 0,
    }
}
