//! Tokens by device. Each first redemption of a device on a code changes this index, each somewhere else in it. Changes
//! are therefore gathered in runs at the end of a table of their own, and merged into the index, stretch by stretch, once
//! there are so many that a page of it takes several. Both are part of the commit, so that a transaction sees all.

use std::{collections::BTreeMap, ops::RangeInclusive};

use redb::{ReadTransaction, ReadableTable, Table, WriteTransaction};

use super::{
    index::put,
    lookup::Direction,
    schema::{MACS, MACS_RECENT},
};
use crate::{ledger::TokenId, mac::Mac};

/// Changes of a run at most: so many fit into a page.
const RUN_CHANGES_MAX: usize = 270;

/// Runs that are gathered until they are merged.
const RUNS_MAX: u64 = 256;

/// Changes that a commit merges at least; twice as many as it adds, else, so that merging keeps up.
const STRETCH_MIN: usize = 512;

/// A device as a number, and the number of a token.
type Pair = (u64, TokenId);

/// An address as a key.
pub(super) fn mac_key(mac: Mac) -> u64 {
    let [a, b, c, d, e, f] = mac.0;
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

/// The version of a run.
const VERSION: u8 = 1;

/// Bytes of a change: mac, number of the token, whether it came.
const CHANGE_BYTES: usize = 6 + 8 + 1;

/// How much is gathered and merged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) run: usize,
    pub(super) runs: u64,
    pub(super) stretch: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            run: RUN_CHANGES_MAX,
            runs: RUNS_MAX,
            stretch: STRETCH_MIN,
        }
    }
}

/// How far merging has come. Whoever loses it begins with the same runs once more, which changes nothing.
#[derive(Debug, Default)]
pub(super) struct Merge {
    limits: Limits,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
struct UnderWay {
    changes: Vec<(Pair, bool)>,
    /// How many of them the index has.
    done: usize,
    /// The last run that they came from.
    through: u64,
}

impl Merge {
    #[cfg(test)]
    pub(super) fn limited(limits: Limits) -> Self {
        Self {
            limits,
            under_way: None,
        }
    }

    /// After a commit that failed: nobody knows what of it is on disk.
    pub(super) fn forget(&mut self) {
        self.under_way = None;
    }
}

/// The index in a transaction.
pub(super) struct Devices<'t> {
    index: Table<'t, (u64, u64), ()>,
    recent: Table<'t, u64, &'static [u8]>,
    changes: BTreeMap<Pair, bool>,
}

impl<'t> Devices<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self {
            index: transaction.open_table(MACS)?,
            recent: transaction.open_table(MACS_RECENT)?,
            changes: BTreeMap::new(),
        })
    }

    /// A token belongs to a device, or does no longer.
    pub(super) fn put(&mut self, mac: u64, token: TokenId, there: bool) {
        self.changes.insert((mac, token), there);
    }

    /// Writes the changes into the index itself: for a store that is being built.
    pub(super) fn build(mut self) -> Result<(), redb::Error> {
        let mut changes = self.changes.into_iter();
        changes.try_for_each(|(pair, there)| put(&mut self.index, pair, there))
    }

    /// Gathers the changes, and merges some of those before.
    pub(super) fn finish(mut self, merge: &mut Merge) -> Result<(), redb::Error> {
        let first = self.recent.first()?.map_or(1, |(number, _)| number.value());
        let last = self.recent.last()?.map_or(0, |(number, _)| number.value());
        if merge.under_way.is_none() && (last + 1).saturating_sub(first) >= merge.limits.runs {
            merge.under_way = Some(UnderWay {
                changes: self.gathered()?,
                done: 0,
                through: last,
            });
        }
        let stretch = merge.limits.stretch.max(2 * self.changes.len());
        self.gather(last, merge)?;
        let Some(under_way) = &mut merge.under_way else {
            return Ok(());
        };
        let rest = under_way.changes.iter().skip(under_way.done).take(stretch);
        for &(pair, there) in rest {
            put(&mut self.index, pair, there)?;
            under_way.done += 1;
        }
        if under_way.done == under_way.changes.len() {
            for number in first..=under_way.through {
                self.recent.remove(number)?;
            }
            merge.under_way = None;
        }
        Ok(())
    }

    /// Everything gathered so far, by pair.
    fn gathered(&self) -> Result<Vec<(Pair, bool)>, redb::Error> {
        let mut changes = Vec::new();
        for run in self.recent.iter()? {
            for change in changes_of(run?.1.value())? {
                changes.push(change_of(change)?);
            }
        }
        // Stable: of one pair the latest comes last, and stays.
        changes.sort_by_key(|(pair, _)| *pair);
        changes.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                kept.1 = later.1;
            }
            same
        });
        Ok(changes)
    }

    /// Adds the changes to the last run, which nobody merges yet, and to new ones behind it.
    fn gather(&mut self, last: u64, merge: &Merge) -> Result<(), redb::Error> {
        if self.changes.is_empty() {
            return Ok(());
        }
        let merged = merge.under_way.as_ref().map_or(0, |merge| merge.through);
        let mut number = last + 1;
        let mut changes = std::mem::take(&mut self.changes);
        if last > merged
            && let Some(run) = self.recent.get(last)?
        {
            let before = changes_of(run.value())?;
            if before.len() < merge.limits.run {
                number = last;
                for change in before {
                    let (pair, there) = change_of(change)?;
                    changes.entry(pair).or_insert(there);
                }
            }
        }
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            let run = encode(changes.by_ref().take(merge.limits.run));
            self.recent.insert(number, run.as_slice())?;
            number += 1;
        }
        Ok(())
    }
}

/// The numbers of at most so many tokens of a device within a range, in the order of the walk.
pub(super) fn of_device(
    read: &ReadTransaction,
    mac: Mac,
    ids: &RangeInclusive<TokenId>,
    rows_max: usize,
    direction: Direction,
) -> Result<Vec<TokenId>, redb::Error> {
    let (first, last) = ((mac_key(mac), *ids.start()), (mac_key(mac), *ids.end()));
    let mut recent = BTreeMap::new();
    for run in read.open_table(MACS_RECENT)?.iter()? {
        recent.extend(within(run?.1.value(), first, last)?);
    }
    let index = read.open_table(MACS)?;
    let rows = index.range(first..=last)?;
    let rows: Box<dyn Iterator<Item = _>> = match direction {
        Direction::Ascending => Box::new(rows),
        Direction::Descending => Box::new(rows.rev()),
    };
    let mut found = Vec::new();
    for row in rows {
        if found.len() == rows_max {
            break;
        }
        let id = row?.0.value().1;
        if !recent.contains_key(&id) {
            found.push(id);
        }
    }
    found.extend(recent.into_iter().filter_map(|(id, there)| there.then_some(id)));
    found.sort_unstable();
    if direction == Direction::Descending {
        found.reverse();
    }
    found.truncate(rows_max);
    Ok(found)
}

/// The numbers of tokens that a run names with the pairs from `first` to `last`.
fn within(run: &[u8], first: Pair, last: Pair) -> Result<Vec<(TokenId, bool)>, redb::Error> {
    let changes = changes_of(run)?;
    let from = changes.partition_point(|bytes| pair_of(bytes) < first);
    let found = changes
        .iter()
        .skip(from)
        .take_while(|bytes| pair_of(bytes) <= last);
    found
        .map(|bytes| change_of(bytes).map(|((_, id), there)| (id, there)))
        .collect()
}

/// The changes of a run: pairs that came (1) and went (0), sorted.
fn changes_of(run: &[u8]) -> Result<&[[u8; CHANGE_BYTES]], redb::Error> {
    match run.split_first() {
        Some((&VERSION, changes)) if changes.len() % CHANGE_BYTES == 0 => Ok(changes.as_chunks().0),
        _ => Err(damaged()),
    }
}

fn pair_of(bytes: &[u8; CHANGE_BYTES]) -> Pair {
    let &[a, b, c, d, e, f, g, h, i, j, k, l, m, n, _] = bytes;
    let token = u64::from_le_bytes([g, h, i, j, k, l, m, n]);
    (mac_key(Mac([a, b, c, d, e, f])), token)
}

fn change_of(bytes: &[u8; CHANGE_BYTES]) -> Result<(Pair, bool), redb::Error> {
    match bytes {
        [.., there @ 0..=1] => Ok((pair_of(bytes), *there == 1)),
        _ => Err(damaged()),
    }
}

fn encode(changes: impl Iterator<Item = (Pair, bool)>) -> Vec<u8> {
    let mut run = vec![VERSION];
    for ((mac, token), there) in changes {
        let [_, _, mac @ ..] = mac.to_be_bytes();
        run.extend_from_slice(&mac);
        run.extend_from_slice(&token.to_le_bytes());
        run.push(u8::from(there));
    }
    run
}

fn damaged() -> redb::Error {
    redb::Error::Corrupted("a damaged row in table macs_recent".to_owned())
}
