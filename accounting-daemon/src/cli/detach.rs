//! `accounting-daemon detach`.

use clap::Args;

use super::daemon::Reach;
use crate::gate::{self, Leave};

/// Take the gate down on purpose, while the daemon is stopped
#[derive(Debug, Args)]
pub(super) struct Detach {
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
    pub(super) async fn run(self, reach: &Reach) -> anyhow::Result<()> {
        let config = reach.config()?;
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
        let open = parse("detach --open").unwrap().detach;
        assert!(open.leave.open && !open.leave.closed);
        assert!(parse("detach --closed").unwrap().detach.leave.closed);
        assert!(parse("detach").is_err());
        assert!(parse("detach --open --closed").is_err());
    }
}
