//! What the tests that need a kernel stand on: a network of namespaces with witnesses in it ([`lab`]), and the compiled
//! programs loaded into a kernel, with tables of who passes ([`kernel`], [`table`]).
//!
//! Both need root; [`needs_root`] lets a test say so and count itself out.

pub mod browser;
pub mod chance;
pub mod checksum;
pub mod clock;
pub mod demo;
pub mod gate;
pub mod hotspot;
pub mod kernel;
pub mod kills;
pub mod lab;
pub mod model;
pub mod packet;
pub mod root;
pub mod systemd;
pub mod table;
pub mod traffic;
pub mod world;
