//! What devices send, after XDP: tags that XDP does not see, and the counting where XDP sees super-frames.

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::verdict::{Hook, Verdict};
use accounting_ebpf::{activity, tags};
use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

use super::count;
use super::maps::{Maps, note, port, standing};
use super::skb::Skb;

/// The gate behind XDP.
#[classifier]
pub(crate) fn gate_ingress(context: TcContext) -> i32 {
    let verdict = decide(Skb::new(&context));
    note(Hook::TcIngress, verdict);
    if verdict.passes() {
        TC_ACT_UNSPEC
    } else {
        TC_ACT_SHOT
    }
}

#[inline(always)]
fn decide(skb: Skb) -> Verdict {
    if skb.is_loopback() {
        return Verdict::Loopback;
    }
    if tags::foreign(skb.tag(), skb.window()) {
        return Verdict::Vlan;
    }
    let port = port();
    if port.uplink_in_tc == 0 {
        return Verdict::Checked;
    }
    let window = skb.window();
    let Ok(ethernet) = Ethernet::read(window) else {
        return Verdict::Malformed;
    };
    let standing = standing(ethernet.source.key(port.zone));
    if !standing.verdict.admits() {
        return Verdict::Checked;
    }
    let segments = skb.segments();
    let mut bytes = u64::from(skb.length());
    if segments > 1 {
        bytes += u64::from(segments - 1) * u64::from(tags::repeated(window));
    }
    count::up(standing, bytes, u64::from(segments), || {
        activity::uplink(ethernet, window, port, &Maps)
    });
    standing.verdict
}
