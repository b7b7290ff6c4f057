//! Answers refused frames in place of whom they were for.

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::refusal::{Refusal, reset4, reset6, unreachable4, unreachable6};
use accounting_ebpf::window::Window;
use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_TX};
use aya_ebpf::helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use aya_ebpf::programs::XdpContext;

/// Turns the frame into its answer and sends it back. A frame that cannot be resized is dropped.
#[inline(always)]
pub(crate) fn answer(context: &XdpContext, length: u64) -> u32 {
    // SAFETY: the kernel's own bounds of the frame, which nothing moves while it is read.
    let window = unsafe { Window::between(context.data(), context.data_end()) };
    let Ok(asked) = Ethernet::read(window) else {
        return XDP_DROP;
    };
    let Some(refusal) = Refusal::to(asked, window) else {
        return XDP_DROP;
    };
    // Written out: a closure would become a call, for which the stack has no room.
    match refusal {
        Refusal::Reset4 => {
            let Some(frame) = resize(context, length, 0) else {
                return XDP_DROP;
            };
            reset4(frame);
        }
        Refusal::Reset6 => {
            let Some(frame) = resize(context, length, 0) else {
                return XDP_DROP;
            };
            reset6(frame);
        }
        // What is quoted begins behind the Ethernet header, and stays where it is.
        Refusal::Unreachable4 => {
            let Some(frame) = resize(context, length, 20 + 8) else {
                return XDP_DROP;
            };
            unreachable4(frame, asked);
        }
        Refusal::Unreachable6 => {
            let Some(frame) = resize(context, length, 40 + 8) else {
                return XDP_DROP;
            };
            unreachable6(frame, asked);
        }
    }
    XDP_TX
}

/// Makes room for `before` bytes in front of the frame, and `N` bytes of it in all.
#[inline(always)]
fn resize<'a, const N: usize>(context: &'a XdpContext, length: u64, before: i32) -> Option<&'a mut [u8; N]> {
    // SAFETY: the context is the kernel's.
    unsafe {
        if before != 0 && bpf_xdp_adjust_head(context.ctx, -before) != 0 {
            return None;
        }
        let change = (N as i32).wrapping_sub(length as i32).wrapping_sub(before);
        if bpf_xdp_adjust_tail(context.ctx, change) != 0 {
            return None;
        }
    }
    let (start, end) = (context.data(), context.data_end());
    if start + N > end {
        return None;
    }
    let frame = core::ptr::with_exposed_provenance_mut::<[u8; N]>(start);
    // SAFETY: N bytes from `start` are within the frame, nobody else has them, and bytes have no alignment.
    Some(unsafe { &mut *frame })
}
