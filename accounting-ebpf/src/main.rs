//! The gate's programs. They exist for the kernel only; `cargo xtask ebpf` builds them into
//! `object/accounting.bpf.o`, which the daemon embeds. On the host this is an empty program.
#![cfg_attr(
    target_arch = "bpf",
    no_std,
    no_main,
    feature(asm_experimental_arch, core_intrinsics)
)]
#![cfg_attr(
    target_arch = "bpf",
    expect(
        internal_features,
        reason = "atomic_xadd is the one atomic addition that the bpf target has"
    )
)]

#[cfg(target_arch = "bpf")]
mod kernel;

#[cfg(not(target_arch = "bpf"))]
fn main() {}
