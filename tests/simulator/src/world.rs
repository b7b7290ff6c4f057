//! What outlives the daemon: the disk, the kernel's gate, and the moment at which the daemon dies.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use accounting_daemon::{
    gate::{Adoption, Deadline, Entry, Gate, GateError, Listed, simulated::SimulatedGate},
    ledger::{FoldedCode, SecondFactor, SessionId, Token, TokenBalance, TokenId, Traffic},
    mac::DeviceId,
    store::{Checkpoint, Opened, Store, StoreError, Write},
};

use crate::image::Image;

/// Disk and kernel, and what is to go wrong next.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) gate: SimulatedGate,
    pub(crate) image: Image,
    /// Writes to disk or kernel until the daemon dies in one of them.
    pub(crate) fuse: Option<u32>,
    /// Commits until one fails.
    pub(crate) fails: Option<u32>,
    /// Reads of the disk until one fails.
    pub(crate) unreadable: Option<u32>,
    /// Whether the commit in which it dies or fails is on disk all the same.
    pub(crate) kept: bool,
    pub(crate) dead: bool,
    /// Commits with rows since the last look.
    pub(crate) commits: usize,
    /// Sessions that the kernel refused after each of the commits.
    pub(crate) refused: Vec<Vec<SessionId>>,
    /// Devices that the kernel did not let go of.
    pub(crate) stuck: BTreeSet<DeviceId>,
}

/// The handle that the daemon holds.
#[derive(Clone, Debug)]
pub(crate) struct Shared(pub(crate) Arc<Mutex<World>>);

impl World {
    pub(crate) fn new(capacity: u32) -> Self {
        Self {
            gate: SimulatedGate::new(capacity),
            image: Image::default(),
            fuse: None,
            fails: None,
            unreadable: None,
            kept: false,
            dead: false,
            commits: 0,
            refused: vec![Vec::new()],
            stuck: BTreeSet::new(),
        }
    }

    /// Forgets what was noted of the last step.
    pub(crate) fn begin(&mut self) {
        self.commits = 0;
        self.refused = vec![Vec::new()];
    }

    /// Whether a row can be read.
    fn reads(&mut self) -> Result<(), StoreError> {
        let fails = self.unreadable == Some(0);
        self.unreadable = self.unreadable.and_then(|left| left.checked_sub(1));
        if fails { Err(failed()) } else { Ok(()) }
    }

    /// Burns the fuse; answers whether the daemon still lives to see this write done.
    fn lives(&mut self) -> bool {
        if let Some(left) = self.fuse.as_mut().filter(|_| !self.dead) {
            self.dead = *left == 0;
            *left = left.saturating_sub(1);
        }
        !self.dead
    }
}

impl Shared {
    pub(crate) fn look(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed() -> StoreError {
    StoreError::Failed {
        path: "simulated".into(),
        action: "commit",
        reason: "as drawn".into(),
    }
}

impl Store for Shared {
    fn opened(&self) -> Result<Opened, StoreError> {
        Ok(self.look().image.opened())
    }

    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        let mut world = self.look();
        world.reads()?;
        Ok(world.image.token(id))
    }

    fn balance_by_code(&self, code: &FoldedCode) -> Result<Option<TokenBalance>, StoreError> {
        let mut world = self.look();
        world.reads()?;
        Ok(world.image.balance_by_code(code))
    }

    fn factor(&self, token: TokenId) -> Result<Option<SecondFactor>, StoreError> {
        Ok(self.look().image.factors.get(&token).copied())
    }

    fn usage_before(&self, before: i64, most: usize) -> Result<Vec<SessionId>, StoreError> {
        let world = self.look();
        let oldest = world.image.records.values().take(most);
        Ok(oldest
            .filter(|record| record.released_on < before)
            .map(|record| record.id)
            .collect())
    }

    fn commit(&mut self, writes: &[Write], checkpoint: Checkpoint) -> Result<(), StoreError> {
        let mut world = self.look();
        if world.dead {
            return Err(failed());
        }
        let fails = world.fails == Some(0);
        world.fails = if fails {
            None
        } else {
            world.fails.map(|left| left - 1)
        };
        let done = world.lives() && !fails;
        if done || world.kept {
            world.image.apply(writes, checkpoint);
            let of_books = writes
                .iter()
                .any(|write| !matches!(write, Write::Floor(_) | Write::Prune(_) | Write::Heard(_)));
            world.commits += usize::from(of_books);
            world.refused.push(Vec::new());
        }
        if done { Ok(()) } else { Err(failed()) }
    }
}

impl Gate for Shared {
    fn capacity(&self) -> u32 {
        self.look().gate.capacity()
    }

    fn adopt(&mut self, deadlines: &[(TokenId, Deadline)], entries: &[Entry]) -> Result<Adoption, GateError> {
        let mut world = self.look();
        if world.lives() {
            world.stuck.clear();
            world.gate.adopt(deadlines, entries)
        } else {
            world.gate.clone().adopt(deadlines, entries)
        }
    }

    fn set_deadline(&mut self, token: TokenId, deadline: Deadline) -> Result<(), GateError> {
        let mut world = self.look();
        if world.lives() {
            return world.gate.set_deadline(token, deadline);
        }
        Ok(())
    }

    fn deadline(&self, token: TokenId) -> Option<Deadline> {
        self.look().gate.deadline(token)
    }

    fn open(&mut self, entry: &Entry) -> Result<(), GateError> {
        let mut world = self.look();
        if !world.lives() {
            return Ok(());
        }
        let result = world.gate.open(entry);
        if result.is_ok() {
            world.stuck.remove(&entry.device);
        } else {
            if let Some(refused) = world.refused.last_mut() {
                refused.push(entry.session);
            }
        }
        result
    }

    fn close(&mut self, device: DeviceId) -> Result<Option<Traffic>, GateError> {
        let mut world = self.look();
        if !world.lives() {
            return Ok(None);
        }
        let result = world.gate.close(device);
        if result.is_err() {
            world.stuck.insert(device);
        } else {
            world.stuck.remove(&device);
        }
        result
    }

    fn traffic(&self, device: DeviceId) -> Option<Traffic> {
        self.look().gate.traffic(device)
    }

    fn seen_since(&self, monotonic: u64) -> Vec<DeviceId> {
        self.look().gate.seen_since(monotonic)
    }

    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
        let mut world = self.look();
        if world.lives() {
            return world.gate.list(device, listed);
        }
        Ok(())
    }

    fn lists(&self) -> Vec<(DeviceId, Listed)> {
        self.look().gate.lists()
    }
}
