//! A loaded gate in the network of [`crate::world`], and what a test expects of single frames.

use crate::kernel::{Kernel, Program, Skb};
use crate::packet::Packet;
use crate::world;
use accounting_ebpf::layout::{Device, FOREVER, Key, Port, REPLY_MARK, TOKEN_BYPASS};
use accounting_ebpf::verdict::Verdict;
use anyhow::{Context, Result, ensure};

/// Room for devices.
pub const DEVICES: u32 = 64;

/// A frame that came in by another interface.
pub const FORWARDED: Skb = Skb {
    ingress_ifindex: 9,
    wire_len: 0,
    gso_segs: 0,
    mark: 0,
};

/// A frame that the gateway made.
pub const OWN: Skb = Skb {
    ingress_ifindex: 0,
    wire_len: 0,
    gso_segs: 0,
    mark: 0,
};

/// A frame that a socket of the portal has sent.
pub const PORTAL: Skb = Skb {
    mark: REPLY_MARK,
    ..OWN
};

/// Loads the programs and fills in the addresses, the garden and the bypass list's deadline.
///
/// # Errors
///
/// When the kernel refuses.
pub fn gate(port: Port) -> Result<Kernel> {
    let mut kernel = Kernel::load(port, DEVICES)?;
    for (address, flags) in world::addresses() {
        kernel.address(address, flags)?;
    }
    for (prefix, length, garden) in world::gardens() {
        kernel.garden((prefix, length), garden)?;
    }
    kernel.deadline(TOKEN_BYPASS, FOREVER)?;
    Ok(kernel)
}

/// Enters [`world::DEVICE`] with a token and its own deadline (nanoseconds), counted in slot 3.
///
/// # Errors
///
/// When the kernel refuses.
pub fn enter(kernel: &mut Kernel, token: u32, deadline: u64) -> Result<()> {
    let device = Device {
        slot: 3,
        token,
        deadline,
        session: 77,
    };
    kernel.admit(Key::new(world::DEVICE, world::ZONE).word(), device)
}

/// Runs one frame, and checks the action, and that this verdict and no other was counted, once, at this hook only.
///
/// # Errors
///
/// When anything is otherwise.
pub fn expect(
    kernel: &mut Kernel,
    program: Program,
    packet: &Packet,
    skb: Skb,
    verdict: Verdict,
) -> Result<()> {
    expect_bytes(kernel, program, &packet.bytes(), skb, verdict)
}

/// The same for bytes.
///
/// # Errors
///
/// As for [`expect`].
pub fn expect_bytes(
    kernel: &mut Kernel,
    program: Program,
    frame: &[u8],
    skb: Skb,
    verdict: Verdict,
) -> Result<()> {
    let before = kernel.stats()?;
    let (action, _) = kernel.run(program, frame, skb, 1)?;
    let after = kernel.stats()?;
    let counted = after
        .iter()
        .zip(&before)
        .filter(|(now, then)| now.2 != then.2)
        .map(|(now, then)| (now.0, now.1, now.2 - then.2));
    let counted = counted.collect::<Vec<_>>();
    ensure!(
        counted == [(program.hook(), verdict, 1)],
        "{program:?} counted {counted:?} instead of {verdict:?}"
    );
    let expected = program.action(verdict.passes());
    ensure!(
        action == expected,
        "{program:?} returned {action} instead of {expected}"
    );
    Ok(())
}

/// The kernel's coarse monotonic clock, in nanoseconds.
///
/// # Errors
///
/// When it is before the machine's start.
pub fn now() -> Result<u64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
    let nanoseconds = u64::try_from(time.tv_nsec)?;
    u64::try_from(time.tv_sec)?
        .checked_mul(1_000_000_000)
        .and_then(|s| s.checked_add(nanoseconds))
        .context("clock")
}
