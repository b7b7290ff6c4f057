//! What devices receive.

use accounting_ebpf::budget::cell_of;
use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::policy::Origin;
use accounting_ebpf::verdict::{Hook, Verdict};
use accounting_ebpf::{policy, tags};
use aya_ebpf::bindings::{TC_ACT_SHOT, TC_ACT_UNSPEC};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;

use super::count;
use super::learn;
use super::maps::{Maps, note, note_answer, port, standing};
use super::skb::Skb;

/// The gate for frames to devices.
#[classifier]
pub(crate) fn gate_egress(context: TcContext) -> i32 {
    let verdict = decide(Skb::new(&context));
    note(Hook::TcEgress, verdict);
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
    let Ok(ethernet) = Ethernet::read(skb.window()) else {
        return Verdict::Malformed;
    };
    if ethernet.destination.is_group() {
        return policy::multicast(skb.is_forwarded());
    }
    let port = port();
    let standing = standing(ethernet.destination.key(port.zone));
    if standing.verdict.admits() {
        count::down(
            standing,
            skb.wire_length(),
            u64::from(skb.segments()),
            skb.is_forwarded(),
        );
        return standing.verdict;
    }
    if !policy::judges_frame(standing.verdict) {
        return standing.verdict;
    }
    let window = skb.gather();
    if tags::foreign(skb.tag(), ethernet, window.skip(Ethernet::LENGTH)) {
        return Verdict::Vlan;
    }
    let origin = skb.origin();
    let verdict = policy::downlink(standing.verdict, ethernet, window, port, origin, &Maps);
    if port.learn != 0 && verdict == Verdict::Dns && origin == Origin::Gateway {
        note_answer(cell_of(ethernet.destination, port.budget_key));
        learn::copy(skb, ethernet);
    }
    verdict
}
