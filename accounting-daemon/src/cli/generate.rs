//! Completions for shells, and manual pages; both from the definition of the command line itself.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, show};

/// Print a script that completes this program's commands in a shell
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "accounting-daemon", &mut script);
        Ok(show::print(&String::from_utf8(script)?)?)
    }
}

/// Write the manual pages into a folder
#[derive(Debug, Args)]
pub(super) struct Man {
    /// A folder, such as /usr/local/share/man/man1
    folder: PathBuf,
}

impl Man {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let folder = &self.folder;
        let written =
            std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
        written.with_context(|| format!("cannot write into {}", folder.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_its_page() {
        let folder = tempfile::tempdir().unwrap();
        let man = Man {
            folder: folder.path().join("man1"),
        };
        man.run().unwrap();
        for page in [
            "accounting-daemon.1",
            "accounting-daemon-token-bulk.1",
            "accounting-daemon-serve.1",
        ] {
            let text = std::fs::read_to_string(folder.path().join("man1").join(page)).unwrap();
            assert!(text.contains(".SH NAME"), "{page}");
        }
    }
}
