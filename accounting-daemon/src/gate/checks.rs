//! What can be known to be missing before anything is tried.

use std::path::{Path, PathBuf};

use super::StartError;

/// `BPF_FS_MAGIC`.
const BPF_FS: u64 = 0xcafe_4a11;

/// Numbers of the capabilities in the kernel's interface.
const CAPABILITIES: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];

/// A kernel's version, as far as features depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kernel {
    major: u32,
    minor: u32,
}

impl Kernel {
    /// The first with everything the gate cannot do without.
    const NEEDED: Self = Self { major: 5, minor: 15 };
    /// The first whose XDP programs take frames of several buffers.
    pub(super) const XDP_FRAGS: Self = Self { major: 5, minor: 18 };
    /// The first that attaches tc programs by links.
    pub(super) const TCX: Self = Self { major: 6, minor: 6 };

    /// The running one.
    pub(super) fn running() -> Self {
        Self::parse(&release())
    }

    /// A release such as `6.1.0-18-amd64`; what is not one counts as oldest.
    fn parse(release: &str) -> Self {
        let mut numbers = release
            .split(|c: char| !c.is_ascii_digit())
            .map(|number| number.parse().unwrap_or(0));
        Self {
            major: numbers.next().unwrap_or(0),
            minor: numbers.next().unwrap_or(0),
        }
    }
}

fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Names the first thing that is missing to run a gate with these pins.
///
/// # Errors
/// [`StartError::KernelTooOld`], [`StartError::MissingCapability`], [`StartError::NoBpfFs`] or [`StartError::Pins`].
pub fn preflight(pins: &Path) -> Result<(), StartError> {
    kernel(&release())?;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    capabilities(&status)?;
    file_system(pins)
}

/// Each of the things that [`preflight`] looks at: its name, and what was found.
pub(crate) fn checkup(pins: &Path) -> [(&'static str, Result<String, StartError>); 3] {
    let release = release();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let version = kernel(&release).map(|()| release);
    let capabilities = capabilities(&status).map(|()| "all that are needed".to_owned());
    let file_system = file_system(pins).map(|()| pins.display().to_string());
    [
        ("kernel", version),
        ("capabilities", capabilities),
        ("BPF file system", file_system),
    ]
}

/// What newer kernels do better: its name, the first version that has it, and whether the running one does.
pub(crate) fn kernel_features() -> [(&'static str, &'static str, bool); 2] {
    let running = Kernel::running();
    [
        (
            "XDP on frames of several buffers",
            "5.18",
            running >= Kernel::XDP_FRAGS,
        ),
        ("tc programs by links (tcx)", "6.6", running >= Kernel::TCX),
    ]
}

fn kernel(release: &str) -> Result<(), StartError> {
    let version = Kernel::parse(release);
    let missing = match (version.major, version.minor) {
        _ if version >= Kernel::NEEDED => return Ok(()),
        (5, 11..) => "the programs are not known to pass the verifiers before 5.15",
        (5, 9..) => "programs can read the coarse clock since 5.11",
        _ => "XDP programs are attached by links since 5.9, and can read the coarse clock since 5.11",
    };
    Err(StartError::KernelTooOld {
        found: release.to_owned(),
        missing,
    })
}

/// `status` is the text of `/proc/self/status`; without one the kernel will have to tell.
fn capabilities(status: &str) -> Result<(), StartError> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    let Some(effective) = effective else {
        return Ok(());
    };
    // CAP_SYS_ADMIN stands for CAP_BPF and CAP_PERFMON where it is held.
    let admin = effective & (1 << 21) != 0;
    let missing: Vec<&str> = CAPABILITIES
        .into_iter()
        .filter(|(name, number)| effective & (1 << number) == 0 && !(admin && *name != "CAP_NET_ADMIN"))
        .map(|(name, _)| name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StartError::MissingCapability {
        missing: missing.join(", "),
    })
}

fn file_system(pins: &Path) -> Result<(), StartError> {
    let mut existing = pins;
    while !existing.exists() {
        existing = existing.parent().unwrap_or(Path::new("/"));
    }
    let found = rustix::fs::statfs(existing).map_err(|source| StartError::Pins {
        path: existing.to_owned(),
        source: source.into(),
    })?;
    // The word's width and sign depend on the architecture, its low 32 bits do not.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a magic of 32 bits"
    )]
    let kind = found.f_type as u32;
    if u64::from(kind) == BPF_FS {
        return Ok(());
    }
    let usual = Path::new("/sys/fs/bpf");
    Err(StartError::NoBpfFs {
        pins: pins.to_owned(),
        mount: if pins.starts_with(usual) {
            usual.to_owned()
        } else {
            PathBuf::from(pins)
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_by_their_numbers() {
        assert!(kernel("6.1.0-18-amd64").is_ok());
        assert!(kernel("5.15.0").is_ok());
        for old in ["5.9.16", "5.14.21-rc1", "4.19.0", ""] {
            let error = kernel(old).unwrap_err().to_string();
            assert!(error.contains(old) && error.contains("5.15"), "{error}");
        }
        assert!(Kernel::parse("6.10.2") > Kernel::TCX);
        assert!(Kernel::parse("5.17.15") < Kernel::XDP_FRAGS);
    }

    #[test]
    fn missing_capabilities_are_named() {
        let status = |mask: u64| format!("Name:\tx\nCapPrm:\t0\nCapEff:\t{mask:016x}\nCapBnd:\t0\n");
        let all = 1 << 12 | 1 << 38 | 1 << 39;
        assert!(capabilities(&status(all)).is_ok());
        assert!(capabilities(&status(1 << 12 | 1 << 21)).is_ok());
        let error = capabilities(&status(1 << 39)).unwrap_err().to_string();
        assert!(error.contains("missing CAP_NET_ADMIN, CAP_PERFMON:"), "{error}");
        assert!(
            capabilities(&status(0))
                .unwrap_err()
                .to_string()
                .contains("CAP_BPF")
        );
    }

    #[test]
    fn an_ordinary_directory_is_no_place_for_pins() {
        let folder = tempfile::tempdir().unwrap();
        let pins = folder.path().join("pins/deeper");
        let error = file_system(&pins).unwrap_err().to_string();
        assert!(error.contains("mount -t bpf bpf"), "{error}");
        assert!(error.contains(&pins.display().to_string()), "{error}");
    }
}
