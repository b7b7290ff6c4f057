//! `accounting-daemon detach`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    config::Config,
    gate::{self, Leave},
};

/// Takes the gate down on purpose. The daemon must be stopped.
#[derive(Debug, Args)]
#[group(id = "leave", required = true, multiple = false, args = ["open", "closed"])]
pub(super) struct Detach {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "ACCOUNTING_CONFIG")]
    config: PathBuf,

    /// Remove the gate: everything passes, paid or not
    #[arg(long)]
    open: bool,

    /// Keep the gate and remove every device: nobody passes until the daemon is back
    #[arg(long)]
    closed: bool,
}

impl Detach {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        let leave = if self.open { Leave::Open } else { Leave::Closed };
        print!("{}", gate::detach(&config.pins, leave).await?);
        Ok(())
    }
}
