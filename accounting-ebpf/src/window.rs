//! Bounds-checked reading of a frame, the same in the kernel and on the host.
//!
//! A [`Window`] is what is left of the frame; [`Window::header`] checks once that `N` bytes are there, and the
//! [`Header`] it returns is read at constant offsets, checked at compile time.

use core::marker::PhantomData;

/// The rest of a frame, from where reading has come to up to its (linear) end.
#[derive(Clone, Copy)]
pub struct Window<'a> {
    start: *const u8,
    end: *const u8,
    frame: PhantomData<&'a [u8]>,
}

impl<'a> Window<'a> {
    /// A frame in memory.
    #[must_use]
    pub const fn new(frame: &'a [u8]) -> Self {
        let range = frame.as_ptr_range();
        Self {
            start: range.start,
            end: range.end,
            frame: PhantomData,
        }
    }

    /// A frame by the addresses that the kernel gives: its first byte, and one past its last.
    ///
    /// # Safety
    ///
    /// For `'a`, everything from `start` up to `end` must be readable and must not move.
    #[inline(always)]
    #[must_use]
    pub const unsafe fn between(start: usize, end: usize) -> Self {
        Self {
            start: core::ptr::with_exposed_provenance(start),
            end: core::ptr::with_exposed_provenance(end),
            frame: PhantomData,
        }
    }

    /// The next `N` bytes; `None` when there are fewer.
    #[inline(always)]
    #[must_use]
    pub fn header<const N: usize>(self) -> Option<Header<'a, N>> {
        // The verifier follows pointer and constant; a subtraction of pointers would tell it nothing.
        if self.start.wrapping_add(N) > self.end {
            return None;
        }
        Some(Header {
            start: self.start,
            frame: PhantomData,
        })
    }

    /// The window `length` bytes further on. It may lie past the end: then no header is found there.
    #[inline(always)]
    #[must_use]
    pub fn skip(self, length: usize) -> Self {
        Self {
            start: opaque(self.start.wrapping_add(length)),
            ..self
        }
    }
}

/// Keeps the compiler from computing a checked address a second time in another way: the verifier trusts only the
/// register that was compared with the end.
#[cfg(target_arch = "bpf")]
#[inline(always)]
pub(crate) fn opaque(mut address: *const u8) -> *const u8 {
    // SAFETY: no instruction at all; the operand is only pinned to a register.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) address, options(pure, nomem, nostack, preserves_flags));
    }
    address
}

#[cfg(not(target_arch = "bpf"))]
#[inline(always)]
pub(crate) const fn opaque(address: *const u8) -> *const u8 {
    address
}

/// `N` bytes of a frame that are known to be there.
#[derive(Clone, Copy)]
pub struct Header<'a, const N: usize> {
    start: *const u8,
    frame: PhantomData<&'a [u8; N]>,
}

impl<const N: usize> Header<'_, N> {
    /// The byte at `AT`.
    #[inline(always)]
    #[must_use]
    pub const fn byte<const AT: usize>(self) -> u8 {
        const { assert!(AT < N) };
        // SAFETY: `AT < N`, and `Window::header` has checked N bytes, which live for the window's lifetime.
        unsafe { self.start.add(AT).read() }
    }

    /// The 16-bit number at `AT`.
    #[inline(always)]
    #[must_use]
    pub const fn short<const AT: usize>(self) -> u16 {
        const { assert!(AT + 2 <= N) };
        // SAFETY: `AT + 2 <= N`, and `Window::header` has checked N bytes. See `load` for the alignment.
        u16::from_be(unsafe { load(self.start.add(AT).cast()) })
    }

    /// The four bytes at `AT`, in wire order.
    #[inline(always)]
    #[must_use]
    pub const fn word<const AT: usize>(self) -> u32 {
        const { assert!(AT + 4 <= N) };
        // SAFETY: `AT + 4 <= N`, and `Window::header` has checked N bytes. See `load` for the alignment.
        unsafe { load(self.start.add(AT).cast()) }
    }

    /// The six bytes at `AT`, in wire order, as the low 48 bits of a little-endian number.
    #[inline(always)]
    #[must_use]
    pub const fn mac<const AT: usize>(self) -> u64 {
        const { assert!(AT + 6 <= N) };
        // SAFETY: `AT + 6 <= N`, and `Window::header` has checked N bytes. See `load` for the alignment.
        let [a, b, c]: [u16; 3] = unsafe {
            let start = self.start.add(AT).cast::<u16>();
            [load(start), load(start.add(1)), load(start.add(2))]
        };
        u16::from_le(a) as u64 | (u16::from_le(b) as u64) << 16 | (u16::from_le(c) as u64) << 32
    }
}

/// Reads a number that need not be aligned on the host.
///
/// # Safety
///
/// The bytes must be readable.
#[inline(always)]
const unsafe fn load<T: Copy>(address: *const T) -> T {
    if cfg!(target_arch = "bpf") {
        // SAFETY: readable by the caller's promise. Unaligned reads would become a byte each; kernels for machines
        // that need alignment place frames so that these headers have it, and their verifier refuses what has not.
        unsafe { address.read() }
    } else {
        // SAFETY: readable by the caller's promise.
        unsafe { address.read_unaligned() }
    }
}
