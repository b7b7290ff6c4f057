//! `accounting-daemon detach`.

use std::path::PathBuf;

use clap::Args;

use crate::{
    config::Config,
    gate::{self, Leave},
};

/// Takes the gate down on purpose. The daemon must be stopped.
#[derive(Debug, Args)]
pub(super) struct Detach {
    /// The configuration file
    #[arg(long, value_name = "FILE", env = "ACCOUNTING_CONFIG")]
    config: PathBuf,

    #[command(flatten)]
    leave: How,
}

/// One of the two. A group of its own: the group of a derived struct holds all fields of it.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct How {
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
        let leave = if self.leave.open {
            Leave::Open
        } else {
            Leave::Closed
        };
        print!("{}", gate::detach(&config.pins, leave).await?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        detach: Detach,
    }

    #[test]
    fn one_way_to_leave_it_is_named() {
        let parse = |words: &str| Line::try_parse_from(words.split(' '));
        let open = parse("detach --config a.toml --open").unwrap().detach;
        assert!(open.leave.open && !open.leave.closed);
        assert!(
            parse("detach --config a.toml --closed")
                .unwrap()
                .detach
                .leave
                .closed
        );
        assert!(parse("detach --config a.toml").is_err());
        assert!(parse("detach --config a.toml --open --closed").is_err());
    }
}
