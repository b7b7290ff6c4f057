//! Taking the gate down on purpose.

use std::{fmt, io, path::Path};

use accounting_ebpf::layout::{Device, map};
use aya::{
    maps::{HashMap, Map, MapData, MapError},
    programs::{TcAttachType, tc},
};

use super::{
    StartError,
    calls::lock,
    layouts,
    maps::failed,
    netlink::Netlink,
    programs::chain,
    tc::{EGRESS, INGRESS},
};

/// What devices find afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Everything passes: programs, links and maps are gone.
    Open,
    /// Nobody has a session: programs stay and the table of devices is empty, the lists included.
    Closed,
}

/// What was done, a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report(Vec<String>);

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Takes the gate pinned below `pins` down, or empties it. Runs within a tokio runtime, in the network namespace of
/// the interfaces; no daemon may be running on it.
///
/// # Errors
/// [`StartError`]; what was done before stays done, and the call can be repeated. A gate that is not there cannot be
/// left closed.
pub async fn detach(pins: &Path, leave: Leave) -> Result<Report, StartError> {
    let mut report = Report::default();
    let layouts = layouts::all(pins)?;
    if leave == Leave::Closed && !layouts::enforced(&layouts)? {
        return Err(StartError::NoGate {
            pins: pins.to_owned(),
        });
    }
    if layouts.is_empty() {
        report.0.push(format!("there is no gate at {}", pins.display()));
    }
    for directory in layouts {
        let _lock = lock(&directory)?;
        match leave {
            Leave::Closed => close(&directory, &mut report)?,
            Leave::Open => {
                for pin in layouts::remove(&directory)? {
                    report.0.push(format!("removed {}", pin.display()));
                }
            }
        }
    }
    if leave == Leave::Open {
        remove_unpinned(&mut report).await?;
        report.0.push("the gate is open: everything passes".to_owned());
    } else {
        report
            .0
            .push("the gate is closed: no device has a session".to_owned());
    }
    Ok(report)
}

fn close(directory: &Path, report: &mut Report) -> Result<(), StartError> {
    let pinned = match MapData::from_pin(directory.join(map::DEVICES)) {
        Ok(pinned) => pinned,
        Err(MapError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => {
            return Ok(());
        }
        Err(error) => return Err(failed(map::DEVICES, "open")(error)),
    };
    let mut devices: HashMap<MapData, u64, Device> =
        HashMap::try_from(Map::HashMap(pinned)).map_err(failed(map::DEVICES, "open"))?;
    let present: Vec<u64> = devices
        .keys()
        .collect::<Result<_, _>>()
        .map_err(failed(map::DEVICES, "read"))?;
    for device in &present {
        devices.remove(device).map_err(failed(map::DEVICES, "empty"))?;
    }
    report.0.push(format!(
        "{}: removed {} devices",
        directory.display(),
        present.len()
    ));
    Ok(())
}

/// What is no pin: the rules of routing, and the filters of kernels without links for tc, which are found by the names of
/// their programs.
async fn remove_unpinned(report: &mut Report) -> Result<(), StartError> {
    let netlink = Netlink::open()?;
    let links = netlink.links().await?;
    if netlink.unsteer(&links).await? {
        report
            .0
            .push("removed the rules of the captive redirect".to_owned());
    }
    if netlink.reopen(None).await? {
        report
            .0
            .push("removed the rules that closed interfaces without a gate".to_owned());
    }
    for link in links {
        if !netlink.has_filters(link.index).await {
            continue;
        }
        for (name, side) in [(INGRESS, TcAttachType::Ingress), (EGRESS, TcAttachType::Egress)] {
            match tc::qdisc_detach_program(&link.name, side, name) {
                Ok(()) => report
                    .0
                    .push(format!("removed the filter {name} of {}", link.name)),
                Err(tc::TcError::IoError(error)) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    report.0.push(format!(
                        "could not remove the filter {name} of {}: {}",
                        link.name,
                        chain(&error)
                    ));
                }
            }
        }
    }
    Ok(())
}
