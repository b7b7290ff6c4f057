//! What parked devices cost: after a reboot each is looked at once a second, until its first frame or for an hour.

use std::{path::Path, time::Duration};

use accounting_tests::clock;
use anyhow::Result;

use crate::{
    daemon, fill, process,
    report::{grouped, line, number},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Parked devices, each on a token of its own
    #[arg(long, default_value_t = 100_000)]
    devices: u64,
    /// Seconds of watching
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let devices = options.devices;
    let lab = daemon::up_with(binary, u32::try_from(devices + 1_000)?, 1, |data| {
        fill::fill_in([0xb0; 16], data, devices, devices)
    })?;
    daemon::ready(&lab, Duration::from_secs(60))?;
    // The commits of the start are over.
    std::thread::sleep(Duration::from_secs(6));
    let id = lab.daemon()?.pid()?;
    let (cpu, bytes) = (process::cpu(id)?, process::written(id)?);
    let start = clock::monotonic();
    clock::sleep_until(start + Duration::from_secs(options.seconds));
    let (cpu, bytes) = (process::cpu(id)? - cpu, process::written(id)? - bytes);
    let a_second = |value: f64| value / number(options.seconds);
    line("parked devices", grouped(number(devices)));
    line(
        "  processor time of the daemon, milliseconds a second",
        format!("{:.1}", a_second(cpu.as_secs_f64() * 1_000.0)),
    );
    line("  bytes written a second", grouped(a_second(number(bytes))));
    Ok(())
}
