//! The daemon of the gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    accounting_daemon::cli::main()
}
