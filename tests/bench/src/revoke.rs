//! Taking a token away from all its devices: the store of its deadline, against removing each device from the map; and
//! how soon the program in the kernel refuses the first frame after that store.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use accounting_daemon::{
    gate::{Entry, FOREVER, Gate},
    mac::{DeviceId, Mac},
};
use accounting_tests::{
    clock,
    kernel::{Kernel, Program, Skb},
    packet::Packet,
    world,
};
use anyhow::{Context, Result, anyhow, ensure};

use crate::{
    gate::Ground,
    report::{judged, line, median, quantile},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Devices on the token
    #[arg(long, default_value_t = 500)]
    devices: u16,
    /// Rounds
    #[arg(long, default_value_t = 201)]
    rounds: usize,
}

const TOKEN: u64 = 7;

/// How long the program may go on admitting before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(2);

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut ground = Ground::new(u32::from(options.devices))?;
    ground.admit((0..options.devices).map(|number| (device(number), TOKEN)))?;
    let kernel = Kernel::load_pinned(world::port(), &ground.folder())?;
    let frame = Packet::tcp((world::V4.device, 4_000), (world::V4.foreign, 8_080))
        .to(world::GATEWAY)
        .from(device(options.devices - 1).mac.0)
        .bytes();

    let (mut store, mut remove, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (took, until) = revoke(&mut ground, &kernel, &frame)?;
        store.push(took);
        refused.push(until);
        ground.gate.set_deadline(TOKEN, FOREVER)?;

        let start = clock::monotonic();
        for number in 0..options.devices {
            ground.gate.close(device(number))?;
        }
        remove.push(microseconds(start, clock::monotonic()));
        ground.gate.set_deadline(TOKEN, FOREVER)?;
        for number in 0..options.devices {
            ground.gate.open(&entry(number))?;
        }
    }
    println!(
        "a token with {} devices, {} rounds, microseconds",
        options.devices, options.rounds
    );
    let (one, all) = (median(&store), median(&remove));
    line("one store, median", format!("{one:.2}"));
    line("removing each device, median", format!("{all:.1}"));
    line("  ratio", format!("{:.0}", all / one));
    line(
        "from the store to the first refused frame, median",
        format!("{:.1}", median(&refused)),
    );
    let p99 = quantile(&refused, 0.99);
    judged(
        "from the store to the first refused frame, p99",
        format!("{p99:.1}"),
        "1,000",
        p99 <= 1_000.0,
    );
    line(
        "from the store to the first refused frame, longest",
        format!("{:.1}", quantile(&refused, 1.0)),
    );
    Ok(())
}

/// Revokes while another thread sends frame after frame through the program: microseconds of the store, and from before
/// it until the program has refused a frame.
fn revoke(ground: &mut Ground, kernel: &Kernel, frame: &[u8]) -> Result<(f64, f64)> {
    let passing = AtomicBool::new(false);
    let (passing, kernel) = (&passing, kernel);
    std::thread::scope(|scope| {
        let sender = scope.spawn(move || -> Result<Duration> {
            let end = clock::monotonic() + PATIENCE;
            loop {
                let (action, _) = kernel.run(Program::Xdp, frame, Skb::default(), 1)?;
                let now = clock::monotonic();
                if action == Program::Xdp.action(false) {
                    ensure!(passing.load(Ordering::Relaxed), "the device never passed");
                    return Ok(now);
                }
                passing.store(true, Ordering::Relaxed);
                ensure!(now < end, "the device still passes");
            }
        });
        while !passing.load(Ordering::Relaxed) && !sender.is_finished() {
            std::thread::sleep(Duration::from_micros(50));
        }
        let start = clock::monotonic();
        ground.gate.set_deadline(TOKEN, 0)?;
        let stored = clock::monotonic();
        let refused = sender.join().map_err(|_panic| anyhow!("the sender panicked"))?;
        let refused = refused.context("while the token was revoked")?;
        Ok((microseconds(start, stored), microseconds(start, refused)))
    })
}

fn entry(number: u16) -> Entry {
    Entry {
        device: device(number),
        session: u64::from(number) + 1,
        token: TOKEN,
        deadline: FOREVER,
    }
}

fn device(number: u16) -> DeviceId {
    let [high, low] = number.to_be_bytes();
    DeviceId {
        mac: Mac([0x02, 0xbe, 0, 0, high, low]),
        zone: world::ZONE,
    }
}

fn microseconds(from: Duration, to: Duration) -> f64 {
    to.saturating_sub(from).as_secs_f64() * 1e6
}
