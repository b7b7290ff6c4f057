//! The programs as the kernel runs them: maps, what is counted, and the three hooks.

mod count;
mod egress;
mod ingress;
mod learn;
mod maps;
mod portal;
mod refuse;
mod skb;
mod xdp;

/// Lets the kernel offer helpers that are reserved for free software.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Nothing here panics; the compiler wants it nevertheless.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
