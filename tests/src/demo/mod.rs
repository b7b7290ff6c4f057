//! The demo: the whole way of a paid minute, on real packets, judged from outside the daemon.
//!
//! ```text
//! phone ====> [ gate ] ====> internet
//!  |  captures            captures |      the witness: what was sent, what arrived, when
//!              daemon                     the teller: what the API says meanwhile
//! ```
//!
//! A step passes only when the witness saw it. What the daemon says is shown, and compared; alone it proves nothing
//! about a packet.

mod acts;
mod api;
mod cast;
mod deadline;
mod mark;
mod panel;
mod paper;
mod sabotage;
mod screen;
mod stage;
mod step;
mod teller;
mod trail;
mod witness;

use std::path::Path;

use anyhow::{Error, Result};

pub use paper::Paper;
pub use screen::{Screen, Style};
pub use stage::Profile;
pub use step::{Miss, Step};

use crate::lab::{Lab, Options};
use screen::Tone;
use stage::{Stage, Story};

/// How the story ended.
#[derive(Debug)]
pub struct Outcome {
    /// The steps that were seen.
    pub passed: Vec<Step>,
    /// The first that was not, and why: a [`Miss`], or what went wrong with the machine.
    pub failed: Option<(Step, Error)>,
}

impl Outcome {
    /// Whether each step was seen.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed.is_none() && self.passed == Step::ALL
    }
}

/// Brings up a lab with the daemon and plays the story on it until a step fails; `sabotage` breaks one on purpose.
///
/// # Errors
/// When the lab does not come up. A step that fails is an [`Outcome`].
pub fn play(binary: &Path, profile: Profile, sabotage: Option<Step>, screen: &Screen) -> Result<Outcome> {
    let lab = Lab::up(&Options {
        clients: profile.clients(),
        daemon: Some(binary.to_owned()),
        connect: false,
        ..Options::default()
    })?;
    let stage = Stage::new(&lab, screen, profile, sabotage, binary)?;
    if let Some(step) = sabotage {
        screen.say(&[(Tone::Bad, format!("sabotage of step {step}: {}", step.sabotage()))]);
    }
    std::thread::scope(|scope| {
        scope.spawn(|| stage.watch());
        scope.spawn(|| stage.teller.run(&lab));
        let _curtain = Curtain(&stage);
        Ok(tell(&stage))
    })
}

/// Ends what runs beside the story, however the story ends.
struct Curtain<'a, 'b>(&'a Stage<'b>);

impl Drop for Curtain<'_, '_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

fn tell(stage: &Stage) -> Outcome {
    let mut story = Story::default();
    let mut outcome = Outcome {
        passed: Vec::new(),
        failed: None,
    };
    for step in Step::ALL {
        stage.begin(step);
        match acts::play(step, stage, &mut story) {
            Ok(words) => {
                stage.screen.verdict(step, Ok(&words));
                outcome.passed.push(step);
            }
            Err(error) => {
                stage.screen.verdict(step, Err(&format!("{error:#}")));
                outcome.failed = Some((step, error));
                break;
            }
        }
    }
    outcome
}
