//! Copies what the gateway's resolver answers to strangers, for the daemon to learn which addresses listed names have.

use accounting_ebpf::frame::{Ethernet, Payload, Protocol, Tags};
use accounting_ebpf::layout::ANSWER_MAX;
use aya_ebpf::helpers::generated::bpf_skb_load_bytes;

use super::maps;
use super::skb::Skb;

/// Copies the message of a DNS frame that goes to a stranger. Without room nothing is copied.
#[inline(always)]
pub(crate) fn copy(skb: Skb, ethernet: Ethernet) {
    let rest = skb.window().skip(Ethernet::LENGTH);
    let Ok(Payload::Ip(packet)) = Tags::read(ethernet, rest).and_then(Payload::read) else {
        return;
    };
    if packet.transport.protocol != Protocol::Udp {
        return;
    }
    let start = u32::from(packet.headers);
    let length = skb.length().wrapping_sub(start);
    if length as usize > ANSWER_MAX {
        return;
    }
    // From 1 to the size of the room, as the verifier wants to see it; an empty message becomes one that is not there.
    let length = (length.wrapping_sub(1) & ANSWER_MAX as u32) + 1;
    let Some(mut entry) = maps::answer() else {
        return;
    };
    let answer = entry.as_mut_ptr();
    // SAFETY: the entry has room for the length, which the mask bounds; the context is the kernel's.
    let copied = unsafe {
        (&raw mut (*answer).length).write(length);
        let message = (&raw mut (*answer).message).cast();
        bpf_skb_load_bytes(skb.context().cast(), start, message, length) == 0
    };
    if copied {
        entry.submit(0);
    } else {
        entry.discard(0);
    }
}
