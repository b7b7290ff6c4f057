//! `cargo xtask ebpf`: the object that the daemon embeds, built from source.
//!
//! The object is committed, so that building the daemon needs nothing but stable Rust; beside it lies `DIGEST`, which
//! says from which sources and by which tools it was made.

use crate::{root::root, toolchain::Toolchain};
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::{Path, PathBuf};

#[path = "../../accounting-ebpf/object/digest.rs"]
mod digest;

const TARGET: &str = "bpfel-unknown-none";
const PACKAGE: &str = "accounting-ebpf";

/// Arguments of `cargo xtask ebpf`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Build elsewhere, and fail unless the committed object is what the sources make
    #[arg(long)]
    check: bool,
}

/// Builds the object, and replaces the committed one or compares with it.
///
/// # Errors
///
/// When tools are missing (with the commands that install them), when the build fails, or when the check finds
/// a difference.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = root()?;
    let object = root.join("accounting-ebpf/object");
    if args.check {
        let recorded = fs::read_to_string(object.join("DIGEST")).context("accounting-ebpf/object/DIGEST")?;
        let sources = digest::sources(&root)?;
        ensure!(
            recorded.lines().any(|line| line == format!("sources {sources}")),
            "the eBPF object is older than its sources: run `cargo xtask ebpf`"
        );
        let toolchain = Toolchain::find_or_install()?;
        let built = fs::read(build(&root, &toolchain)?)?;
        return compare(
            &built,
            &fs::read(object.join("accounting.bpf.o"))?,
            &recorded,
            &toolchain,
        );
    }
    let toolchain = Toolchain::find_or_install()?;
    let built = fs::read(build(&root, &toolchain)?)?;
    ensure_anonymous(&built, &root)?;
    fs::create_dir_all(&object)?;
    fs::write(object.join("accounting.bpf.o"), &built)?;
    let lines = [
        format!("sources {}", digest::sources(&root)?),
        format!("object {}", digest::object(&built)),
        format!("tools {}", toolchain.versions),
    ];
    fs::write(object.join("DIGEST"), lines.join("\n") + "\n")?;
    println!(
        "accounting-ebpf/object/accounting.bpf.o: {} bytes, {}",
        built.len(),
        toolchain.versions
    );
    Ok(())
}

/// The path of the freshly built object, outside the tree but for `target`.
fn build(root: &Path, toolchain: &Toolchain) -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
    .join("ebpf");
    let flags = digest::FLAGS
        .iter()
        .map(ToString::to_string)
        .chain([format!("--remap-path-prefix={}=.", root.display())])
        .collect::<Vec<_>>();
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(root)
        .env("CARGO_TARGET_DIR", &target)
        // Incremental builds cut the code otherwise: another object, that the kernel may not even take.
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .args([
            "build",
            "--quiet",
            "--locked",
            "--package",
            PACKAGE,
            "--bin",
            PACKAGE,
            "--profile",
            "bpf",
        ])
        .args(["-Z", "build-std=core", "--target", TARGET]);
    ensure!(
        cargo.status().context("cargo")?.success(),
        "building the eBPF object failed"
    );
    Ok(target.join(TARGET).join("bpf").join(PACKAGE))
}

fn compare(built: &[u8], committed: &[u8], recorded: &str, toolchain: &Toolchain) -> Result<()> {
    if built == committed {
        println!("the committed eBPF object is what its sources make, byte for byte");
        return Ok(());
    }
    if recorded
        .lines()
        .any(|line| line == format!("tools {}", toolchain.versions))
    {
        bail!("the committed eBPF object is not what its sources make: run `cargo xtask ebpf`");
    }
    let tools = recorded
        .lines()
        .find_map(|line| line.strip_prefix("tools "))
        .unwrap_or("unknown tools");
    println!(
        "the eBPF object builds, but cannot be compared: here are {}, it was made by {tools}",
        toolchain.versions
    );
    Ok(())
}

/// The object is published: it must not tell on which machine it was made.
fn ensure_anonymous(object: &[u8], root: &Path) -> Result<()> {
    let home = std::env::home_dir().unwrap_or_default();
    for path in [root.as_os_str(), home.as_os_str()].map(std::ffi::OsStr::as_encoded_bytes) {
        let found = path.len() > 1 && object.windows(path.len()).any(|window| window == path);
        ensure!(!found, "the eBPF object contains a path of this machine");
    }
    Ok(())
}
