//! Reading what every open session has sent and received: through shared memory, and by walking the maps with system
//! calls, in turns in one run.

use accounting_ebpf::layout::Counters;
use accounting_tests::clock;
use anyhow::{Result, ensure};

use crate::{
    fill,
    gate::Ground,
    report::{grouped, judged, line, median, number},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Open sessions
    #[arg(long, default_value_t = 1_000_000)]
    sessions: u32,
    /// Rounds of each way
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Each so many slots hold a count, so that both ways have something to agree on.
const MARKED: u32 = 1_000;

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut ground = Ground::new(options.sessions)?;
    ground.admit((0..u64::from(options.sessions)).map(|number| (fill::device(number), number + 1)))?;
    let (devices, mut counters) = ground.maps()?;
    for slot in (0..options.sessions).step_by(usize::try_from(MARKED)?) {
        let marked = Counters {
            up_bytes: u64::from(slot) + 1,
            ..Counters::default()
        };
        counters.set(slot, marked, 0)?;
    }
    let (mut shared, mut walked, mut slots) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let (mut sessions, mut bytes) = (0_u32, 0_u64);
        shared.push(timed(|| {
            ground.gate.sweep(|_, traffic| {
                sessions += 1;
                bytes += traffic.bytes_up;
            });
            Ok(())
        })?);
        ensure!(sessions == options.sessions, "{sessions} sessions were seen");

        let mut found = 0_u64;
        walked.push(timed(|| {
            for entry in devices.iter() {
                found += counters.get(&entry?.1.slot, 0)?.up_bytes;
            }
            Ok(())
        })?);
        ensure!(
            found == bytes,
            "shared memory shows {bytes} bytes, the maps {found}"
        );

        let mut found = 0_u64;
        slots.push(timed(|| {
            for slot in 0..options.sessions {
                found += counters.get(&slot, 0)?.up_bytes;
            }
            Ok(())
        })?);
        ensure!(
            found == bytes,
            "shared memory shows {bytes} bytes, the slots {found}"
        );
    }
    let sessions = grouped(number(options.sessions));
    println!(
        "{sessions} open sessions, median of {} rounds, milliseconds",
        options.rounds
    );
    let (shared, walked, slots) = (median(&shared), median(&walked), median(&slots));
    line(
        "through shared memory, session by session",
        format!("{shared:.1}"),
    );
    line(
        "walking the map of devices, 3 system calls each",
        format!("{walked:.1}"),
    );
    judged(
        "  ratio",
        format!("{:.0}", walked / shared),
        "100",
        walked / shared >= 100.0,
    );
    line(
        "looking up each counter, 1 system call each",
        format!("{slots:.1}"),
    );
    line("  ratio", format!("{:.0}", slots / shared));
    Ok(())
}

/// Milliseconds that something takes.
fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = clock::monotonic();
    work()?;
    Ok(clock::monotonic().saturating_sub(start).as_secs_f64() * 1_000.0)
}
