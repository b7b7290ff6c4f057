//! What a resolver answers, read for the walled garden.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| accounting_daemon::fuzz::answers(bytes));
