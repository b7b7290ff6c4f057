//! What all acts share: the lab, the witness, the teller, the screen, and what the story has come to.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;

use super::api::Token;
use super::cast::{FAMILY, LAPTOP, PHONE, Traffic};
use super::mark::Run;
use super::panel::Panel;
use super::screen::{Screen, Style};
use super::step::Step;
use super::teller::Teller;
use super::witness::Witness;
use crate::clock;
use crate::lab::{Client, Daemon, Lab};

/// How long things take in the story; what has to be seen is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Devices that share a minute in the end, at least 3: with ten, it lasts six seconds.
    pub seats: usize,
    /// How long a state is looked at.
    pub look: Duration,
    /// How long before the end of the second minute the daemon is killed.
    pub dead: Duration,
}

impl Profile {
    /// For people.
    pub const FULL: Self = Self {
        seats: 10,
        look: Duration::from_millis(2_500),
        dead: Duration::from_millis(3_000),
    };
    /// For tests.
    pub const QUICK: Self = Self {
        seats: 14,
        look: Duration::from_millis(1_200),
        dead: Duration::from_millis(1_500),
    };

    /// Clients of the lab: those that share, the guest, the stranger.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.seats + 2
    }
}

/// Everything an act may look at.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    pub(super) lab: &'a Lab,
    pub(super) run: Run,
    pub(super) witness: Witness,
    pub(super) teller: Teller,
    pub(super) screen: &'a Screen,
    pub(super) profile: Profile,
    pub(super) sabotage: Option<Step>,
    pub(super) binary: PathBuf,
    began: Duration,
    act: Mutex<Option<Step>>,
    over: AtomicBool,
}

/// What the acts leave for those that follow.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) traffic: Traffic,
    /// The minute of the first acts.
    pub(super) first: Option<Token>,
    /// When it was first redeemed.
    pub(super) first_at: Duration,
    /// The minute that ends without the daemon.
    pub(super) second: Option<Token>,
    /// When the daemon was killed.
    pub(super) killed_at: Duration,
    /// `OpenedOn` of the guest's session before that.
    pub(super) guest_opened: String,
    /// When the guest's code was redeemed.
    pub(super) guest_at: Duration,
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        lab: &'a Lab,
        screen: &'a Screen,
        profile: Profile,
        sabotage: Option<Step>,
        binary: &Path,
    ) -> Result<Self> {
        let run = Run::draw()?;
        Ok(Self {
            lab,
            run,
            witness: Witness::start(lab, run)?,
            teller: Teller::default(),
            screen,
            profile,
            sabotage,
            binary: binary.to_owned(),
            began: clock::monotonic(),
            act: Mutex::new(None),
            over: AtomicBool::new(false),
        })
    }

    pub(super) fn daemon(&self) -> Result<&'a Daemon> {
        self.lab.daemon()
    }

    pub(super) fn client(&self, number: usize) -> Result<&'a Client> {
        self.lab.client(number)
    }

    /// Numbers of the devices that share a minute, the phone first.
    pub(super) fn sharing(&self) -> Vec<usize> {
        let family = FAMILY..=self.profile.clients();
        [PHONE, LAPTOP].into_iter().chain(family).collect()
    }

    pub(super) fn is_sabotaged(&self, step: Step) -> bool {
        self.sabotage == Some(step)
    }

    /// Time since the curtain rose.
    pub(super) fn elapsed(&self) -> Duration {
        clock::monotonic().saturating_sub(self.began)
    }

    pub(super) fn act(&self) -> Option<Step> {
        *self.act.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn begin(&self, step: Step) {
        *self.act.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    /// Keeps the records and the screen up to date until [`Self::end`].
    pub(super) fn watch(&self) {
        let pause = match self.screen.style() {
            Style::Panel { .. } => Duration::from_millis(100),
            Style::Lines => Duration::from_secs(1),
        };
        let mut panel = Panel::default();
        let mut next = clock::monotonic();
        while !self.over.load(Ordering::Relaxed) {
            // More often than the screen, so that the captures never hold much.
            std::thread::sleep(Duration::from_millis(50));
            self.witness.look();
            if clock::monotonic() >= next && self.act().is_some() {
                self.screen.draw(&panel.lines(self));
                next = clock::monotonic() + pause;
            }
        }
        if matches!(self.screen.style(), Style::Panel { .. }) {
            self.screen.draw(&panel.lines(self));
        }
        self.screen.leave();
    }

    /// Ends [`Self::watch`] and the teller.
    pub(super) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.teller.stop();
    }
}
