//! What tc ingress must see to: tags, some of which the kernel has taken off before XDP could see them.

use crate::frame::{Error, Ethernet, Payload, Tags};
use crate::window::Window;

/// Whether the frame belongs to a VLAN: by the tag that the kernel has taken off (`taken`, its TCI), or by those that
/// are still in the frame; `rest` is what follows the Ethernet header. Priority tags (VLAN id 0) belong to none; more tags than one of each kind count as a VLAN.
#[inline(always)]
#[must_use]
pub fn foreign(taken: Option<u16>, ethernet: Ethernet, rest: Window<'_>) -> bool {
    if taken.is_some_and(|tci| tci & 0x0fff != 0) {
        return true;
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
