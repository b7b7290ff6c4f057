//! A gate with a supervisor that watches over its interfaces.

use std::sync::Arc;

use accounting_daemon::gate::{
    Entry, FOREVER, Gate, KernelGate, Settings, Supervisor,
    status::{GateStatus, TcMode},
};
use tokio::{runtime::Runtime, sync::watch};

use crate::ground::{CLIENT, Ends, open};

pub(crate) type Status = watch::Receiver<Arc<GateStatus>>;

pub(crate) fn entry(deadline: u64) -> Entry {
    Entry {
        device: CLIENT,
        session: 1,
        token: 1,
        deadline,
    }
}

pub(crate) fn fresh(settings: &Settings) -> KernelGate {
    let mut gate = open(settings);
    gate.adopt(&[], &[]).unwrap();
    gate.set_deadline(1, FOREVER).unwrap();
    gate
}

/// Starts a supervisor that watches until the runtime ends.
pub(crate) fn watch_over(runtime: &Runtime, settings: &Settings, tc: TcMode) -> Status {
    let settings = settings.clone();
    runtime.block_on(async {
        let started = match tc {
            TcMode::Tcx => Supervisor::start(settings).await,
            TcMode::Clsact => Supervisor::start_with_clsact(settings).await,
        };
        let (supervisor, status) = started.unwrap();
        tokio::spawn(supervisor.run(std::future::pending()));
        status
    })
}

pub(crate) fn assert_closed(ends: &Ends, when: &str) {
    assert!(!ends.up(), "upward {when}");
    assert!(!ends.down(), "downward {when}");
}

pub(crate) fn assert_open(ends: &Ends, when: &str) {
    assert!(ends.up(), "upward {when}");
    assert!(ends.down(), "downward {when}");
}
