//! The maps by the names of [`accounting_ebpf::layout::map`], and their look-ups. The loader changes capacities.

use accounting_ebpf::address::Address;
use accounting_ebpf::budget::Cells;
use accounting_ebpf::layout::{
    self, ADDRESSES_MAX, Answer, Counters, DEVICES_DEFAULT, Device, GARDEN_MAX, Garden, Port, TOKEN_FIRST,
};
use accounting_ebpf::policy::{self, Addresses};
use accounting_ebpf::verdict::{Hook, STATS as STATS_MAX, Verdict, stat};
use aya_ebpf::helpers::bpf_ktime_get_coarse_ns;
use aya_ebpf::macros::map;
use aya_ebpf::maps::lpm_trie::{Key as Prefix, LpmTrie};
use aya_ebpf::maps::ring_buf::RingBufEntry;
use aya_ebpf::maps::{Array, HashMap, PerCpuArray, RingBuf};

const MMAPABLE: u32 = 1 << 10;

#[map]
static DEVICES: HashMap<u64, Device> = HashMap::with_max_entries(DEVICES_DEFAULT, 0);
#[map]
static TOKENS: Array<u64> = Array::with_max_entries(DEVICES_DEFAULT + TOKEN_FIRST, MMAPABLE);
#[map]
static COUNTERS: Array<Counters> = Array::with_max_entries(DEVICES_DEFAULT, MMAPABLE);
#[map]
static STATS: PerCpuArray<u64> = PerCpuArray::with_max_entries(STATS_MAX, 0);
#[map]
static ROGUE: Array<u64> = Array::with_max_entries(1, 0);
#[map]
static ADDRESSES: HashMap<Address, u32> = HashMap::with_max_entries(ADDRESSES_MAX, 0);
#[map]
static GARDEN4: LpmTrie<u32, Garden> = LpmTrie::with_max_entries(GARDEN_MAX, 0);
#[map]
static GARDEN6: LpmTrie<Address, Garden> = LpmTrie::with_max_entries(GARDEN_MAX, 0);
#[map]
static ANSWERS: RingBuf = RingBuf::with_byte_size(layout::ANSWERS_BYTES, 0);
#[map]
static BUDGETS: Array<u64> = Array::with_max_entries(layout::BUDGETS + 1, 0);

#[unsafe(no_mangle)]
static PORT: Port = Port {
    budget_key: 0,
    budget_cost: 0,
    budget_burst: 0,
    interface_cost: 0,
    interface_burst: 0,
    zone: 0,
    mac: [0; 6],
    portal_ports: [0; layout::PORTAL_PORTS_MAX],
    gateway: [0; 6],
    redirect_port: 0,
    uplink_in_tc: 0,
    refuse: 0,
    learn: 0,
    garden: 0,
};

/// What this interface was told at load time. The address goes through the optimizer unseen, for the value above is
/// not the one that the kernel will find.
#[inline(always)]
pub(crate) fn port() -> &'static Port {
    let mut port: *const Port = &raw const PORT;
    // SAFETY: no instruction at all, and the pointer stays what it is, that of a static.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) port, options(pure, nomem, nostack, preserves_flags));
        &*port
    }
}

/// The time that deadlines are compared with, in nanoseconds of `CLOCK_MONOTONIC_COARSE`.
#[inline(always)]
fn now() -> u64 {
    // SAFETY: takes nothing, returns a number.
    unsafe { bpf_ktime_get_coarse_ns() }
}

/// A device as it stands.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) verdict: Verdict,
    /// Where its counters are; meaningless for strangers.
    pub(crate) slot: u32,
    /// When it was judged; 0 for strangers.
    pub(crate) now: u64,
}

/// How the device of a key stands; a stranger without an entry.
#[inline(always)]
pub(crate) fn standing(key: u64) -> Standing {
    // SAFETY: the daemon may replace the entry meanwhile; the kernel keeps the old one's memory for this program's run.
    let Some(device) = (unsafe { DEVICES.get(&key) }) else {
        return Standing {
            verdict: Verdict::Stranger,
            slot: 0,
            now: 0,
        };
    };
    let now = now();
    let deadline = match TOKENS.get_ptr(device.token) {
        // SAFETY: a map value; volatile, for the daemon stores into it while this runs.
        Some(deadline) => unsafe { deadline.read_volatile() },
        None => 0,
    };
    let verdict = policy::standing(device.token, deadline, device.deadline, now);
    Standing {
        verdict,
        slot: device.slot,
        now,
    }
}

/// The counters of a device.
#[inline(always)]
pub(crate) fn counters(slot: u32) -> Option<*mut Counters> {
    COUNTERS.get_ptr_mut(slot)
}

/// Room for an answer of the resolver; it must be submitted or discarded.
#[inline(always)]
pub(crate) fn answer() -> Option<RingBufEntry<Answer>> {
    ANSWERS.reserve(0)
}

/// Counts the verdict.
#[inline(always)]
pub(crate) fn note(hook: Hook, verdict: Verdict) {
    if let Some(count) = STATS.get_ptr_mut(stat(hook, verdict)) {
        // SAFETY: this processor's own value, and programs of one hook do not interrupt each other.
        unsafe { *count += 1 };
    }
}

/// Remembers the device of this key as the last one that played router or DHCP server.
#[inline(always)]
pub(crate) fn remember_rogue(key: u64) {
    if let Some(last) = ROGUE.get_ptr_mut(0) {
        // SAFETY: a map value; volatile, for other processors store into it.
        unsafe { last.write_volatile(key) };
    }
}

/// The maps as the policy sees them.
pub(crate) struct Maps;

impl Addresses for Maps {
    #[inline(always)]
    fn flags(&self, address: &Address) -> u32 {
        // SAFETY: as for devices.
        unsafe { ADDRESSES.get(address) }.copied().unwrap_or(0)
    }

    #[inline(always)]
    fn garden(&self, address: &Address) -> Option<Garden> {
        if address.is_v4() {
            GARDEN4.get(Prefix::new(32, address.0[3])).copied()
        } else {
            GARDEN6.get(Prefix::new(128, *address)).copied()
        }
    }
}

impl Cells for Maps {
    #[inline(always)]
    fn now(&self) -> u64 {
        now()
    }

    #[inline(always)]
    fn cell(&self, index: u32) -> u64 {
        match BUDGETS.get_ptr(index) {
            // SAFETY: a map value; volatile, for other processors store into it.
            Some(cell) => unsafe { cell.read_volatile() },
            None => 0,
        }
    }

    #[inline(always)]
    fn set_cell(&self, index: u32, arrival: u64) {
        if let Some(cell) = BUDGETS.get_ptr_mut(index) {
            // SAFETY: as above.
            unsafe { cell.write_volatile(arrival) };
        }
    }
}
