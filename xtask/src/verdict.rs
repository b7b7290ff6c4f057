//! `cargo xtask bench verdict`: nanoseconds per frame, measured by the kernel itself with `BPF_PROG_TEST_RUN`. The frame is in the cache
//! and so is everything it needs, but for the rows over random devices.

use accounting_ebpf::layout::{Device, FOREVER, Key, TOKEN_FIRST};
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
    let mut kernels = Vec::new();
    for size in SIZES {
        kernels.push((size, filled(size)?));
    }
    let (v4, v6) = (world::V4, world::V6);
    let stranger = [0x02, 0xff, 0, 0, 0, 0x99];
    let tcp = |family: world::Family, at| {
        Packet::tcp((family.device, 4000), (family.foreign, at)).to(world::GATEWAY)
    };
    let web = |family| tcp(family, 80);
    let down = Packet::tcp((v4.foreign, 443), (v4.device, 4000)).from(world::GATEWAY);
    let rows = [
        ("xdp, drop a stranger, IPv4", Program::Xdp, web(v4).from(stranger)),
        ("xdp, drop a stranger, IPv6", Program::Xdp, web(v6).from(stranger)),
        (
            "xdp, drop a stranger, a port of the portal",
            Program::Xdp,
            tcp(v4, 443).from(stranger),
        ),
        (
            "xdp, drop a stranger, other EtherType",
            Program::Xdp,
            Packet::raw(0x88cc, &[0; 46]).from(stranger),
        ),
        (
            "xdp, pass a stranger's ARP",
            Program::Xdp,
            Packet::arp(1).from(stranger),
        ),
        (
            "xdp, admit one hot device, IPv4",
            Program::Xdp,
            web(v4).from(mac(0)),
        ),
        (
            "xdp, admit one hot device, IPv6",
            Program::Xdp,
            web(v6).from(mac(0)),
        ),
        (
            "xdp, admit, a port of the portal",
            Program::Xdp,
            tcp(v4, 443).from(mac(0)),
        ),
        (
            "xdp without frags, admit one hot device",
            Program::XdpLinear,
            web(v4).from(mac(0)),
        ),
        (
            "tc ingress, nothing to do",
            Program::Ingress,
            web(v4).from(mac(0)),
        ),
        (
            "tc egress, admit one hot device",
            Program::Egress,
            down.clone().to(mac(0)),
        ),
        (
            "tc egress, drop to a stranger",
            Program::Egress,
            down.to(stranger),
        ),
    ];
    for (what, program, packet) in rows {
        print!("{what:<44}");
        for (_, kernel) in &kernels {
            print!("{:>12}", median(|| hot(kernel, program, &packet.bytes()))?);
        }
        println!();
    }
    print!("{:<44}", "xdp, admit devices at random, one frame each");
    for (size, kernel) in &kernels {
        print!("{:>12}", median(|| random(kernel, *size, &web(v4)))?);
    }
    println!();
    Ok(())
}

/// The MAC of a device by its number.
const fn mac(number: u32) -> [u8; 6] {
    let [a, b, c, d] = number.to_be_bytes();
    [0x02, 0x10, a, b, c, d]
}

fn filled(devices: u32) -> Result<Kernel> {
    let mut kernel = Kernel::load(world::port(), devices)?;
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

fn hot(kernel: &Kernel, program: Program, frame: &[u8]) -> Result<u128> {
    Ok(kernel.run(program, frame, gate::FORWARDED, HOT)?.1.as_nanos())
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
