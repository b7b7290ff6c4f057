//! What the tests that need a kernel stand on: a network of namespaces on one machine, and witnesses in it.
//!
//! Everything in [`lab`] needs root; [`needs_root`] lets a test say so and count itself out.

pub mod clock;
pub mod lab;
pub mod root;
