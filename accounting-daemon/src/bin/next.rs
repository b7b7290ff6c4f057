//! The daemon as the version to come: what tests of upgrades upgrade to.

use std::process::ExitCode;

fn main() -> ExitCode {
    accounting_daemon::cli::main()
}
