//! What the tc programs read of a packet besides its bytes.

use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::layout::REPLY_MARK;
use accounting_ebpf::policy::Origin;
use accounting_ebpf::tags::Taken;
use accounting_ebpf::window::Window;
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::bindings::bpf_hdr_start_off::BPF_HDR_START_MAC;
use aya_ebpf::helpers::generated::{bpf_skb_change_type, bpf_skb_store_bytes};
use aya_ebpf::programs::TcContext;

/// `PACKET_HOST` of linux/if_packet.h.
const HOST: u32 = 0;

/// `PACKET_LOOPBACK` of linux/if_packet.h.
const LOOPBACK: u32 = 5;

/// Bytes that the longest headers the gate reads may need, options and tags included.
const HEADERS: u32 = 128;

/// A packet at a tc hook.
#[derive(Clone, Copy)]
pub(crate) struct Skb(*mut __sk_buff);

impl Skb {
    #[inline(always)]
    pub(crate) fn new(context: &TcContext) -> Self {
        Self(context.skb.skb)
    }

    #[inline(always)]
    pub(crate) fn is_loopback(self) -> bool {
        // SAFETY: the context is the kernel's; so below.
        unsafe { (*self.0).pkt_type == LOOPBACK }
    }

    /// The tag that the kernel or the NIC has taken off.
    #[inline(always)]
    pub(crate) fn tag(self) -> Option<Taken> {
        // SAFETY: as above.
        unsafe {
            ((*self.0).vlan_present != 0).then_some(Taken {
                kind: u16::from_be((*self.0).vlan_proto as u16),
                tci: (*self.0).vlan_tci as u16,
            })
        }
    }

    /// Whether it came in by some interface; else the gateway made it.
    #[inline(always)]
    pub(crate) fn is_forwarded(self) -> bool {
        // SAFETY: as above.
        unsafe { (*self.0).ingress_ifindex != 0 }
    }

    /// Where it comes from.
    #[inline(always)]
    pub(crate) fn origin(self) -> Origin {
        if self.is_forwarded() {
            return Origin::Forwarded;
        }
        // SAFETY: as above.
        if unsafe { (*self.0).mark } == REPLY_MARK {
            Origin::Portal
        } else {
            Origin::Gateway
        }
    }

    /// Marks it for the rules of routing.
    #[inline(always)]
    pub(crate) fn mark(self, mark: u32) {
        // SAFETY: as above.
        unsafe { (*self.0).mark = mark };
    }

    /// What the kernel's helpers know it by.
    #[inline(always)]
    pub(crate) fn context(self) -> *mut __sk_buff {
        self.0
    }

    /// Makes it one for this host. `gateway` goes where its destination is, if the packet begins with that.
    #[inline(always)]
    pub(crate) fn take_in(self, gateway: &[u8; 6], begins_with_ethernet: bool) -> bool {
        // SAFETY: the context is the kernel's, and the address has the length that is given.
        unsafe {
            if begins_with_ethernet
                && bpf_skb_store_bytes(self.0, 0, gateway.as_ptr().cast(), gateway.len() as u32, 0) != 0
            {
                return false;
            }
            bpf_skb_change_type(self.0, HOST) == 0
        }
    }

    /// Bytes from the Ethernet header on; those of a super-frame have its headers once.
    #[inline(always)]
    pub(crate) fn length(self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.0).len }
    }

    /// Bytes on the wire, headers of every segment included. Only at egress.
    #[inline(always)]
    pub(crate) fn wire_length(self) -> u64 {
        // SAFETY: as above.
        u64::from(unsafe { (*self.0).wire_len })
    }

    /// Frames on the wire.
    #[inline(always)]
    pub(crate) fn segments(self) -> u32 {
        // SAFETY: as above.
        let segments = unsafe { (*self.0).gso_segs };
        if segments == 0 { 1 } else { segments }
    }

    /// The Ethernet header, wherever the packet begins.
    #[inline(always)]
    pub(crate) fn ethernet(self) -> Option<Ethernet> {
        let mut bytes = [0u8; Ethernet::LENGTH];
        // SAFETY: the context is the kernel's, and the buffer has the length that is asked for.
        let failed = unsafe {
            aya_ebpf::helpers::generated::bpf_skb_load_bytes_relative(
                self.0.cast(),
                0,
                bytes.as_mut_ptr().cast(),
                Ethernet::LENGTH as u32,
                BPF_HDR_START_MAC,
            )
        };
        if failed != 0 {
            return None;
        }
        Ethernet::read(Window::new(&bytes)).ok()
    }

    /// The bytes that lie in one piece.
    #[inline(always)]
    pub(crate) fn window<'a>(self) -> Window<'a> {
        // SAFETY: the kernel's own bounds of the packet; only `gather` moves it, and takes a new window.
        unsafe { Window::between((*self.0).data as usize, (*self.0).data_end as usize) }
    }

    /// The same, after the headers were brought into one piece.
    #[inline(always)]
    pub(crate) fn gather<'a>(self) -> Window<'a> {
        let wanted = if self.length() < HEADERS {
            self.length()
        } else {
            HEADERS
        };
        // SAFETY: the context is the kernel's. A failure leaves a short window, which is refused.
        unsafe { aya_ebpf::helpers::generated::bpf_skb_pull_data(self.0, wanted) };
        self.window()
    }
}
