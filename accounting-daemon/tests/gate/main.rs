//! The gate on the real kernel, with real packets. Each test has namespaces and pins of its own and needs root.

mod ground;
mod interfaces;
mod maps;
