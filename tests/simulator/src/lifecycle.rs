//! The daemon dies and starts again, and so does the gateway: what is durable decides what the books are.

use std::{collections::BTreeSet, sync::Arc};

use accounting_auditor::{Device, Now};
use accounting_daemon::{engine::Core, gate::simulated::SimulatedGate, mac::DeviceId};

use crate::{
    check,
    driver::Driver,
    translate::{self, device_back},
};

/// Starts of the daemon in a row that may fail.
const STARTS_MAX: u32 = 16;

impl Driver {
    /// The daemon is no more; the gate goes on.
    pub(crate) fn die(&mut self) -> Result<(), String> {
        self.core = None;
        let mut world = self.world.look();
        (world.dead, world.fuse, world.fails) = (false, None, None);
        world.unreadable = None;
        // A session that was not to end after all is what its device passes for.
        let open: BTreeSet<u64> = self.books.sessions().map(|(_, session)| session.id).collect();
        let goes_on = world.gate.entries().filter(|entry| open.contains(&entry.session));
        let goes_on: BTreeSet<DeviceId> = goes_on.map(|entry| entry.device).collect();
        world.stuck.retain(|device| !goes_on.contains(device));
        let checkpoint = world
            .image
            .checkpoint
            .map_or(0, |checkpoint| checkpoint.monotonic);
        self.passing.died(&self.books, checkpoint, self.now);
        if self.random.once_in(4) {
            world.fuse = Some(u32::try_from(self.random.below(5)).unwrap_or(0));
            world.kept = self.random.once_in(2);
        }
        if self.books.by_calendar_of(self.now) {
            check::crash(&self.books, &world, self.now)?;
        }
        Ok(())
    }

    pub(crate) fn start(&mut self) -> Result<(), String> {
        for _ in 0..STARTS_MAX {
            self.starts += 1;
            let checkpoint = {
                let mut world = self.world.look();
                world.begin();
                world.gate.reopened();
                world.image.checkpoint
            };
            // Before the first commit there is no boot to tell from.
            let same = checkpoint.is_none_or(|checkpoint| checkpoint.boot == [self.boot; 16]);
            let checkpoint = checkpoint.unwrap_or_default();
            let kept: BTreeSet<Device> = self.kept();
            self.begin_to_count(&kept);
            let started = Core::start(
                self.world.clone(),
                self.world.clone(),
                translate::rules(&self.workload.rules),
                Arc::new(()),
                translate::now(self.now),
                [self.boot; 16],
            );
            let (dead, commits, refused) = {
                let mut world = self.world.look();
                // Before the first commit nothing is final: those are tried again.
                let refused = world.refused.split_off(1);
                (world.dead, world.commits, refused)
            };
            let mut states = if same {
                self.books
                    .restart(self.now, checkpoint.monotonic, &kept, &refused)
            } else {
                let then = Now {
                    monotonic: checkpoint.monotonic,
                    wall: checkpoint.wall,
                    trusted: self.now.trusted,
                };
                self.books.reboot(then, self.now, &refused)
            };
            let last = states.len() - 1;
            if !dead && let Ok(core) = started {
                self.books = states.swap_remove(last);
                let mut core = core;
                core.set_attached(self.attached);
                self.core = Some(core);
                self.trace.note(format!(
                    "  starts at {} with {} sessions",
                    self.now.monotonic,
                    self.books.sessions().count()
                ));
                self.check_started()?;
                return Ok(());
            }
            self.trace
                .note(format!("  dies while starting, after {commits} commits"));
            if commits > 0 {
                self.books = states.swap_remove((commits - 1).min(last));
            }
            self.die()?;
        }
        Err("the daemon does not start".into())
    }

    /// Once started, the daemon looks at once: what it booked is durable then.
    fn check_started(&mut self) -> Result<(), String> {
        self.daemon(Vec::new())
    }

    /// For devices that the gate does not hold, or not for their sessions, it counts from nothing.
    fn begin_to_count(&mut self, kept: &BTreeSet<Device>) {
        let sessions = self.books.sessions().map(|(_, session)| session);
        let counted = sessions.filter(|session| kept.contains(&session.device));
        let counted = counted.map(|session| session.id).collect();
        let world = self.world.look();
        self.counts.started(&world.image, &counted, self.now.monotonic);
    }

    /// Devices that the gate holds for a session of the books.
    fn kept(&self) -> BTreeSet<Device> {
        let world = self.world.look();
        let entries = world
            .gate
            .entries()
            .map(|entry| (entry.session, device_back(entry.device)));
        let there: BTreeSet<(u64, Device)> = entries.collect();
        self.books
            .sessions()
            .map(|(_, session)| (session.id, session.device))
            .filter(|found| there.contains(found))
            .map(|(_, device)| device)
            .collect()
    }

    pub(crate) fn reboot(&mut self, off: u64) -> Result<(), String> {
        self.die()?;
        {
            let mut world = self.world.look();
            let capacity = world.gate.capacity;
            world.gate = SimulatedGate::new(capacity);
        }
        self.boot = self.boot.wrapping_add(1);
        self.now.wall += i64::try_from(off).unwrap_or(0);
        self.overdue.begin_anew();
        self.now.monotonic = 1 + self.random.below(off + 1);
        self.start()
    }
}
