//! A disk in memory that fails on demand: power cuts at a chosen sync, errors from a chosen call on, syncs that lie.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use redb::StorageBackend;

use super::damage_tests::Draw;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// What of the writes since the last sync is there after a power cut.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Survives {
    /// Nothing.
    Nothing,
    /// Everything: only the process died.
    Everything,
    /// Each sector or not, by this seed.
    Some(u64),
}

/// A disk. Clones are the same disk; each opening is a handle that a power cut ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct FaultyDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    live: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
    syncs: u64,
    /// Counts writes and syncs.
    calls: u64,
    /// Power goes at the sync of this number, counted from 1.
    cut_at: Option<u64>,
    /// Calls from this number on fail, until it is taken away.
    fail_from: Option<(u64, io::ErrorKind)>,
    /// Reads fail.
    unreadable: bool,
    /// Syncs say that they are done and do nothing.
    lies: bool,
    off: bool,
    /// Which handles still work.
    power_ups: u64,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    SetLen(usize),
}

impl FaultyDisk {
    /// A disk whose syncs do nothing.
    pub(crate) fn that_lies() -> Self {
        let disk = Self::default();
        disk.state().lies = true;
        disk
    }

    /// A new opening.
    pub(crate) fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.0), self.state().power_ups)
    }

    /// How many syncs there were.
    pub(crate) fn syncs(&self) -> u64 {
        self.state().syncs
    }

    /// Lets the power go at a sync, counted from 1.
    pub(crate) fn cut_at_sync(&self, number: u64) {
        self.state().cut_at = Some(number);
    }

    /// How many writes and syncs there were.
    pub(crate) fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Lets writes and syncs fail from the call of this number on; `None` ends it.
    pub(crate) fn fail_from(&self, fail: Option<(u64, io::ErrorKind)>) {
        self.state().fail_from = fail;
    }

    /// Lets reads fail, or ends it.
    pub(crate) fn fail_reads(&self, fail: bool) {
        self.state().unreadable = fail;
    }

    /// Ends all handles and decides what the disk holds from now on.
    pub(crate) fn cycle_power(&self, survives: Survives) {
        let mut state = self.state();
        let mut draw = Draw(match survives {
            Survives::Some(seed) => seed,
            _ => 0,
        });
        let mut bytes = std::mem::take(&mut state.durable);
        for change in std::mem::take(&mut state.unsynced) {
            match survives {
                Survives::Nothing => {}
                Survives::Everything => apply(&mut bytes, &change),
                Survives::Some(_) => torn(&mut bytes, &change, &mut draw),
            }
        }
        state.live.clone_from(&bytes);
        state.durable = bytes;
        state.cut_at = None;
        state.off = false;
        state.power_ups += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::SetLen(len) => bytes.resize(*len, 0),
        Change::Write(offset, data) => {
            let end = offset + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(data);
        }
    }
}

fn torn(bytes: &mut Vec<u8>, change: &Change, draw: &mut Draw) {
    match change {
        Change::SetLen(_) => {
            if draw.below(2) == 0 {
                apply(bytes, change);
            }
        }
        Change::Write(offset, data) => {
            let mut done = 0;
            while done < data.len() {
                let size = (SECTOR - (offset + done) % SECTOR).min(data.len() - done);
                if draw.below(2) == 0 {
                    apply(
                        bytes,
                        &Change::Write(offset + done, data[done..done + size].to_vec()),
                    );
                }
                done += size;
            }
        }
    }
}

/// One opening of the disk.
#[derive(Debug)]
pub(crate) struct Handle(Arc<Mutex<State>>, u64);

impl Handle {
    fn state(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.0.lock().unwrap();
        if state.off || state.power_ups != self.1 {
            return Err(io::Error::other("the power is off"));
        }
        Ok(state)
    }

    /// The state for a call that changes something.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state()?;
        state.calls += 1;
        match state.fail_from {
            Some((from, kind)) if state.calls >= from => Err(kind.into()),
            _ => Ok(state),
        }
    }
}

impl StorageBackend for Handle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state()?.live.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.state()?;
        if state.unreadable {
            return Err(io::Error::other("the sector is bad"));
        }
        let from = usize::try_from(offset).unwrap();
        let found = state.live.get(from..from + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state()?;
        let change = Change::SetLen(usize::try_from(len).unwrap());
        apply(&mut state.live, &change);
        state.unsynced.push(change);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.change()?;
        state.syncs += 1;
        if state.cut_at == Some(state.syncs) {
            state.off = true;
            return Err(io::Error::other("the power went"));
        }
        if !state.lies {
            let State {
                durable, unsynced, ..
            } = &mut *state;
            unsynced.drain(..).for_each(|change| apply(durable, &change));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.change()?;
        let change = Change::Write(usize::try_from(offset).unwrap(), data.to_vec());
        apply(&mut state.live, &change);
        state.unsynced.push(change);
        Ok(())
    }
}
