//! The daemon of the gateway: redeems access codes, keeps the ledger of minutes, drives the gate in the kernel.

mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod doctor;
pub mod engine;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod gate;
pub mod http;
pub mod ledger;
pub mod mac;
pub mod metrics;
pub mod portal;
pub mod sightings;
pub mod store;
pub mod telemetry;
#[cfg(test)]
mod testbed;
