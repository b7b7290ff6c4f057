//! Tests that need root count themselves out loudly when they do not have it.

use std::{fs::OpenOptions, io::Write};

/// Names a file to which the names of skipped tests are appended, each with its reason behind a tab, one a line.
pub const SKIPPED: &str = "ACCOUNTING_SKIPPED";

/// Whether this process may make namespaces and load programs.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says that a test was skipped for want of root, and writes its name down where [`SKIPPED`] asks for it.
pub fn skip(test: &str) {
    skip_because(test, "not root");
}

/// Says that a test was skipped and why, and writes both down where [`SKIPPED`] asks for it.
pub fn skip_because(test: &str, reason: &str) {
    let reason = reason.replace(['\n', '\t'], " ");
    // Straight to the descriptor: the test harness swallows what goes through `println!`.
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "skipped ({reason}): {test}");
    let Some(path) = std::env::var_os(SKIPPED) else {
        return;
    };
    let file = OpenOptions::new().create(true).append(true).open(&path);
    if let Err(error) = file.and_then(|mut file| file.write_all(format!("{test}\t{reason}\n").as_bytes())) {
        let _ = writeln!(stderr, "cannot write {}: {error}", path.display());
    }
}

/// Leaves the test function, out loud, when the process is not root.
#[macro_export]
macro_rules! needs_root {
    () => {
        if !$crate::root::is_root() {
            $crate::root::skip(&format!(
                "{}::{}",
                module_path!(),
                ::std::thread::current().name().unwrap_or("?")
            ));
            return;
        }
    };
}
