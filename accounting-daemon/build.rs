//! Refuses to embed an eBPF object that was not made from the sources beside it.

use std::path::Path;
use std::{env, fs, io};

#[path = "../accounting-ebpf/object/digest.rs"]
mod digest;

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for path in [
        "accounting-ebpf/src",
        "accounting-ebpf/Cargo.toml",
        "accounting-ebpf/object",
        "Cargo.toml",
        "Cargo.lock",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(path).display());
    }
    let object = root.join("accounting-ebpf/object");
    let recorded = fs::read_to_string(object.join("DIGEST"))?;
    let is_recorded =
        |name: &str, digest: &str| recorded.lines().any(|line| line == format!("{name} {digest}"));
    if !is_recorded("sources", &digest::sources(&root)?) {
        println!("cargo::error=the eBPF object is older than its sources: run `cargo xtask ebpf`");
    }
    if !is_recorded(
        "object",
        &digest::object(&fs::read(object.join("accounting.bpf.o"))?),
    ) {
        println!("cargo::error=the eBPF object is not the one that DIGEST records: run `cargo xtask ebpf`");
    }
    Ok(())
}
