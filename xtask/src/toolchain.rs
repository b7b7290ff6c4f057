//! A Rust compiler that can build its own core library for the bpf target, and a linker with the same LLVM.
//!
//! Debian's compiler is preferred, for anybody can install that very version; else a nightly with `rust-src` serves.

use anyhow::{Context, Result, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: [&str; 7] = [
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "llvm-22-dev",
    "libpolly-22-dev",
    "libzstd-dev",
    "zlib1g-dev",
];
const LINKER: &str = "bpf-linker";
const LINKER_VERSION: &str = "0.13.0";

/// The tools, found and tried.
pub(crate) struct Toolchain {
    cargo: PathBuf,
    rustc: PathBuf,
    linker: PathBuf,
    /// The versions of compiler, its LLVM, and linker, in a line.
    pub(crate) versions: String,
}

impl Toolchain {
    /// Finds the tools, and installs what is missing when this process is root on a Debian.
    ///
    /// # Errors
    ///
    /// When something is missing and cannot be installed; the message has the commands.
    pub(crate) fn find_or_install() -> Result<Self> {
        let (cargo, rustc) = match compiler() {
            Some(found) => found,
            None => {
                install(apt())?;
                compiler().context("the packages are installed, but have no compiler with its sources")?
            }
        };
        let verbose = output(Command::new(&rustc).arg("-vV"))?;
        let llvm = field(&verbose, "LLVM version: ")?;
        let linker = match linker() {
            Some(found) => found,
            None => {
                install(cargo_install(llvm)?)?;
                linker().context("bpf-linker is installed, but not found")?
            }
        };
        let release = field(&verbose, "release: ")?;
        let linked_by = output(Command::new(&linker).arg("--version"))?;
        let versions = format!("rustc {release}, LLVM {llvm}, {}", linked_by.trim());
        Ok(Self {
            cargo,
            rustc,
            linker,
            versions,
        })
    }

    /// A call of cargo with these tools, unstable features allowed.
    #[must_use]
    pub(crate) fn cargo(&self) -> Command {
        let mut cargo = Command::new(&self.cargo);
        let directories = self.linker.parent().map(Path::to_path_buf).into_iter().chain(
            std::env::var_os("PATH")
                .iter()
                .flat_map(std::env::split_paths)
                .collect::<Vec<_>>(),
        );
        // rustup's cargo, which runs this, tells its children which toolchain to use.
        cargo
            .env_remove("RUSTUP_TOOLCHAIN")
            .env_remove("RUSTC_WRAPPER")
            .env_remove("RUSTFLAGS");
        cargo.env("RUSTC", &self.rustc).env("RUSTC_BOOTSTRAP", "1");
        if let Ok(path) = std::env::join_paths(directories) {
            cargo.env("PATH", path);
        }
        cargo
    }
}

/// Cargo and rustc, the latter with the sources of core.
fn compiler() -> Option<(PathBuf, PathBuf)> {
    let debian = (PathBuf::from("/usr/bin/cargo"), PathBuf::from("/usr/bin/rustc"));
    let nightly = |tool: &str| {
        let path = output(Command::new("rustup").args(["which", "--toolchain", "nightly", tool])).ok()?;
        Some(PathBuf::from(path.trim()))
    };
    [Some(debian), nightly("cargo").zip(nightly("rustc"))]
        .into_iter()
        .flatten()
        .find(|(cargo, rustc)| {
            let sysroot = output(Command::new(rustc).args(["--print", "sysroot"])).unwrap_or_default();
            cargo.exists()
                && Path::new(sysroot.trim())
                    .join("lib/rustlib/src/rust/library/Cargo.lock")
                    .exists()
        })
}

fn linker() -> Option<PathBuf> {
    let cargo_bin = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")))
        .map(|home| home.join("bin"));
    let directories = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect::<Vec<_>>();
    cargo_bin
        .into_iter()
        .chain(directories)
        .map(|directory| directory.join(LINKER))
        .find(|path| path.is_file())
}

fn apt() -> Vec<Command> {
    let mut update = Command::new("apt-get");
    update.arg("update");
    let mut install = Command::new("apt-get");
    install
        .args(["install", "--yes", "--no-install-recommends"])
        .args(PACKAGES);
    vec![update, install]
}

fn cargo_install(llvm: &str) -> Result<Vec<Command>> {
    let major = llvm.split('.').next().context("LLVM has no version")?;
    let mut install = Command::new("cargo");
    install.args([
        "install",
        LINKER,
        "--version",
        LINKER_VERSION,
        "--locked",
        "--no-default-features",
    ]);
    install.args(["--features", &format!("llvm-{major}")]);
    install.env("LLVM_PREFIX", format!("/usr/lib/llvm-{major}"));
    Ok(vec![install])
}

/// Runs the commands as root; otherwise they become the error message.
fn install(mut commands: Vec<Command>) -> Result<()> {
    let text = commands
        .iter()
        .map(|command| format!("  {command:?}\n"))
        .collect::<String>();
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/bin/apt-get").exists() {
        bail!("building the eBPF object needs tools that are missing here; install them by\n{text}");
    }
    eprintln!("installing what the eBPF object is built with:\n{text}");
    for command in &mut commands {
        ensure!(
            command
                .status()
                .with_context(|| format!("{command:?}"))?
                .success(),
            "{command:?} failed"
        );
    }
    Ok(())
}

fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

fn field<'a>(text: &'a str, name: &str) -> Result<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .with_context(|| format!("rustc does not tell its {name}"))
}
