//! Frames that end in the middle of a header.

use accounting_ebpf::verdict::Verdict;
use accounting_tests::gate::{FORWARDED, OWN, expect_bytes, gate};
use accounting_tests::kernel::Program::{Egress, Xdp, XdpLinear};
use accounting_tests::kernel::{Kernel, Program, Skb};
use accounting_tests::packet::Packet;
use accounting_tests::{needs_root, table, world};

#[test]
fn no_header_may_be_cut() {
    needs_root!();
    let mut kernel = gate(world::port()).unwrap();
    let cut = |kernel: &mut Kernel, program: Program, skb: Skb, row: &table::Row| {
        let (bytes, needed) = (row.packet.bytes(), needed(&row.packet));
        // The kernel refuses shorter test frames itself: of less than an Ethernet header, and at tc of less than an IP header.
        let shortest = match (program, bytes[12..14] == [0x08, 0x00], row.packet.protocol()) {
            (Xdp | XdpLinear, ..) => 14,
            (_, _, None) => 15,
            (_, true, _) => 34,
            (_, false, _) => 54,
        };
        for length in shortest..bytes.len() {
            let verdict = if length < needed {
                Verdict::Malformed
            } else {
                row.verdict
            };
            expect_bytes(kernel, program, &bytes[..length], skb, verdict)
                .unwrap_or_else(|error| panic!("{} cut to {length}: {error:#}", row.what));
        }
    };
    for row in table::uplink().into_iter().filter(|row| row.verdict.passes()) {
        cut(&mut kernel, Xdp, OWN, &row);
        cut(&mut kernel, XdpLinear, OWN, &row);
    }
    let single = |row: &table::Row| row.verdict.passes() && row.verdict != Verdict::GatewayMulticast;
    for (forwarded, row) in table::downlink().into_iter().filter(|(_, row)| single(row)) {
        cut(&mut kernel, Egress, if forwarded { FORWARDED } else { OWN }, &row);
    }
}

/// Bytes up to the end of the last header that is read.
fn needed(packet: &Packet) -> usize {
    let bytes = packet.bytes();
    match packet.protocol() {
        None => bytes.len(),
        Some(accounting_tests::packet::UDP) => bytes.len() - 4,
        Some(accounting_tests::packet::TCP) => bytes.len(),
        Some(_) => bytes.len() - 16,
    }
}
