//! The body of a request as a form.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accounting_daemon::fuzz::form(bytes));
