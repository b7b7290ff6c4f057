//! `cargo xtask bench verdict`: nanoseconds per frame, measured by the kernel itself with `BPF_PROG_TEST_RUN`. The frame is in the cache
//! and so is everything it needs, but for the rows over random devices.

use accounting_ebpf::layout::{Device, FOREVER, Key, Port, TOKEN_FIRST};
use accounting_tests::gate;
use accounting_tests::kernel::{Kernel, Program, Skb};
use accounting_tests::packet::Packet;
use accounting_tests::world;
use anyhow::{Result, ensure};

/// Rounds, of which the median is reported.
const ROUNDS: usize = 9;

/// Frames in a round of one frame over and over.
const HOT: u32 = 2_000_000;

/// Devices in a round over random ones.
const RANDOM: u32 = 20_000;

const SIZES: [u32; 3] = [1, 1_000, 1_000_000];

/// Measures and prints a table.
///
/// # Errors
///
/// When the kernel refuses, as it does without root.
pub(crate) fn run() -> Result<()> {
    println!(
        "{:<44}{:>12}{:>12}{:>12}",
        "ns per frame, median of 9 rounds; devices:", 1, 1_000, 1_000_000
    );
    let quiet = Port {
        garden: 0,
        ..world::port()
    };
    // As a flood of strangers finds it: refusals are on, and nothing is left of the interface's budget.
    let flooded = Port {
        refuse: 1,
        interface_cost: 1,
        ..quiet
    };
    let garden = Port { garden: 1, ..quiet };
    let mut kernels = Vec::new();
    for size in SIZES {
        kernels.push((size, filled(size, quiet)?));
    }
    for row in rows() {
        print!("{:<44}", row.what);
        for (_, kernel) in &kernels {
            print!("{:>12}", row.median(kernel)?);
        }
        println!();
    }
    print!("{:<44}", "xdp, admit devices at random, one frame each");
    for (size, kernel) in &kernels {
        print!("{:>12}", median(|| random(kernel, *size, &tcp(world::V4, 80)))?);
    }
    println!();
    drop(kernels);
    let [dropped, ..] = &rows();
    for (what, port) in [
        ("xdp, drop a stranger beside a walled garden", garden),
        ("xdp, drop a stranger in a flood, refusals on", flooded),
    ] {
        print!("{what:<44}");
        for size in SIZES {
            print!("{:>12}", dropped.median(&filled(size, port)?)?);
        }
        println!();
    }
    Ok(())
}

/// One frame, measured over and over.
struct Row {
    what: &'static str,
    program: Program,
    packet: Packet,
    passes: bool,
}

impl Row {
    fn median(&self, kernel: &Kernel) -> Result<u128> {
        let frame = self.packet.bytes();
        median(|| {
            let (action, time) = kernel.run(self.program, &frame, gate::FORWARDED, HOT)?;
            ensure!(
                action == self.program.action(self.passes),
                "not so: {}",
                self.what
            );
            Ok(time.as_nanos())
        })
    }
}

fn tcp(family: world::Family, at: u16) -> Packet {
    Packet::tcp((family.device, 4000), (family.foreign, at)).to(world::GATEWAY)
}

/// The first is what strangers are stopped with most.
fn rows() -> [Row; 12] {
    const STRANGER: [u8; 6] = [0x02, 0xff, 0, 0, 0, 0x99];
    let (v4, v6) = (world::V4, world::V6);
    let down = Packet::tcp((v4.foreign, 443), (v4.device, 4000)).from(world::GATEWAY);
    let row = |what, program, packet, passes| Row {
        what,
        program,
        packet,
        passes,
    };
    let (xdp, linear) = (Program::Xdp, Program::XdpLinear);
    let (ingress, egress) = (Program::Ingress, Program::Egress);
    [
        row(
            "xdp, drop a stranger, IPv4",
            xdp,
            tcp(v4, 8443).from(STRANGER),
            false,
        ),
        row(
            "xdp, drop a stranger, IPv6",
            xdp,
            tcp(v6, 8443).from(STRANGER),
            false,
        ),
        row(
            "xdp, drop a stranger, a port of the portal",
            xdp,
            tcp(v4, 443).from(STRANGER),
            false,
        ),
        row(
            "xdp, drop a stranger, other EtherType",
            xdp,
            Packet::raw(0x88cc, &[0; 46]).from(STRANGER),
            false,
        ),
        row(
            "xdp, pass a stranger's ARP",
            xdp,
            Packet::arp(1).from(STRANGER),
            true,
        ),
        row(
            "xdp, admit one hot device, IPv4",
            xdp,
            tcp(v4, 80).from(mac(0)),
            true,
        ),
        row(
            "xdp, admit one hot device, IPv6",
            xdp,
            tcp(v6, 80).from(mac(0)),
            true,
        ),
        row(
            "xdp, admit, a port of the portal",
            xdp,
            tcp(v4, 443).from(mac(0)),
            true,
        ),
        row(
            "xdp without frags, admit one hot device",
            linear,
            tcp(v4, 80).from(mac(0)),
            true,
        ),
        row(
            "tc ingress, nothing to do",
            ingress,
            tcp(v4, 80).from(mac(0)),
            true,
        ),
        row(
            "tc egress, admit one hot device",
            egress,
            down.clone().to(mac(0)),
            true,
        ),
        row("tc egress, drop to a stranger", egress, down.to(STRANGER), false),
    ]
}

/// The MAC of a device by its number.
const fn mac(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [0x02, 0x10, a, b, c, d]
}

fn filled(devices: u32, port: Port) -> Result<Kernel> {
    let mut kernel = Kernel::load(port, devices)?;
    for (address, flags) in world::addresses() {
        kernel.address(address, flags)?;
    }
    for number in 0..devices {
        let token = TOKEN_FIRST + number;
        kernel.deadline(token, FOREVER)?;
        let device = Device {
            slot: number,
            token,
            deadline: FOREVER,
            session: 0,
        };
        kernel.admit(Key::new(mac(number), world::ZONE).word(), device)?;
    }
    Ok(kernel)
}

fn median(mut measure: impl FnMut() -> Result<u128>) -> Result<u128> {
    let mut rounds = (0..ROUNDS).map(|_| measure()).collect::<Result<Vec<_>>>()?;
    rounds.sort_unstable();
    Ok(rounds[ROUNDS / 2])
}

/// The mean over single runs, for the kernel repeats one frame only. Starting a run is part of it, and costs more than the
/// program: only the differences between the columns mean anything.
fn random(kernel: &Kernel, devices: u32, packet: &Packet) -> Result<u128> {
    let mut state = 0x9e37_79b9_u32;
    let mut total = 0;
    for _ in 0..RANDOM {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        let frame = packet.clone().from(mac(state % devices)).bytes();
        let (action, time) = kernel.run(Program::Xdp, &frame, Skb::default(), 1)?;
        ensure!(action == Program::Xdp.action(true), "a device was not admitted");
        total += time.as_nanos();
    }
    Ok(total / u128::from(RANDOM))
}
