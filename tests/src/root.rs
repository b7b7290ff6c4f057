//! Tests that need root count themselves out loudly when they do not have it.

use std::io::Write;

/// Names a file to which the names of skipped tests are appended, one a line.
pub const SKIPPED: &str = "ACCOUNTING_SKIPPED";

/// Whether this process may make namespaces and load programs.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says that the test `name` was skipped, and writes it down where [`SKIPPED`] asks for it.
pub fn skip(name: &str) {
    println!("skipped (needs root): {name}");
    let Some(path) = std::env::var_os(SKIPPED) else {
        return;
    };
    let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
    if let Err(error) = file.and_then(|mut file| writeln!(file, "{name}")) {
        println!("cannot write {}: {error}", path.display());
    }
}

/// Leaves the test function when the process is not root: `needs_root!("name_of_the_test");`.
#[macro_export]
macro_rules! needs_root {
    ($name:expr) => {
        if !$crate::root::is_root() {
            $crate::root::skip($name);
            return;
        }
    };
}
