//! Counts what an admitted device sends and receives.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use super::maps::{Standing, counters};

/// Adds frames from the device; `active` also notes the time. It is asked only once in a tick of the clock, for it may
/// have to read the frame.
#[inline(always)]
pub(crate) fn up(standing: Standing, bytes: u64, packets: u64, active: impl FnOnce() -> bool) {
    if let Some(counters) = counters(standing.slot) {
        // SAFETY: fields of a map value.
        unsafe {
            add(&raw mut (*counters).up_bytes, bytes);
            add(&raw mut (*counters).up_packets, packets);
            let seen = &raw mut (*counters).up_seen;
            if seen.read_volatile() != standing.now && active() {
                see(seen, standing.now);
            }
        }
    }
}

/// Adds frames to the device; `active` also notes the time.
#[inline(always)]
pub(crate) fn down(standing: Standing, bytes: u64, packets: u64, active: bool) {
    if let Some(counters) = counters(standing.slot) {
        // SAFETY: fields of a map value.
        unsafe {
            add(&raw mut (*counters).down_bytes, bytes);
            add(&raw mut (*counters).down_packets, packets);
            if active {
                see(&raw mut (*counters).down_seen, standing.now);
            }
        }
    }
}

/// # Safety
///
/// The counter must be in a map.
#[inline(always)]
unsafe fn add(counter: *mut u64, value: u64) {
    // SAFETY: the caller's promise.
    unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, value) };
}

/// # Safety
///
/// The time must be in a map.
#[inline(always)]
unsafe fn see(seen: *mut u64, now: u64) {
    // SAFETY: the caller's promise; volatile, for the daemon reads it meanwhile.
    unsafe { seen.write_volatile(now) };
}
