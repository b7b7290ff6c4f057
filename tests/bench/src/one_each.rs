//! The naive way: one commit for each redemption. The daemon's own engine and store in this process, asked by one caller
//! after the other, so that no round ever holds two letters; without HTTP and without a kernel, which flatters it.

use std::{path::Path, sync::Arc, time::Duration};

use accounting_daemon::{
    clock::Clock,
    engine::{Core, Worker},
    gate::simulated::SimulatedGate,
    ledger::{AccessCode, Asker, Given, Redemption, Rules},
    store::Disk,
};
use accounting_tests::clock;
use anyhow::{Context, Result, anyhow};

use crate::{fill, report::number};

/// Redemptions a second, one commit each, for about so long on a store of its own in `folder`.
pub(crate) fn rate(folder: &Path, tokens: u64, limit: Duration) -> Result<f64> {
    fill::fill(folder, tokens, 0)?;
    let clock_of_engine = Clock::new(true, None)?;
    let core = Core::start(
        Disk::open(folder)?,
        SimulatedGate::new(u32::MAX),
        Rules::default(),
        Arc::new(()),
        clock_of_engine.now(),
        clock_of_engine.boot(),
    )?;
    let (engine, worker) = Worker::new(core, clock_of_engine);
    let worker = std::thread::spawn(move || worker.run());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let done = runtime.block_on(async {
        let (start, mut redeemed) = (clock::monotonic(), 0_u64);
        for token in fill::shuffled(tokens) {
            let redemption = Redemption {
                code: AccessCode::new(fill::code(token + 1)).context("a code that is none")?,
                given: Given::Nothing,
                device: fill::device(token),
                takeover: false,
                asker: Asker::Client("bench".to_owned()),
                among: None,
            };
            engine.redeem(redemption).await?;
            redeemed += 1;
            if clock::monotonic().saturating_sub(start) >= limit {
                break;
            }
        }
        let took = clock::monotonic().saturating_sub(start);
        engine.stop().await?;
        Ok::<_, anyhow::Error>(number(redeemed) / took.as_secs_f64())
    });
    drop(engine);
    worker.join().map_err(|_panic| anyhow!("the engine panicked"))?;
    done
}
