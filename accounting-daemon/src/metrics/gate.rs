//! What the gate is asked for at each scrape.

use prometheus::{core::Collector, proto::MetricFamily};

use super::{
    FrameCounts,
    list::{counters, gauges},
};
use crate::gate::status::{GateStatus, TcMode, XdpMode};

/// The kernel counts; copying into a counter made for one scrape keeps a reset of the gate a reset of the metric.
pub(super) fn frames(counts: &FrameCounts) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let frames = counters(
        "accounting_frames_total",
        "Frames judged by the gate since it was made, by hook and verdict.",
        &["hook", "verdict"],
    )?;
    for (hook, verdict, count) in counts() {
        frames.with_label_values(&[hook, verdict]).inc_by(count);
    }
    Ok(frames.collect())
}

/// How each interface is attached.
pub(super) fn interfaces(gate: &GateStatus) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let attached = gauges(
        "accounting_interface_attached",
        "1 while the interface is gated, 0 while it is missing or could not be attached.",
        &["interface"],
    )?;
    let mode = gauges(
        "accounting_interface_mode",
        "1 for the way each hook of the interface is attached: xdp native or generic, tc tcx or clsact.",
        &["interface", "hook", "mode"],
    )?;
    for interface in &gate.interfaces {
        let name = interface.name.as_str();
        let gated = interface.attached.is_some();
        attached.with_label_values(&[name]).set(i64::from(gated));
        let Some((xdp, tc)) = interface.attached else {
            continue;
        };
        let xdp = match xdp {
            XdpMode::Native => "native",
            XdpMode::Generic => "generic",
        };
        let tc = match tc {
            TcMode::Tcx => "tcx",
            TcMode::Clsact => "clsact",
        };
        mode.with_label_values(&[name, "xdp", xdp]).set(1);
        mode.with_label_values(&[name, "tc", tc]).set(1);
    }
    Ok([attached.collect(), mode.collect()].concat())
}
