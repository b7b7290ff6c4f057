//! A configuration.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accounting_daemon::fuzz::config(bytes));
