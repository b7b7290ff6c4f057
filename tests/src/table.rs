//! Who passes without a session, row by row, each with twins that differ in one thing and do not pass. The same rows
//! judge the policy on the host and the programs in the kernel.

mod down;
mod neighbours;
mod up;

use crate::packet::Packet;
use crate::world::{Family, GATEWAY};
use accounting_ebpf::verdict::Verdict;

pub use down::downlink;
pub use up::uplink;

/// A frame from a stranger, or to one.
#[derive(Clone, Debug)]
pub struct Row {
    /// What it is.
    pub what: String,
    /// The frame.
    pub packet: Packet,
    /// What must be decided.
    pub verdict: Verdict,
}

impl Row {
    /// Whether the frame is for others than the gateway.
    #[must_use]
    pub fn to_others(&self) -> bool {
        !self.packet.bytes().starts_with(&GATEWAY)
    }
}

pub(crate) fn row(what: impl Into<String>, packet: Packet, verdict: Verdict) -> Row {
    Row {
        what: what.into(),
        packet,
        verdict,
    }
}

fn named(family: &Family, rows: Vec<Row>, to: [u8; 6]) -> Vec<Row> {
    let name = |row: Row| Row {
        what: format!("{}: {}", family.name, row.what),
        packet: row.packet.to(to),
        ..row
    };
    rows.into_iter().map(name).collect()
}
