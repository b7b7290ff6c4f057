//! What XDP sends back from a veth is only looked at by a far end with a program of its own; any real one needs none.

use anyhow::{Context, Result};
use aya::Ebpf;
use aya::programs::Xdp;
use aya::programs::xdp::XdpMode;

use super::cleanup::Footprint;
use super::site::{AIR, UPLINK};

/// A program that passes everything, made of `pass.s` beside it.
static PASS: &[u8] = aya::include_bytes_aligned!("pass.bpf.o");

/// Gives the air such a program, for as long as the value lives.
///
/// # Errors
/// When the kernel refuses it.
pub(super) fn attach(footprint: &Footprint) -> Result<Ebpf> {
    footprint.namespace(AIR).enter(|| {
        let mut pass = Ebpf::load(PASS)?;
        let program: &mut Xdp = pass
            .program_mut("pass")
            .context("the object lacks its program")?
            .try_into()?;
        program.load()?;
        program.attach(UPLINK, XdpMode::Driver)?;
        Ok(pass)
    })
}
