//! Attaching the tc programs: by pinned links where the kernel has them, by filters of clsact where it does not.

use std::os::fd::AsRawFd;

use aya::{
    Ebpf,
    programs::{
        LinkOrder, MultiProgLink, SchedClassifier, TcAttachType,
        links::{FdLink, PinnedLink},
        tc::{self, NlOptions, SchedClassifierLink, TcAttachOptions, TcError, TcHandle},
    },
};

use super::{
    AttachError,
    links::{keep, move_pin, remove},
    object,
    programs::{Programs, Target, errno, refused, unpinnable},
    status::TcMode,
};

/// Names of the tc programs.
pub(super) const INGRESS: &str = "gate_ingress";
pub(super) const EGRESS: &str = "gate_egress";

/// Priority and handle of the filters of clsact: fixed, so that a restart replaces them.
pub(super) const PRIORITY: u16 = 1;
pub(super) const HANDLE: u32 = 1;

impl Programs {
    /// Whether the tc programs are where they were attached by links; filters are seen over netlink.
    pub(super) fn tcx_in_place(&self, target: &Target) -> bool {
        let is_live = |hook: &str| {
            let Ok(pinned) = PinnedLink::from_pin(self.pin(&target.name, hook)) else {
                return false;
            };
            SchedClassifierLink::try_from(FdLink::from(pinned))
                .is_ok_and(|link| interface_of(&link) == Some(target.index))
        };
        is_live("ingress") && is_live("egress")
    }

    pub(super) fn attach_tc(
        &self,
        object: &mut Ebpf,
        target: &Target,
        name: &'static str,
        side: TcAttachType,
    ) -> Result<(), AttachError> {
        let program: &mut SchedClassifier = object::program(object, name)?;
        program.load().map_err(|source| AttachError::Program {
            program: name,
            source: Box::new(source),
        })?;
        match self.tc {
            TcMode::Tcx => self.attach_tcx(program, target, name, side),
            TcMode::Clsact => attach_clsact(program, target, name, side),
        }
    }

    fn attach_tcx(
        &self,
        program: &mut SchedClassifier,
        target: &Target,
        name: &'static str,
        side: TcAttachType,
    ) -> Result<(), AttachError> {
        let hook = if name == INGRESS { "ingress" } else { "egress" };
        let pin = self.pin(&target.name, hook);
        if let Some((link, found)) = self.find(&pin)? {
            let link = SchedClassifierLink::try_from(link).map_err(unpinnable(name))?;
            if interface_of(&link) == Some(target.index) {
                match program.attach_to_link(link) {
                    Ok(link) => {
                        let link = program.take_link(link).map_err(refused(name))?;
                        return move_pin(link.try_into().map_err(unpinnable(name))?, &found, &pin);
                    }
                    Err(error) if errno(&error) == Some(libc::ENOLINK) => {}
                    Err(source) => {
                        return Err(refused(name)(source));
                    }
                }
            }
            remove(&found)?;
        }
        // First in line: a program before this one could let everything pass.
        let order = TcAttachOptions::TcxOrder(LinkOrder::first());
        let link = program
            .attach_with_options(&target.name, side, order)
            .map_err(refused(name))?;
        let link = program.take_link(link).map_err(refused(name))?;
        keep(link.try_into().map_err(unpinnable(name))?, &pin)
    }
}

fn attach_clsact(
    program: &mut SchedClassifier,
    target: &Target,
    name: &'static str,
    side: TcAttachType,
) -> Result<(), AttachError> {
    let handle = TcHandle::from(HANDLE);
    let existing =
        SchedClassifierLink::attached(&target.name, side, PRIORITY, handle, None).map_err(TcError::from)?;
    let attached = match program.attach_to_link(existing) {
        Ok(link) => Ok(link),
        Err(_) => {
            match tc::qdisc_add_clsact(&target.name) {
                Err(TcError::NetlinkError(error)) if error.raw_os_error() == Some(libc::EEXIST) => {}
                done => done?,
            }
            let options = NlOptions {
                priority: PRIORITY,
                handle,
                classid: None,
            };
            program.attach_with_options(&target.name, side, TcAttachOptions::Netlink(options))
        }
    };
    let link = attached
        .and_then(|link| program.take_link(link))
        .map_err(refused(name))?;
    // Dropped, it would take the filter down; a filter cannot be pinned, and needs no pin.
    std::mem::forget(link);
    Ok(())
}

/// The interface of a tcx link, as the kernel tells for its descriptor; 0 once the interface is gone.
fn interface_of(link: &SchedClassifierLink) -> Option<u32> {
    let descriptor = link.fd().ok()?.as_raw_fd();
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("ifindex:"))
        .and_then(|index| index.trim().parse().ok())
}
