//! `accounting-daemon serve`.

use clap::Args;

use super::{daemon::Reach, failure::sentence};
use crate::{app, http::Tls, portal::Look};

/// Run the daemon
///
/// It stays in the foreground until SIGTERM or SIGINT; the gate goes on enforcing afterwards.
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
            let tls = config.api.tls.as_ref().map(Tls::load).transpose();
            let tls = tls.err().map(|error| sentence(&error.into()));
            let look = Look::load(&config.portal).err();
            let look = look.map(|error| sentence(&error.into()));
            let problems: Vec<_> = tls.into_iter().chain(look).collect();
            if !problems.is_empty() {
                anyhow::bail!(problems.join("\n"));
            }
            println!("{}: no problems", reach.config_file().display());
            return Ok(());
        }
        app::serve(config).await
    }
}
