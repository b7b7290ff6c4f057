//! What the lab needs of the system, and how it gets it.

use anyhow::{Context, Result, bail};

use super::tool::{find, path, run, tool};

/// Programs the lab calls, each with the Debian package that brings it.
const NEEDED: [(&str, &str); 10] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("dnsmasq", "dnsmasq-base"),
    ("udhcpc", "udhcpc"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("mount", "mount"),
    ("curl", "curl"),
    ("ethtool", "ethtool"),
    ("python3", "python3"),
];

/// Where programs, links and maps are pinned.
pub const BPF_FS: &str = "/sys/fs/bpf";

/// Makes the machine ready for labs: root, the programs, the bpf file system. Installs missing Debian packages.
///
/// # Errors
/// When the process is not root, or a program is missing and cannot be installed: the error names the command to run.
pub fn prepare() -> Result<()> {
    if !crate::root::is_root() {
        bail!("the lab makes network namespaces: run it as root (for example with sudo -E)");
    }
    ensure(&NEEDED)?;
    mount_bpf_fs()
}

/// Installs the Debian packages of the programs that are not there; needs root when one is missing.
///
/// # Errors
/// When one cannot be installed: the error names the command to run.
pub fn ensure(needed: &[(&'static str, &'static str)]) -> Result<()> {
    let present = |program: &str| find(program).is_some();
    install(&missing(needed, present))?;
    let still = missing(needed, present);
    if !still.is_empty() {
        bail!(
            "programs of the packages {} are neither in {} nor installable",
            still.join(", "),
            path()
        );
    }
    Ok(())
}

/// Packages of the programs that are not `present`, each once, in order.
fn missing(needed: &[(&str, &'static str)], present: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let mut packages: Vec<&str> = Vec::new();
    for (program, package) in needed {
        if !present(program) && !packages.contains(package) {
            packages.push(package);
        }
    }
    packages
}

fn install(packages: &[&str]) -> Result<()> {
    if packages.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    if find("apt-get").is_none() {
        bail!("programs are missing; on Debian or Ubuntu: {by_hand}");
    }
    eprintln!("lab: installing {}", packages.join(" "));
    let apt = || {
        let mut command = tool("apt-get");
        // Two labs may want the same lock.
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-q", "-y", "-o", "DPkg::Lock::Timeout=300"]);
        command
    };
    let update = run(apt().arg("update"));
    run(apt().args(["install", "--no-install-recommends"]).args(packages))
        .with_context(|| match update {
            Ok(_) => String::from("cannot install packages"),
            Err(error) => format!("cannot install packages, nor update their list ({error:#})"),
        })
        .with_context(|| format!("install them by hand: {by_hand}"))?;
    Ok(())
}

fn mount_bpf_fs() -> Result<()> {
    let is_mounted = || {
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        mounts.lines().any(|line| {
            let mut words = line.split(' ').skip(1);
            words.next() == Some(BPF_FS) && words.next() == Some("bpf")
        })
    };
    if is_mounted() {
        return Ok(());
    }
    let mounted = run(tool("mount").args(["-t", "bpf", "bpf", BPF_FS]));
    // Another lab may have been faster.
    if !is_mounted() {
        mounted.context("the gate pins its programs in the bpf file system")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_once_however_many_of_its_programs_are_missing() {
        assert_eq!(missing(&NEEDED, |_| true), Vec::<&str>::new());
        let packages = missing(&NEEDED, |program| {
            !["nsenter", "setsid", "udhcpc"].contains(&program)
        });
        assert_eq!(packages, ["udhcpc", "util-linux"]);
    }
}
