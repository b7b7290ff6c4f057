//! A network namespace: run code in it, run commands in it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::tool;

/// Where `ip netns` mounts namespaces under their names.
pub const FOLDER: &str = "/run/netns";

/// A named network namespace. The value is a handle: it neither makes nor deletes the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// The namespace of this name below [`FOLDER`].
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// Its name, as `ip netns` knows it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file that stands for it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(FOLDER).join(&self.name)
    }

    /// Runs `work` on a thread of its own inside the namespace and gives what it returns. Sockets opened there stay in
    /// the namespace and may be used anywhere.
    ///
    /// # Errors
    /// When the namespace does not exist, the process is not root, or `work` fails or panics.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let file = std::fs::File::open(self.path())
            .with_context(|| format!("no network namespace {}", self.path().display()))?;
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || {
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
                    .with_context(|| format!("cannot enter the network namespace {} (root?)", self.name))?;
                work()
            });
            inside
                .join()
                .map_err(|_panic| anyhow!("a thread in the namespace {} panicked", self.name))?
        })
    }

    /// A command inside the namespace. By `nsenter --net`, because `ip netns exec` remounts /sys and so hides the bpf
    /// file system.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = tool::tool("nsenter");
        command
            .arg(format!("--net={}", self.path().display()))
            .arg("--")
            .arg(program);
        command
    }

    /// Runs a batch of `ip` commands inside, one a line; stops at the first that fails.
    ///
    /// # Errors
    /// The failed line, in `ip`'s words.
    pub fn ip(&self, batch: &str) -> Result<()> {
        tool::run_with(self.command("ip").args(["-batch", "-"]), batch)?;
        Ok(())
    }

    /// Sets kernel parameters, each given as its path below `/proc/sys/net` and its value.
    ///
    /// # Errors
    /// The parameter that does not exist or refuses the value.
    pub fn sysctl(&self, parameters: &[(&str, &str)]) -> Result<()> {
        self.enter(|| {
            for (name, value) in parameters {
                let path = PathBuf::from("/proc/sys/net").join(name);
                std::fs::write(&path, value)
                    .with_context(|| format!("cannot set {} to {value}", path.display()))?;
            }
            Ok(())
        })
    }

    /// Ids of the processes whose main thread is inside; empty when the namespace does not exist.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        use std::os::unix::fs::MetadataExt;
        let Ok(own) = std::fs::metadata(self.path()) else {
            return Vec::new();
        };
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter(|entry| {
                let link = std::fs::metadata(entry.path().join("ns/net"));
                link.is_ok_and(|link| (link.dev(), link.ino()) == (own.dev(), own.ino()))
            })
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect()
    }
}
