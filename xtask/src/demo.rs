//! `cargo xtask demo`: the whole way of a paid minute, on real packets.

use std::process::ExitCode;

use accounting_tests::demo::{Profile, Screen, Step, Style, play};
use accounting_tests::lab::{build_daemon, prepare};
use anyhow::Result;

/// Show the whole way on real packets: blocked, redeemed, shared, ended, killed; status 0 when each step was seen
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// Break a step on purpose: the demo then fails at that step
    #[arg(long, value_name = "STEP")]
    sabotage: Option<Step>,
    /// Name the steps, and how each is broken
    #[arg(long)]
    list: bool,
    /// Look less long at each state; what has to be seen is the same
    #[arg(long)]
    quick: bool,
    /// Line by line, also on a terminal
    #[arg(long)]
    plain: bool,
}

impl Demo {
    /// Ends with status 0 when each step was seen, else with 1.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.list {
            for step in Step::ALL {
                println!("{:<8} {}", step.name(), step.story());
                println!("{:<8}   sabotage: {}", "", step.sabotage());
            }
            return Ok(ExitCode::SUCCESS);
        }
        // Before a build of minutes, whatever it can refuse.
        prepare()?;
        let binary = build_daemon()?;
        let profile = if self.quick { Profile::QUICK } else { Profile::FULL };
        let style = if self.plain {
            Style::Lines
        } else {
            Style::of_stdout()
        };
        let screen = Screen::new(style, Box::new(std::io::stdout()));
        let outcome = play(&binary, profile, self.sabotage, &screen)?;
        match &outcome.failed {
            None => println!(
                "each of the {} steps was seen from outside the daemon",
                outcome.passed.len()
            ),
            Some((step, _)) => println!(
                "step {step} failed; {} of {} steps were seen",
                outcome.passed.len(),
                Step::ALL.len()
            ),
        }
        Ok(if outcome.is_success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
