//! The memory shared with the programs in the kernel: deadlines of tokens, counts of devices. Reading and writing it
//! takes no system call. This is the daemon's only file with unsafe code.

#![expect(
    unsafe_code,
    reason = "shared memory with the kernel; everything above it is safe"
)]

use std::{
    io,
    os::fd::AsFd,
    ptr,
    sync::atomic::{AtomicU64, Ordering},
};

use accounting_ebpf::layout::Counters;
use rustix::mm::{MapFlags, ProtFlags};

/// An mmapable array of the kernel as 64-bit words.
#[derive(Debug)]
struct Words {
    base: *mut u64,
    count: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is only reached through atomics.
unsafe impl Send for Words {}

impl Words {
    fn map(map: impl AsFd, count: usize) -> io::Result<Self> {
        let bytes = count * size_of::<u64>();
        // SAFETY: the kernel chooses the address, so nothing that exists is mapped over.
        let base = unsafe {
            rustix::mm::mmap(
                ptr::null_mut(),
                bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                map,
                0,
            )?
        };
        Ok(Self {
            base: base.cast(),
            count,
        })
    }

    fn word(&self, at: usize) -> Option<&AtomicU64> {
        if at >= self.count {
            return None;
        }
        // SAFETY: `at` lies within the mapping, which is aligned to a page and lives as long as `self`. Both sides
        // touch its words only as whole, aligned 64-bit loads, stores and additions.
        Some(unsafe { AtomicU64::from_ptr(self.base.add(at)) })
    }
}

impl Words {
    /// So many words that follow each other.
    #[inline]
    fn words<const N: usize>(&self, at: usize) -> Option<&[AtomicU64; N]> {
        if at.checked_add(N)? > self.count {
            return None;
        }
        // SAFETY: as for `word`, and an atomic has the size and alignment of its integer.
        Some(unsafe { &*self.base.add(at).cast() })
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the range is what `map` got, and `word` lends nothing beyond the life of `self`. A failure would
        // leave the mapping in place, which harms nobody.
        let _ = unsafe { rustix::mm::munmap(self.base.cast(), self.count * size_of::<u64>()) };
    }
}

/// The deadlines of tokens by token slot, in nanoseconds of the monotonic clock.
#[derive(Debug)]
pub(super) struct Deadlines(Words);

impl Deadlines {
    pub(super) fn map(map: impl AsFd, entries: u32) -> io::Result<Self> {
        Words::map(map, entries as usize).map(Self)
    }

    /// Moves a deadline for all devices of the token at once: one store, seen by every program at its next look.
    pub(super) fn store(&self, slot: u32, deadline: u64) {
        if let Some(word) = self.0.word(slot as usize) {
            word.store(deadline, Ordering::Release);
        }
    }
}

/// What devices have sent and received, by device slot.
#[derive(Debug)]
pub(super) struct Counts(Words);

impl Counts {
    const WORDS: usize = size_of::<Counters>() / size_of::<u64>();

    pub(super) fn map(map: impl AsFd, entries: u32) -> io::Result<Self> {
        Words::map(map, entries as usize * Self::WORDS).map(Self)
    }

    /// The counts of a slot. Frames that pass meanwhile may be in one word and not yet in the next.
    #[inline]
    pub(super) fn load(&self, slot: u32) -> Counters {
        let Some(words) = self.0.words::<{ Self::WORDS }>(slot as usize * Self::WORDS) else {
            return Counters::default();
        };
        let word = |offset: usize| words[offset / size_of::<u64>()].load(Ordering::Relaxed);
        Counters {
            up_bytes: word(std::mem::offset_of!(Counters, up_bytes)),
            up_packets: word(std::mem::offset_of!(Counters, up_packets)),
            up_seen: word(std::mem::offset_of!(Counters, up_seen)),
            down_bytes: word(std::mem::offset_of!(Counters, down_bytes)),
            down_packets: word(std::mem::offset_of!(Counters, down_packets)),
            down_seen: word(std::mem::offset_of!(Counters, down_seen)),
            reserved: [0; 2],
        }
    }

    /// When the last frame of a slot was forwarded, in nanoseconds of the monotonic clock.
    #[inline]
    pub(super) fn seen(&self, slot: u32) -> u64 {
        let Some(words) = self.0.words::<{ Self::WORDS }>(slot as usize * Self::WORDS) else {
            return 0;
        };
        let word = |offset: usize| words[offset / size_of::<u64>()].load(Ordering::Relaxed);
        word(std::mem::offset_of!(Counters, up_seen)).max(word(std::mem::offset_of!(Counters, down_seen)))
    }

    /// Clears a slot that no entry points at: the kernel adds to it otherwise, and additions would be lost.
    pub(super) fn clear(&self, slot: u32) {
        for at in 0..Self::WORDS {
            if let Some(word) = self.0.word(slot as usize * Self::WORDS + at) {
                word.store(0, Ordering::Relaxed);
            }
        }
    }
}
