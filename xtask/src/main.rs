//! `cargo xtask`: the one door for developers.

use std::process::ExitCode;

use clap::Parser;

mod lab;

#[derive(Parser)]
#[command(name = "cargo xtask", about)]
enum Task {
    Lab(lab::Lab),
}

fn main() -> ExitCode {
    let done = match Task::parse() {
        Task::Lab(task) => task.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
