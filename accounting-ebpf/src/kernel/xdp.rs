//! What devices send, decided before the kernel sees it.

use accounting_ebpf::address::Mac;
use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::verdict::{Hook, Verdict};
use accounting_ebpf::window::Window;
use accounting_ebpf::{activity, policy};
use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS};
use aya_ebpf::helpers::generated::bpf_xdp_get_buff_len;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;

use super::count;
use super::maps::{Maps, note, port, remember_rogue, standing};
use super::refuse;

/// The gate for frames from devices, whole or in fragments of memory.
#[xdp(frags)]
pub(crate) fn gate_xdp(context: XdpContext) -> u32 {
    // SAFETY: the context is the kernel's.
    gate(&context, || unsafe { bpf_xdp_get_buff_len(context.ctx) })
}

/// The same for kernels before 5.18, which do not know frames in fragments of memory.
#[xdp]
pub(crate) fn gate_xdp_linear(context: XdpContext) -> u32 {
    gate(&context, || (context.data_end() - context.data()) as u64)
}

#[inline(always)]
fn gate(context: &XdpContext, length: impl Fn() -> u64) -> u32 {
    // SAFETY: the kernel's own bounds of the frame, which nothing here moves.
    let window = unsafe { Window::between(context.data(), context.data_end()) };
    let verdict = decide(window, &length);
    note(Hook::XdpIngress, verdict);
    match verdict {
        Verdict::Redirect => hide(context),
        Verdict::Refused => refuse::answer(context, length()),
        verdict if verdict.passes() => XDP_PASS,
        _ => XDP_DROP,
    }
}

/// Passes the frame under an address that only tc ingress knows what to do with.
#[inline(always)]
fn hide(context: &XdpContext) -> u32 {
    let (start, end) = (context.data(), context.data_end());
    if start + Ethernet::LENGTH > end {
        return XDP_DROP;
    }
    let [a, b, c, d, e, f, ..] = Mac::DEAD.0.to_le_bytes();
    let destination = core::ptr::with_exposed_provenance_mut::<[u8; 6]>(start);
    // SAFETY: the frame has more bytes than that, and bytes have no alignment.
    unsafe { destination.write([a, b, c, d, e, f]) };
    XDP_PASS
}

#[inline(always)]
fn decide(window: Window<'_>, length: impl Fn() -> u64) -> Verdict {
    let Ok(ethernet) = Ethernet::read(window) else {
        return Verdict::Malformed;
    };
    let port = port();
    let key = ethernet.source.key(port.zone);
    let standing = standing(key);
    if standing.verdict.admits() {
        if policy::is_rogue(standing.verdict, ethernet, window, port) {
            remember_rogue(key);
            return Verdict::Rogue;
        }
        if port.uplink_in_tc == 0 {
            count::up(standing, length(), 1, || {
                activity::uplink(ethernet, window, port, &Maps)
            });
        }
        return standing.verdict;
    }
    let verdict = policy::uplink(standing.verdict, ethernet, window, port, &Maps);
    if verdict == Verdict::Rogue {
        remember_rogue(key);
    }
    verdict
}
