//! `accounting-daemon serve`.

use clap::Args;

use super::daemon::Reach;
use crate::{app, portal::Look};

/// Runs the daemon in the foreground until SIGTERM or SIGINT. The gate goes on enforcing afterwards.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Check the configuration and do nothing
    #[arg(long)]
    check_config: bool,
}

impl Serve {
    pub(super) async fn run(self, reach: &Reach) -> anyhow::Result<()> {
        let config = reach.config()?;
        if self.check_config {
            Look::load(&config.portal)?;
            println!("{}: no problems", reach.config_file().display());
            return Ok(());
        }
        app::serve(config).await
    }
}
