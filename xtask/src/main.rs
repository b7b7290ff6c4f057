//! The one door for developers: `cargo xtask <task>`.

use clap::{Parser, Subcommand};

mod bench;
mod ebpf;
mod toolchain;
mod verdict;

#[derive(Parser)]
#[command(about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build the eBPF object from its sources
    Ebpf(ebpf::Args),
    /// Measure
    Bench(bench::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Ebpf(args) => ebpf::run(&args),
        Task::Bench(args) => bench::run(&args),
    }
}
