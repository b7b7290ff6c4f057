//! Attaching the programs to an interface so that they outlive the daemon, and swapping them in place afterwards.
//!
//! XDP and, on kernels that have it, tcx are attached by links, and the links are pinned: while a pin is there the
//! gate is closed, whatever becomes of the daemon. A link that is found pinned gets the new program in one step. Older
//! kernels attach tc programs by filters of a clsact discipline, which stay by themselves.

use std::path::{Path, PathBuf};

use aya::{
    Ebpf,
    programs::{
        ProgramError, TcAttachType, Xdp,
        links::{FdLink, LinkError},
        tc::TcError,
        xdp::{self, XdpError},
    },
    sys::SyscallError,
};

use super::{
    AttachError, Settings,
    checks::Kernel,
    layouts,
    links::{keep, move_pin, open, remove},
    maps::Maps,
    object,
    status::{TcMode, XdpMode},
    tc::{EGRESS, INGRESS},
};

const XDP: &str = "gate_xdp";
const XDP_LINEAR: &str = "gate_xdp_linear";

/// An interface as the kernel shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) name: String,
    pub(super) index: u32,
    pub(super) mac: [u8; 6],
    /// The MAC address that frames to the gateway carry: the bridge's, for one of its ports.
    pub(super) gateway: [u8; 6],
    /// Whether it is a port of a bridge. A bridge takes away the socket that a frame was given, so nothing is redirected there.
    pub(super) is_port: bool,
    pub(super) zone: u16,
    /// How an XDP program is attached, and its number.
    pub(super) xdp: Option<(XdpMode, u32)>,
}

/// What is in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attached {
    pub(super) xdp: XdpMode,
    pub(super) tc: TcMode,
    /// The number of the XDP program.
    pub(super) program: u32,
}

/// Where the programs come from and where their links are pinned.
#[derive(Debug)]
pub(super) struct Programs {
    pub(super) settings: Settings,
    pub(super) maps: Maps,
    pub(super) tc: TcMode,
}

impl Programs {
    pub(super) fn new(settings: Settings, maps: Maps) -> Self {
        let tc = if Kernel::running() >= Kernel::TCX {
            TcMode::Tcx
        } else {
            TcMode::Clsact
        };
        Self { settings, maps, tc }
    }

    /// Puts the programs in place, XDP first: if a later step fails, devices still cannot send.
    pub(super) fn attach(&self, target: &Target) -> Result<Attached, AttachError> {
        let (xdp, program, mut object) = self.attach_xdp(target)?;
        self.attach_tc(&mut object, target, INGRESS, TcAttachType::Ingress)?;
        self.attach_tc(&mut object, target, EGRESS, TcAttachType::Egress)?;
        Ok(Attached {
            xdp,
            tc: self.tc,
            program,
        })
    }

    /// Where a link is pinned. The file system reserves dots and interface names cannot hold colons.
    pub(super) fn pin(&self, interface: &str, hook: &str) -> PathBuf {
        self.maps
            .directory()
            .join(format!("{}-{hook}", interface.replace('.', ":")))
    }

    fn attach_xdp(&self, target: &Target) -> Result<(XdpMode, u32, Ebpf), AttachError> {
        let name = if Kernel::running() >= Kernel::XDP_FRAGS {
            XDP
        } else {
            XDP_LINEAR
        };
        let pin = self.pin(&target.name, "xdp");
        if let Some((link, found)) = self.find(&pin)? {
            if let Some(mode) = adoptable(&link, target)
                && let Some((link, object)) = self.swap_xdp(link, target, name, mode)?
            {
                let number = link.info().map_err(unpinnable(name))?.program_id();
                move_pin(link, &found, &pin)?;
                return Ok((mode, number, object));
            }
            tracing::warn!(interface = %target.name, "the pinned link belonged to an interface that is gone");
            remove(&found)?;
        }
        match self.create_xdp(target, name, XdpMode::Native, &pin) {
            Err(AttachError::Refused { program, source }) if !is_final(&source) => {
                tracing::info!(
                    interface = %target.name, program, reason = %chain(&source),
                    "no XDP in the driver, using the generic mode"
                );
                self.create_xdp(target, name, XdpMode::Generic, &pin)
            }
            done => done,
        }
        .map_err(|error| match error {
            AttachError::Refused { source, .. } if is_occupied(&source) => AttachError::Occupied {
                interface: target.name.clone(),
            },
            other => other,
        })
    }

    /// Puts a new program behind a link; `None`: the link's interface is gone.
    fn swap_xdp(
        &self,
        link: FdLink,
        target: &Target,
        name: &'static str,
        mode: XdpMode,
    ) -> Result<Option<(FdLink, Ebpf)>, AttachError> {
        let mut object = self.load(target, mode)?;
        let program = load_xdp(&mut object, name)?;
        let link = link.try_into().map_err(unpinnable(name))?;
        match program.attach_to_link(link) {
            Ok(link) => {
                let link = program.take_link(link).map_err(refused(name))?;
                Ok(Some((link.try_into().map_err(unpinnable(name))?, object)))
            }
            Err(error) if errno(&error) == Some(libc::ENOLINK) => Ok(None),
            Err(source) => Err(refused(name)(source)),
        }
    }

    fn create_xdp(
        &self,
        target: &Target,
        name: &'static str,
        mode: XdpMode,
        pin: &Path,
    ) -> Result<(XdpMode, u32, Ebpf), AttachError> {
        let mut object = self.load(target, mode)?;
        let program = load_xdp(&mut object, name)?;
        let number = number(program.info(), name)?;
        let flags = match mode {
            XdpMode::Native => xdp::XdpMode::Driver,
            XdpMode::Generic => xdp::XdpMode::Skb,
        };
        let link = program
            .attach_to_if_index(target.index, flags)
            .map_err(refused(name))?;
        let link = program.take_link(link).map_err(refused(name))?;
        // A link that is no descriptor would end with the daemon, and the gate with it.
        let link: FdLink = link.try_into().map_err(unpinnable(name))?;
        keep(link, pin)?;
        Ok((mode, number, object))
    }

    /// The link pinned there, or at the same name in another version's layout, and where it was found.
    pub(super) fn find(&self, pin: &Path) -> Result<Option<(FdLink, PathBuf)>, AttachError> {
        if let Some(link) = open(pin)? {
            return Ok(Some((link, pin.to_owned())));
        }
        let (Some(name), Ok(layouts)) = (pin.file_name(), layouts::all(&self.settings.pins)) else {
            return Ok(None);
        };
        for directory in layouts {
            let other = directory.join(name);
            if let Some(link) = open(&other)? {
                return Ok(Some((link, other)));
            }
        }
        Ok(None)
    }

    fn load(&self, target: &Target, mode: XdpMode) -> Result<Ebpf, AttachError> {
        let port = object::port(&self.settings, target, mode)?;
        object::load(&self.maps, &port)
    }
}

/// The mode of a link that belongs to the interface as it is now.
fn adoptable(link: &FdLink, target: &Target) -> Option<XdpMode> {
    let (mode, number) = target.xdp?;
    let info = link.info().ok()?;
    (info.program_id() == number).then_some(mode)
}

fn load_xdp<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, AttachError> {
    let program: &mut Xdp = object::program(object, name)?;
    program.load().map_err(|source| AttachError::Program {
        program: name,
        source: Box::new(source),
    })?;
    Ok(program)
}

fn number(
    info: Result<aya::programs::ProgramInfo, ProgramError>,
    program: &'static str,
) -> Result<u32, AttachError> {
    info.map(|info| info.id()).map_err(|source| AttachError::Program {
        program,
        source: Box::new(source),
    })
}

pub(super) fn refused(program: &'static str) -> impl Fn(ProgramError) -> AttachError {
    move |source| AttachError::Refused {
        program,
        source: Box::new(source),
    }
}

pub(super) fn unpinnable(program: &'static str) -> impl Fn(LinkError) -> AttachError {
    move |source| AttachError::Unpinnable { program, source }
}

/// Whether another mode would not help either.
fn is_final(error: &ProgramError) -> bool {
    is_occupied(error) || matches!(errno(error), Some(libc::EPERM | libc::ENODEV))
}

fn is_occupied(error: &ProgramError) -> bool {
    matches!(errno(error), Some(libc::EBUSY | libc::EEXIST))
}

pub(super) fn errno(error: &ProgramError) -> Option<i32> {
    match error {
        ProgramError::SyscallError(SyscallError { io_error, .. }) => io_error.raw_os_error(),
        ProgramError::XdpError(XdpError::NetlinkError(error)) => error.raw_os_error(),
        ProgramError::TcError(TcError::NetlinkError(error)) => error.raw_os_error(),
        _ => None,
    }
}

/// An error with all its causes, for one line of a log.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
