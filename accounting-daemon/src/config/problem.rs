//! What can be wrong with a configuration file, each with its line, and all of it together.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use crate::mac::{Mac, MacError};

/// Everything that is wrong with one file, by line. Shown as one line each: `FILE:LINE: message`, or `FILE: message`.
#[derive(Debug)]
pub struct ConfigErrors {
    file: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub struct Problem {
    /// Line in the file, from 1; 0 when it concerns the file as a whole.
    pub line: usize,
    /// What it is.
    pub kind: ProblemKind,
}

/// What is wrong, and the way out. Keys are written as `table.key`.
#[derive(Debug, thiserror::Error)]
pub enum ProblemKind {
    /// The file could not be read.
    #[error("cannot be read: {0}: check the path and its permissions, or name another file with --config")]
    Unreadable(std::io::Error),
    /// The file is larger than a configuration can be.
    #[error("has more than {max} bytes: this is not a configuration file")]
    TooLarge {
        /// The limit in bytes.
        max: u64,
    },
    /// It is not TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// A key that does not exist.
    #[error("`{key}` is not a setting: known here are {known}")]
    UnknownKey {
        /// What was written.
        key: String,
        /// The keys that exist in this table.
        known: String,
    },
    /// A required key is absent.
    #[error("`{key}` is missing: {hint}")]
    Missing {
        /// What is needed.
        key: String,
        /// What to write.
        hint: &'static str,
    },
    /// A value of another type.
    #[error("`{key}` must be {wanted}, not {found}")]
    WrongType {
        /// The setting.
        key: String,
        /// What it takes.
        wanted: &'static str,
        /// What was written.
        found: &'static str,
    },
    /// A number outside of its range.
    #[error("`{key}` is {found}: choose a number from {min} to {max}")]
    OutOfRange {
        /// The setting.
        key: String,
        /// What was written.
        found: String,
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A text that is not what it should be.
    #[error("`{key}` is {found:?}: write {wanted}")]
    BadText {
        /// The setting.
        key: String,
        /// What was written.
        found: String,
        /// What it takes.
        wanted: &'static str,
    },
    /// A list with too many or too few values.
    #[error("`{key}` has {found} values: give {min} to {max}")]
    Count {
        /// The setting.
        key: String,
        /// How many were written.
        found: usize,
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// The same thing twice.
    #[error("`{key}` names {found} twice: remove one")]
    Twice {
        /// The setting.
        key: String,
        /// What is there twice.
        found: String,
    },
    /// A zone that no interface has.
    #[error("`{key}` names zone {zone}, which no [[interface]] has: add it there, or correct the number")]
    NoSuchZone {
        /// The setting.
        key: String,
        /// The zone.
        zone: u16,
    },
    /// Not a MAC address.
    #[error("`{key}` has {found:?}: {reason}, optionally followed by a space and a zone")]
    BadMac {
        /// The setting.
        key: String,
        /// What was written.
        found: String,
        /// What it is not.
        reason: MacError,
    },
    /// A group address where a device is meant.
    #[error("`{key}` has {mac}, which no single device can have: write the address of a device")]
    NotUnicast {
        /// The setting.
        key: String,
        /// The address.
        mac: Mac,
    },
    /// A prefix with bits set behind its length.
    #[error("`{key}` is {found}, whose network is {network}: write that, or a longer prefix")]
    HostBits {
        /// The setting.
        key: String,
        /// What was written.
        found: ipnet::IpNet,
        /// The network it lies in.
        network: ipnet::IpNet,
    },
    /// The api would be reachable from elsewhere in plain text.
    #[error(
        "`api.listen` has {0}, which others can reach, and passwords would cross the network in plain text: \
         configure a certificate in [api.tls], listen on 127.0.0.1 or [::1], or accept that with `insecure = true`"
    )]
    NotLoopback(SocketAddr),
    /// Api and portal on one port.
    #[error("`portal.listen_port` is {0}, which `api.listen` uses too: choose another port for one of them")]
    PortShared(u16),
    /// An address that cannot be a resolver.
    #[error("`{key}` has {address}, which is not the address of one machine: write a unicast address")]
    NotAHost {
        /// The setting.
        key: String,
        /// What was written.
        address: IpAddr,
    },
}

impl ConfigErrors {
    pub(super) fn new(file: &Path, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.line);
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    /// The problems, by line.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, problem) in self.problems.iter().enumerate() {
            if nth > 0 {
                f.write_str("\n")?;
            }
            // The text of a file may hold anything; each problem stays one line.
            let message = problem.kind.to_string().replace(['\n', '\r'], " ");
            write!(f, "{}", self.file.display())?;
            match problem.line {
                0 => write!(f, ": {message}")?,
                line => write!(f, ":{line}: {message}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
