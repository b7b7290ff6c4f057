//! The kernel side of the gate and its contract with the daemon: [`layout`] is what the maps hold, [`frame`] reads
//! frames within bounds, [`policy`] decides. All of it compiles for the kernel and for the host, where it is tested.
#![no_std]
#![cfg_attr(target_arch = "bpf", feature(asm_experimental_arch))]

pub mod activity;
pub mod address;
pub mod budget;
pub mod frame;
pub mod layout;
pub mod plain;
pub mod policy;
pub mod refusal;
mod service;
pub mod tags;
pub mod verdict;
pub mod web;
pub mod window;

#[cfg(feature = "user")]
mod user {
    use crate::layout::{Counters, Device, Garden, Port};

    // SAFETY: each is #[repr(C)], Copy, 'static, made of integers only, and has no padding (layout.rs asserts sizes).
    unsafe impl aya::Pod for Counters {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Device {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Garden {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Port {}
}
