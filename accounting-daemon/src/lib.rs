//! The daemon of the gateway: redeems access codes, keeps the ledger of minutes, drives the gate in the kernel.

mod app;
pub mod cli;
pub mod clock;
pub mod config;
mod doctor;
pub mod engine;
#[cfg(feature = "fuzz")]
pub mod fuzz;
pub mod gate;
pub mod http;
pub mod ledger;
pub mod mac;
pub mod metrics;
pub mod portal;
mod sightings;
pub mod store;
mod telemetry;
#[cfg(test)]
mod testbed;
