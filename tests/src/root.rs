//! Tests that need root say so when they cannot run, and are counted by the runner.

use std::fs::OpenOptions;
use std::io::Write;

/// Names the file to which skipped tests append a line each.
pub const SKIPPED: &str = "ACCOUNTING_SKIPPED";

/// Whether this process is root; if not, reports the test as skipped.
#[must_use]
pub fn is_root(test: &str) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    // Straight to the descriptor: the test harness swallows what goes through `println!`.
    let _ = writeln!(std::io::stderr(), "skipped (needs root): {test}");
    if let Some(path) = std::env::var_os(SKIPPED) {
        let line = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(format!("{test}\n").as_bytes()));
        if let Err(error) = line {
            let _ = writeln!(std::io::stderr(), "{SKIPPED}: {error}");
        }
    }
    false
}

/// Returns from the test, out loud, unless the process is root.
#[macro_export]
macro_rules! needs_root {
    () => {
        if !$crate::root::is_root(&format!(
            "{}::{}",
            module_path!(),
            ::std::thread::current().name().unwrap_or("?")
        )) {
            return;
        }
    };
}
