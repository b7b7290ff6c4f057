//! The head of a request, to the API and to the portal.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accounting_daemon::fuzz::head(bytes));
