//! Answers refused frames in place of whom they were for.

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::refusal::{
    RESET4, RESET6, Refusal, UNREACHABLE4, UNREACHABLE6, reset4, reset6, unreachable4, unreachable6,
};
use accounting_ebpf::window::Window;
use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_TX};
use aya_ebpf::helpers::generated::bpf_xdp_adjust_tail;
use aya_ebpf::programs::XdpContext;

/// Turns the frame into its answer and sends it back. A frame that cannot be resized is dropped.
#[inline(always)]
pub(crate) fn answer(context: &XdpContext, length: u64) -> u32 {
    // SAFETY: the kernel's own bounds of the frame, which nothing moves before the answer is made.
    let window = unsafe { Window::between(context.data(), context.data_end()) };
    let sent = match Ethernet::read(window)
        .ok()
        .and_then(|ethernet| Refusal::to(ethernet, window))
    {
        Some(Refusal::Reset4) => window
            .header::<RESET4>()
            .map(|frame| send(context, length, &reset4(frame))),
        Some(Refusal::Reset6) => window
            .header::<RESET6>()
            .map(|frame| send(context, length, &reset6(frame))),
        Some(Refusal::Unreachable4) => window
            .header::<42>()
            .map(|frame| send::<UNREACHABLE4>(context, length, &unreachable4(frame))),
        Some(Refusal::Unreachable6) => window
            .header::<62>()
            .map(|frame| send::<UNREACHABLE6>(context, length, &unreachable6(frame))),
        None => None,
    };
    if sent == Some(true) { XDP_TX } else { XDP_DROP }
}

#[inline(always)]
fn send<const N: usize>(context: &XdpContext, length: u64, answer: &[u8; N]) -> bool {
    // SAFETY: the context is the kernel's.
    if unsafe { bpf_xdp_adjust_tail(context.ctx, (N as i32).wrapping_sub(length as i32)) } != 0 {
        return false;
    }
    let (start, end) = (context.data(), context.data_end());
    if start + N > end {
        return false;
    }
    let frame = core::ptr::with_exposed_provenance_mut::<[u8; N]>(start);
    // SAFETY: N bytes from `start` are within the frame, and bytes have no alignment.
    unsafe { frame.write(*answer) };
    true
}
