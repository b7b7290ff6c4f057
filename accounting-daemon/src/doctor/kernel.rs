//! What the kernel has, and what this process may do with it.

use aya::{maps::MapType, programs::ProgramType, sys};

use super::Finding;
use crate::{config::Config, gate};

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let mut findings: Vec<_> = gate::checkup(&config.pins)
        .into_iter()
        .map(|(name, found)| match found {
            Ok(found) => Finding::ok(name, found),
            Err(error) => Finding::fail(name, "not as needed", error.to_string()),
        })
        .collect();
    let (better, all): (Vec<_>, Vec<_>) = gate::kernel_features().into_iter().partition(|(_, _, has)| !has);
    for (name, since, _) in better {
        findings.push(Finding::warn(
            "kernel features",
            format!("no {name}"),
            format!("Linux {since} has it; until then the daemon does without"),
        ));
    }
    for (name, _, _) in all {
        findings.push(Finding::ok("kernel features", name));
    }
    findings.extend(probes());
    findings
}

/// Asks the kernel itself: distributions take features back into old kernels, and leave them out of new ones.
fn probes() -> Vec<Finding> {
    let program = |kind| sys::is_program_supported(kind).map_err(|error| error.to_string());
    let map = |kind| sys::is_map_supported(kind).map_err(|error| error.to_string());
    [
        ("XDP programs", "CONFIG_BPF_SYSCALL", program(ProgramType::Xdp)),
        (
            "tc programs",
            "CONFIG_NET_CLS_ACT, CONFIG_BPF_SYSCALL",
            program(ProgramType::SchedClassifier),
        ),
        (
            "longest-prefix-match maps",
            "CONFIG_BPF_SYSCALL",
            map(MapType::LpmTrie),
        ),
        ("ring buffers", "CONFIG_BPF_SYSCALL", map(MapType::RingBuf)),
    ]
    .into_iter()
    .map(|(name, option, has)| match has {
        Ok(true) => Finding::ok("kernel features", name),
        Ok(false) => Finding::fail(
            "kernel features",
            format!("no {name}"),
            format!("use a kernel that is built with {option}"),
        ),
        Err(error) => Finding::warn(
            "kernel features",
            format!("{name} could not be probed: {error}"),
            "run this as root",
        ),
    })
    .collect()
}
