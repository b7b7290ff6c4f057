//! `cargo xtask api-docs`: writes `docs/API.md` from what the endpoints say of themselves.

use accounting_tests::lab::cargo;
use anyhow::{Result, ensure};

/// The test that compares the document with the endpoints; told to, it writes it.
const TEST: &str = "http::openapi::tests::the_documentation_is_up_to_date";

pub(crate) fn run() -> Result<()> {
    let done = cargo()
        .args([
            "test",
            "--quiet",
            "--locked",
            "-p",
            "accounting-daemon",
            "--lib",
            "--",
            "--exact",
            TEST,
        ])
        .env("ACCOUNTING_WRITE_DOCS", "1")
        .status()?;
    ensure!(done.success(), "docs/API.md was not written: {done}");
    Ok(())
}
