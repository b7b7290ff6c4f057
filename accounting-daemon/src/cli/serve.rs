//! `accounting-daemon serve`.

use std::path::PathBuf;

use clap::Args;

use crate::{app, config::Config, portal::Look};

/// Runs the daemon in the foreground until SIGTERM or SIGINT. The gate goes on enforcing afterwards.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "ACCOUNTING_CONFIG")]
    config: PathBuf,

    /// Check the configuration and do nothing
    #[arg(long)]
    check_config: bool,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        if self.check_config {
            Look::load(&config.portal)?;
            println!("{}: no problems", self.config.display());
            return Ok(());
        }
        app::serve(config).await
    }
}
