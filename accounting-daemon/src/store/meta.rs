//! The single values of a store.

use super::{
    Disk, StoreError,
    schema::{META, META_FLOOR, META_NEXT_TOKEN},
};

impl Disk {
    /// How many tokens were ever made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn tokens_made(&self) -> Result<u64, StoreError> {
        self.reading(|database| {
            let row = self.did(
                "read the numbers",
                self.table(database, META)?.get(META_NEXT_TOKEN),
            )?;
            Ok(row.and_then(|row| number(row.value())).map_or(0, |next| next - 1))
        })
    }

    /// The time below which no clock is trusted that nobody keeps in step, in wall clock milliseconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn floor(&self) -> Result<Option<i64>, StoreError> {
        self.reading(|database| {
            let row = self.did("read the floor", self.table(database, META)?.get(META_FLOOR))?;
            row.map(|row| time(row.value()).ok_or_else(|| self.damaged("meta")))
                .transpose()
        })
    }
}

/// A time in `META`.
pub(super) fn time(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_le_bytes)
}

/// A number in `META`.
pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_le_bytes)
}
