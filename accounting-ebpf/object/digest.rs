// Included by xtask and by the daemon's build script: what the object is made from, and whether it still is.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Compiler flags beside those of the profile `bpf`.
pub(crate) const FLAGS: [&str; 1] = ["-Ctarget-cpu=v3"];

/// The hexadecimal SHA-256 over everything that decides what the object contains, but for the versions of compiler and
/// linker: the sources with their paths, the manifest, the profile, the flags, and the locked versions of aya-ebpf.
///
/// `root` is the repository's root. Fails when a file cannot be read.
pub(crate) fn sources(root: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    collect(&root.join("accounting-ebpf/src"), &mut paths)?;
    paths.push(root.join("accounting-ebpf/Cargo.toml"));
    paths.sort();
    let mut hash = Sha256::new();
    for path in paths {
        let relative = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        part(&mut hash, &relative, &fs::read(&path)?);
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    for table in manifest
        .split("\n[")
        .filter(|table| table.starts_with("profile.bpf]"))
    {
        // The last line of the next table's comment may stand at the end of this one.
        for line in table
            .lines()
            .filter(|line| line.contains('=') && !line.starts_with('#'))
        {
            part(&mut hash, "profile", line.as_bytes());
        }
    }
    let lock = fs::read_to_string(root.join("Cargo.lock"))?;
    for package in lock
        .split("[[package]]")
        .filter(|package| package.contains("name = \"aya-ebpf"))
    {
        part(&mut hash, "lock", package.trim().as_bytes());
    }
    for flag in FLAGS {
        part(&mut hash, "flag", flag.as_bytes());
    }
    Ok(hex(hash))
}

/// The hexadecimal SHA-256 of one file's contents.
pub(crate) fn object(contents: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(contents);
    hex(hash)
}

fn collect(directory: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), paths)?;
        } else {
            paths.push(entry.path());
        }
    }
    Ok(())
}

/// Lengths before contents, so that nothing can move from one part to the next unseen.
fn part(hash: &mut Sha256, name: &str, contents: &[u8]) {
    for bytes in [name.as_bytes(), contents] {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
