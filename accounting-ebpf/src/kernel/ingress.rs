//! What devices send, after XDP: tags that XDP does not see, and the counting where XDP sees super-frames.

use accounting_ebpf::address::Mac;
use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::layout::Port;
use accounting_ebpf::verdict::{Hook, Verdict};
use accounting_ebpf::web::{Flow, may_be_web};
use accounting_ebpf::window::Window;
use accounting_ebpf::{activity, tags};
use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

use super::count;
use super::maps::{Maps, note, port, standing};
use super::portal;
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
        whole,
    }) = arrived(skb, port.uplink_in_tc != 0)
    else {
        return Verdict::Malformed;
    };
    if tags::foreign(skb.tag(), ethernet, rest) {
        return Verdict::Vlan;
    }
    if ethernet.destination == Mac::DEAD {
        return hand_over(skb, ethernet, whole, port);
    }
    if port.redirect_port != 0
        && may_be_web(ethernet, rest)
        && let Some(flow) = Flow::read(ethernet, rest)
    {
        portal::to_connection(skb, &flow);
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

/// A stranger's frame for some web server, as XDP has left it: to its connection with the portal, else to the portal's
/// listener. Without one it ends here.
#[inline(always)]
fn hand_over(skb: Skb, ethernet: Ethernet, whole: bool, port: &Port) -> Verdict {
    let window = skb.gather();
    let rest = if whole {
        window.skip(Ethernet::LENGTH)
    } else {
        window
    };
    let Some(flow) = Flow::read(ethernet, rest) else {
        return Verdict::Malformed;
    };
    let taken = portal::to_connection(skb, &flow) || portal::to_listener(skb, &flow, port);
    if taken && skb.take_in(&port.gateway, whole) {
        Verdict::Redirect
    } else {
        Verdict::Stranger
    }
}

/// A frame: its header, what follows, the bytes of both, and whether the packet begins with its Ethernet header.
struct Arrived {
    ethernet: Ethernet,
    rest: Window<'static>,
    bytes: u32,
    whole: bool,
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
            whole: true,
        });
    }
    let ethernet = skb.ethernet()?;
    if Ethernet::read(window).is_ok_and(|begins| begins == ethernet) {
        return Some(Arrived {
            ethernet,
            rest: window.skip(Ethernet::LENGTH),
            bytes: skb.length(),
            whole: true,
        });
    }
    Some(Arrived {
        ethernet,
        rest: window,
        bytes: skb.length() + Ethernet::LENGTH as u32,
        whole: false,
    })
}
