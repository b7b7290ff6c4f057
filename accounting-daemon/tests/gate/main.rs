//! The gate on the real kernel, with real packets. Each test has namespaces and pins of its own and needs root.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bridges;
mod ground;
mod interfaces;
mod leaving;
mod lists;
mod maps;
mod watched;
