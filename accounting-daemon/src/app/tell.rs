//! What the engine is told of while the daemon runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    clock::{self, KernelTimer},
    engine::Engine,
    gate::status::GateStatus,
    metrics::Metrics,
};

/// Whether any interface is gated, until the supervisor is gone.
pub(super) async fn of_interfaces(mut status: watch::Receiver<Arc<GateStatus>>, engine: Engine) {
    loop {
        let attached = status.borrow_and_update().any();
        engine.set_attached(attached);
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// That the wall clock was set, so that it looks at once. Without the timer it notices within a second.
pub(super) async fn of_steps(engine: Engine, metrics: Arc<Metrics>, stop: impl Future<Output = ()>) {
    let steps = async {
        let timer = KernelTimer::new()?;
        let mut rang = false;
        let look = || {
            // The first time is before any step.
            if std::mem::replace(&mut rang, true) {
                metrics.clock_set();
            }
            engine.look();
        };
        clock::watch(timer, look).await
    };
    tokio::select! {
        ended = steps => if let Err(error) = ended {
            tracing::warn!(%error, "nobody tells when the clock is set: it is noticed within a second");
        },
        () = stop => {}
    }
}
