//! The query of a list.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accounting_daemon::fuzz::query(bytes));
