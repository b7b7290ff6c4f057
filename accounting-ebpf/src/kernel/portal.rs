//! The captive redirect: hands connections to web servers to the portal's sockets.

use core::mem::size_of;

use accounting_ebpf::layout::{Port, REDIRECT_MARK};
use accounting_ebpf::web::Flow;
use aya_ebpf::bindings::{BPF_F_CURRENT_NETNS, bpf_sock, bpf_sock_tuple};
use aya_ebpf::helpers::generated::{bpf_sk_assign, bpf_sk_release, bpf_skc_lookup_tcp};

use super::skb::Skb;

/// `TCP_LISTEN`.
const LISTEN: u32 = 10;

/// Bytes of the addresses and ports of an IPv4 connection, and of an IPv6 one.
const TUPLE4: u32 = 12;
const TUPLE6: u32 = 36;

/// Hands the packet to the socket of its connection, if the portal has one. It does whatever the device's session: a
/// connection with the portal ends with the portal.
#[inline(always)]
pub(crate) fn to_connection(skb: Skb, flow: &Flow) -> bool {
    assign(skb, flow, accounting_ebpf::web::WEB, false)
}

/// Hands the packet to the portal's listener.
#[inline(always)]
pub(crate) fn to_listener(skb: Skb, flow: &Flow, port: &Port) -> bool {
    assign(skb, flow, port.redirect_port, true)
}

/// Looks a socket up by the packet's own addresses, with `at` as its destination port.
#[inline(always)]
fn assign(skb: Skb, flow: &Flow, at: u16, listener: bool) -> bool {
    let mut tuple = [0u32; 9];
    let ports = u32::from(flow.port.to_be()) | u32::from(at.to_be()) << 16;
    let size = if flow.source.is_v4() {
        tuple[0] = flow.source.0[3];
        tuple[1] = flow.destination.0[3];
        tuple[2] = ports;
        TUPLE4
    } else {
        [tuple[0], tuple[1], tuple[2], tuple[3]] = flow.source.0;
        [tuple[4], tuple[5], tuple[6], tuple[7]] = flow.destination.0;
        tuple[8] = ports;
        TUPLE6
    };
    const { assert!(size_of::<bpf_sock_tuple>() == TUPLE6 as usize) };
    let tuple = (&raw mut tuple).cast::<bpf_sock_tuple>();
    // SAFETY: the context is the kernel's, and the tuple is as long as it is said to be.
    let socket: *mut bpf_sock =
        unsafe { bpf_skc_lookup_tcp(skb.context().cast(), tuple, size, BPF_F_CURRENT_NETNS as u64, 0) };
    if socket.is_null() {
        return false;
    }
    // SAFETY: the look-up has given it, and holds it until it is released.
    let found = unsafe { (*socket).state } == LISTEN;
    // SAFETY: as above.
    let assigned = found == listener && unsafe { bpf_sk_assign(skb.context().cast(), socket.cast(), 0) } == 0;
    // SAFETY: released once, and not used after.
    unsafe { bpf_sk_release(socket.cast()) };
    if assigned {
        skb.mark(REDIRECT_MARK);
    }
    assigned
}
