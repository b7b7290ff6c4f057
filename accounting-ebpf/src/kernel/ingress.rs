//! What devices send, after XDP: tags that XDP does not see, and the counting where XDP sees super-frames.

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::verdict::{Hook, Verdict};
use accounting_ebpf::window::Window;
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
    let port = port();
    let Some(Arrived {
        ethernet,
        rest,
        bytes,
    }) = arrived(skb, port.uplink_in_tc != 0)
    else {
        return Verdict::Malformed;
    };
    if tags::foreign(skb.tag(), ethernet, rest) {
        return Verdict::Vlan;
    }
    if port.uplink_in_tc == 0 {
        return Verdict::Checked;
    }
    let standing = standing(ethernet.source.key(port.zone));
    if !standing.verdict.admits() {
        return Verdict::Checked;
    }
    let segments = skb.segments();
    let mut bytes = u64::from(bytes);
    if segments > 1 {
        bytes += u64::from(segments - 1) * u64::from(tags::repeated(ethernet, rest));
    }
    count::up(standing, bytes, u64::from(segments), || {
        activity::asks_to_forward(ethernet, rest, port, &Maps)
    });
    standing.verdict
}

/// A frame: its header, what follows, and the bytes of both.
struct Arrived {
    ethernet: Ethernet,
    rest: Window<'static>,
    bytes: u32,
}

/// Finds the frame. Generic XDP may copy a packet, and the copy has forgotten how long its Ethernet header is: then the
/// packet begins behind the header, which is still there to be asked for.
#[inline(always)]
fn arrived(skb: Skb, generic: bool) -> Option<Arrived> {
    let window = skb.window();
    if !generic {
        let ethernet = Ethernet::read(window).ok()?;
        return Some(Arrived {
            ethernet,
            rest: window.skip(Ethernet::LENGTH),
            bytes: skb.length(),
        });
    }
    let ethernet = skb.ethernet()?;
    if Ethernet::read(window).is_ok_and(|begins| begins == ethernet) {
        return Some(Arrived {
            ethernet,
            rest: window.skip(Ethernet::LENGTH),
            bytes: skb.length(),
        });
    }
    Some(Arrived {
        ethernet,
        rest: window,
        bytes: skb.length() + Ethernet::LENGTH as u32,
    })
}
