//! systemd as the first process of namespaces of its own in the lab's gateway, with the unit of `docs/`: nothing of it is left out, and
//! nothing of the machine is changed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::clock;
use crate::lab::{Daemon, Lab, Process};

/// The unit.
pub const UNIT: &str = "accounting-daemon.service";

const PROGRAM: &str = "/lib/systemd/systemd";
const BOOT: &str = include_str!("boot.sh");
const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/accounting-daemon.service");

/// What the lab needs besides: no other unit is there to wait for, and nobody keeps a journal.
const BESIDES: &str = "[Unit]\nDefaultDependencies=no\n\
                       [Service]\nStandardOutput=append:/run/lab/daemon.log\nStandardError=append:/run/lab/daemon.log\n";

/// How long systemd, or a unit, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// systemd, until it is dropped.
#[derive(Debug)]
pub struct Systemd {
    boot: Child,
    /// Its first process, as the machine counts.
    first: u32,
    folder: PathBuf,
    group: String,
}

impl Systemd {
    /// Whether there is a systemd on this machine.
    #[must_use]
    pub fn is_here() -> bool {
        Path::new(PROGRAM).exists()
    }

    /// Boots it in the lab's gateway. The daemon of the lab must be stopped; the unit's has its configuration and its administrator.
    ///
    /// # Errors
    /// When it does not come up; what it said is in the error.
    pub fn boot(lab: &Lab) -> Result<Self> {
        let daemon = lab.daemon()?;
        let folder = lab.disk().join("systemd");
        let drop_in = folder.join(format!("units/{UNIT}.d"));
        fs::create_dir_all(&drop_in)?;
        // The user of the unit has to get in.
        for open in [lab.disk(), &folder] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o755))?;
        }
        fs::copy(SHIPPED, folder.join("units").join(UNIT))
            .with_context(|| format!("cannot read {SHIPPED}"))?;
        fs::write(drop_in.join("lab.conf"), BESIDES)?;
        fs::write(folder.join("password"), format!("{}\n", daemon.password()))?;
        fs::write(folder.join("accounting.toml"), configuration(daemon)?)?;
        fs::write(folder.join("boot.sh"), BOOT)?;
        let group = format!("accounting-lab-{}", lab.id());
        let said = fs::File::create(folder.join("systemd.log"))?;
        let boot = lab
            .gateway()
            .command("unshare")
            .args(["--mount", "sh"])
            .arg(folder.join("boot.sh"))
            .arg(&folder)
            .arg(daemon.binary())
            .arg(&group)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .spawn()?;
        let mut systemd = Self {
            boot,
            first: 0,
            folder,
            group,
        };
        let up = clock::wait_for("systemd", PATIENCE, || {
            ensure!(systemd.boot.try_wait()?.is_none(), "it ended");
            let Some(first) = only_child(systemd.boot.id()) else {
                return Ok(None);
            };
            systemd.first = first;
            let asked = systemd.run("systemctl", &["is-system-running"])?;
            let state = String::from_utf8_lossy(&asked.stdout).into_owned();
            Ok(["running", "degraded"].contains(&state.trim()).then_some(()))
        });
        up.with_context(|| systemd.said("systemd.log"))?;
        Ok(systemd)
    }

    /// Runs a program inside, as root.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.first));
        command.args([
            "--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup", "--", program,
        ]);
        Ok(command.args(arguments).stdin(Stdio::null()).output()?)
    }

    /// `systemctl` with a verb for the unit.
    ///
    /// # Errors
    /// When it fails; with what the daemon said.
    pub fn unit(&self, verb: &str) -> Result<()> {
        let done = self.run("systemctl", &[verb, UNIT])?;
        ensure!(
            done.status.success(),
            "systemctl {verb}: {}{}",
            String::from_utf8_lossy(&done.stderr),
            self.said("daemon.log")
        );
        Ok(())
    }

    /// A property of the unit.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub fn property(&self, name: &str) -> Result<String> {
        let shown = self.run("systemctl", &["show", "--value", "--property", name, UNIT])?;
        Ok(String::from_utf8(shown.stdout)?.trim().to_owned())
    }

    fn said(&self, log: &str) -> String {
        fs::read_to_string(self.folder.join(log)).unwrap_or_default()
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        // Its first process goes with it, and with that all others.
        let first = i32::try_from(self.first)
            .ok()
            .and_then(|first| Process::open(first).ok());
        let _ = self.boot.kill();
        let _ = self.boot.wait();
        if let Some(first) = first {
            let _ = first.ended_within(PATIENCE);
        }
        let remove = "mount --make-rprivate / && mount -t cgroup2 none \"$1/cgroup\" && \
                      find \"$1/cgroup/$2\" -depth -type d -exec rmdir {} +";
        let _ = Command::new("unshare")
            .args(["--mount", "sh", "-c", remove, "sh"])
            .arg(&self.folder)
            .arg(&self.group)
            .status();
    }
}

/// The lab's configuration, with the places that the unit names.
fn configuration(daemon: &Daemon) -> Result<String> {
    let text = fs::read_to_string(daemon.config())?;
    let lines = text.lines().map(|line| match line.split(' ').next() {
        Some("data") => "data = \"/var/lib/accounting\"".to_owned(),
        Some("pins") => String::new(),
        Some("password_file") => "password_file = \"/run/lab/password\"".to_owned(),
        Some("[api]") => "[api]\nsocket = \"/run/accounting/api.sock\"".to_owned(),
        _ => line.to_owned(),
    });
    Ok(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// The process whose parent this is.
fn only_child(of: u32) -> Option<u32> {
    let processes = fs::read_dir("/proc").ok()?;
    let mut ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|id| {
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
        parent.is_some_and(|parent| parent.trim() == of.to_string())
    })
}
