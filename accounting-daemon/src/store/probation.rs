//! A file on probation: what redb writes while it opens a store is held back in memory until the store has proved sound
//! and something is to be committed. A damaged or newer file stays as it was found, and one on a disk that takes no
//! writes can be read.

use std::{
    collections::BTreeMap,
    io,
    ops::Bound,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use redb::{BackendError, StorageBackend};

/// Bytes that are held back together.
const BLOCK: u64 = 4_096;

/// The same as a length in memory.
const BLOCK_BYTES: usize = 4_096;

/// A backend, and whether what is written reaches it. Clones share it: redb has one, the opener the other.
#[derive(Clone, Debug)]
pub(super) struct Probation(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    inner: Box<dyn StorageBackend>,
    stage: RwLock<Stage>,
}

#[derive(Debug)]
enum Stage {
    /// Nothing reaches the backend.
    Held(Overlay),
    /// Everything does.
    Passed,
    /// Nothing does, and nothing is promised either.
    Sealed,
}

impl Probation {
    /// Holds back what is written to a backend.
    pub(super) fn new(inner: Box<dyn StorageBackend>) -> io::Result<Self> {
        let len = inner.len()?;
        let overlay = Overlay {
            len,
            floor: len,
            ..Overlay::default()
        };
        Ok(Self(Arc::new(Shared {
            inner,
            stage: RwLock::new(Stage::Held(overlay)),
        })))
    }

    /// The store is sound: writes what was held back, in its order, and lets all that follows through.
    ///
    /// # Errors
    /// The backend's: it stays on probation, readable with what is held back, and can be passed again.
    pub(super) fn pass(&self) -> io::Result<()> {
        if matches!(*self.0.stage(), Stage::Passed) {
            return Ok(());
        }
        let mut stage = self.0.change();
        if let Stage::Held(overlay) = &*stage {
            for step in &overlay.journal {
                match step {
                    Step::Write(offset, data) => self.0.inner.write(*offset, data)?,
                    Step::SetLen(len) => self.0.inner.set_len(*len)?,
                    Step::Sync => self.0.inner.sync_data()?,
                }
            }
            *stage = Stage::Passed;
        }
        Ok(())
    }

    /// The store is not sound: not a byte of it changes any more.
    pub(super) fn seal(&self) {
        *self.0.change() = Stage::Sealed;
    }
}

impl Shared {
    fn stage(&self) -> RwLockReadGuard<'_, Stage> {
        self.stage.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Stage> {
        self.stage.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does it to the backend, or to what is held back.
    fn either(
        &self,
        real: impl FnOnce(&dyn StorageBackend) -> io::Result<()>,
        held: impl FnOnce(&mut Overlay, &dyn StorageBackend) -> io::Result<()>,
    ) -> io::Result<()> {
        let inner = self.inner.as_ref();
        if matches!(*self.stage(), Stage::Passed) {
            return real(inner);
        }
        match &mut *self.change() {
            Stage::Passed => real(inner),
            Stage::Held(overlay) => held(overlay, inner),
            Stage::Sealed => Err(sealed()),
        }
    }
}

fn sealed() -> io::Error {
    io::Error::other("the store was found damaged and is not touched any more")
}

impl StorageBackend for Probation {
    fn len(&self) -> io::Result<u64> {
        match &*self.0.stage() {
            Stage::Passed => self.0.inner.len(),
            Stage::Held(overlay) => Ok(overlay.len),
            Stage::Sealed => Err(sealed()),
        }
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        match &*self.0.stage() {
            Stage::Passed => self.0.inner.read(offset, out),
            Stage::Held(overlay) => overlay.read(self.0.inner.as_ref(), offset, out),
            Stage::Sealed => Err(sealed()),
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.either(
            |inner| inner.set_len(len),
            |overlay, _| {
                overlay.set_len(len);
                Ok(())
            },
        )
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.either(
            |inner| inner.sync_data(),
            |overlay, _| {
                overlay.journal.push(Step::Sync);
                Ok(())
            },
        )
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.either(
            |inner| inner.write(offset, data),
            |overlay, inner| {
                overlay.write(inner, offset, data)?;
                overlay.journal.push(Step::Write(offset, data.to_vec()));
                Ok(())
            },
        )
    }

    fn close(&self) -> io::Result<()> {
        self.0.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.0.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.0.inner.query_lock_range(start, end)
    }
}

#[derive(Debug)]
enum Step {
    Write(u64, Vec<u8>),
    SetLen(u64),
    Sync,
}

/// The backend as it would be with what is held back.
#[derive(Debug, Default)]
struct Overlay {
    len: u64,
    /// The backend's bytes count up to here; behind it there are zeros.
    floor: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
    journal: Vec<Step>,
}

impl Overlay {
    fn read(&self, inner: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        if offset.saturating_add(out.len() as u64) > self.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, from, part) in parts(offset, out.len()) {
            let target = &mut out[part];
            match self.blocks.get(&number) {
                Some(block) => target.copy_from_slice(&block[from..from + target.len()]),
                None => self.read_inner(inner, number * BLOCK + from as u64, target)?,
            }
        }
        Ok(())
    }

    fn read_inner(&self, inner: &dyn StorageBackend, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let there = usize::try_from(self.floor.saturating_sub(offset)).unwrap_or(usize::MAX);
        let (real, behind) = out.split_at_mut(there.min(out.len()));
        behind.fill(0);
        if real.is_empty() {
            return Ok(());
        }
        inner.read(offset, real)
    }

    fn write(&mut self, inner: &dyn StorageBackend, offset: u64, data: &[u8]) -> io::Result<()> {
        self.len = self.len.max(offset.saturating_add(data.len() as u64));
        for (number, from, part) in parts(offset, data.len()) {
            let source = &data[part];
            if !self.blocks.contains_key(&number) {
                let mut block = vec![0; BLOCK_BYTES];
                self.read_inner(inner, number * BLOCK, &mut block)?;
                self.blocks.insert(number, block);
            }
            if let Some(block) = self.blocks.get_mut(&number) {
                block[from..from + source.len()].copy_from_slice(source);
            }
        }
        Ok(())
    }

    fn set_len(&mut self, len: u64) {
        if len < self.len {
            let edge = len / BLOCK;
            if let Some(block) = self.blocks.get_mut(&edge) {
                let (_, cut) = block.split_at_mut(usize::try_from(len % BLOCK).unwrap_or(0));
                cut.fill(0);
            }
            self.blocks.split_off(&(edge + 1));
            self.floor = self.floor.min(len);
        }
        self.len = len;
        self.journal.push(Step::SetLen(len));
    }
}

/// The blocks that a range touches: each with its number, where the range begins in it, and which part of the range it
/// is.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let from = usize::try_from(at % BLOCK).unwrap_or(0);
        let size = (len - done).min(BLOCK_BYTES - from);
        let part = done..done + size;
        done += size;
        (size > 0).then_some((at / BLOCK, from, part))
    })
}
