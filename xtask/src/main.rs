//! `cargo xtask`: the one door for developers.

use std::process::ExitCode;

use clap::Parser;

mod bench;
mod contract;
mod demo;
mod docs;
mod ebpf;
mod fuzz;
mod lab;
mod root;
mod sim;
mod soak;
mod test;
mod toolchain;
mod upgrade;
mod verdict;

#[derive(Parser)]
#[command(name = "cargo xtask", about)]
enum Task {
    /// Build the eBPF object from its sources
    Ebpf(ebpf::Args),
    /// Write docs/API.md from the endpoints
    ApiDocs,
    /// Measure
    Bench(bench::Args),
    /// Feed what strangers send to what reads it
    Fuzz(fuzz::Args),
    Lab(lab::Lab),
    Soak(soak::Args),
    Demo(demo::Demo),
    Test(test::Test),
    /// Simulate: daemon against auditor, from a seed
    Sim(sim::Args),
    Upgrade(upgrade::Args),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Ebpf(args) => ebpf::run(&args).map(|()| ExitCode::SUCCESS),
        Task::ApiDocs => docs::run().map(|()| ExitCode::SUCCESS),
        Task::Bench(args) => bench::run(&args),
        Task::Soak(args) => soak::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Fuzz(args) => fuzz::run(&args).map(|()| ExitCode::SUCCESS),
        Task::Lab(task) => task.run(),
        Task::Demo(task) => task.run(),
        Task::Test(task) => task.run(),
        Task::Upgrade(args) => upgrade::run(&args),
        Task::Sim(args) => sim::run(&args).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
