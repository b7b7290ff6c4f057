//! The records of one page, in any order, in bounded memory.
//!
//! By number a page is found without a walk, when nothing else is asked for. In another order a walk keeps the smallest keys of
//! those that are not behind it already; a page too deep for that takes further walks, each beginning where the one before
//! ended, from whichever end is nearer.

use std::collections::BTreeSet;

use super::{
    column::{Column, Value},
    filter::Filter,
};
use crate::{
    http::reader::{ReadError, Reader, Wanted},
    ledger::{Token, TokenId},
    store::{Among, Direction},
};

/// Keys that a walk keeps at most; so few in tests that deep pages take several walks ...
const KEYS_MAX: usize = if cfg!(test) { 3 } else { 131_072 };

/// ... and bytes of texts in them; one key at least.
const KEYS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Which records are wanted.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) filter: Filter,
    pub(super) order: Column,
    pub(super) direction: Direction,
    /// Records that come before the page.
    pub(super) skip: u64,
    pub(super) size: usize,
}

/// The records of a page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) tokens: Vec<Token>,
    /// Records on all pages.
    pub(super) total: u64,
}

impl Wish {
    /// Whether it is answered without a walk over many tokens.
    pub(super) fn is_quick(&self) -> bool {
        let few = !matches!(self.filter.among(), Among::All | Among::Locations(_));
        few || (self.order == Column::Id && self.filter.takes_all())
    }

    /// Finds them.
    pub(super) fn read(&self, reader: &Reader, wanted: &Wanted) -> Result<Page, ReadError> {
        if self.order != Column::Id {
            return self.sorted(reader, wanted);
        }
        if self.filter.takes_all()
            && let Some(total) = reader.count(self.filter.among())?
        {
            return self.counted(reader, total);
        }
        let mut page = Page::default();
        reader.walk(self.filter.among(), self.direction, wanted, |token| {
            if self.filter.takes(&token) {
                if page.total >= self.skip && page.tokens.len() < self.size {
                    page.tokens.push(token);
                }
                page.total += 1;
            }
        })?;
        Ok(page)
    }

    fn counted(&self, reader: &Reader, total: u64) -> Result<Page, ReadError> {
        let among = self.filter.among();
        let Some(first) = reader.nth(among, self.skip, self.direction)? else {
            return Ok(Page {
                total,
                ..Page::default()
            });
        };
        let before = match self.direction {
            Direction::Ascending => first.checked_sub(1),
            Direction::Descending => first.checked_add(1),
        };
        let tokens = reader.stretch(among, before, self.direction, self.size)?.tokens;
        Ok(Page { tokens, total })
    }

    fn sorted(&self, reader: &Reader, wanted: &Wanted) -> Result<Page, ReadError> {
        let mut direction = self.direction;
        let (mut skip, mut left) = (self.skip, self.size);
        let (mut passed, mut total, mut found) = (None, None, Vec::new());
        loop {
            let behind = usize::try_from(skip).unwrap_or(usize::MAX);
            let mut nearest = Nearest::new(direction, behind.saturating_add(left).min(KEYS_MAX));
            let mut count = 0;
            reader.walk(self.filter.among(), Direction::Ascending, wanted, |token| {
                if self.filter.takes(&token) {
                    count += 1;
                    nearest.offer(passed.as_ref(), self.order.value(&token), token.id);
                }
            })?;
            if total.is_none() {
                total = Some(count);
                if skip >= count {
                    break;
                }
                left = left.min(usize::try_from(count - skip).unwrap_or(usize::MAX));
                let behind = count - skip - left as u64;
                if behind < skip && skip > nearest.keys.len() as u64 {
                    (direction, skip) = (opposite(direction), behind);
                    continue;
                }
            }
            let keys = nearest.into_keys();
            let Some(last) = keys.last().cloned() else { break };
            let taken = usize::try_from(skip).unwrap_or(usize::MAX).min(keys.len());
            found.extend(
                keys.iter()
                    .skip(taken)
                    .take(left - found.len())
                    .map(|(_, id)| *id),
            );
            skip -= taken as u64;
            if found.len() >= left {
                break;
            }
            passed = Some(last);
        }
        if direction != self.direction {
            found.reverse();
        }
        Ok(Page {
            tokens: records(reader, &found)?,
            total: total.unwrap_or(0),
        })
    }
}

/// The records of these numbers, in their order; those that are gone by now are left out.
fn records(reader: &Reader, ids: &[TokenId]) -> Result<Vec<Token>, ReadError> {
    let among = Among::Ids(ids.iter().copied().collect());
    let mut tokens = reader
        .stretch(&among, None, Direction::Ascending, ids.len().max(1))?
        .tokens;
    let place = |token: &Token| ids.iter().position(|id| *id == token.id);
    tokens.sort_by_cached_key(place);
    Ok(tokens)
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}

type Key = (Value<'static>, TokenId);

/// The keys that come first of those offered.
struct Nearest {
    direction: Direction,
    keys_max: usize,
    keys: BTreeSet<Key>,
    bytes: usize,
}

impl Nearest {
    fn new(direction: Direction, keys_max: usize) -> Self {
        Self {
            direction,
            keys_max,
            keys: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// Offers a key that comes after `passed`.
    fn offer(&mut self, passed: Option<&Key>, value: Value<'_>, id: TokenId) {
        let after = |other: &Key| match self.direction {
            Direction::Ascending => (&value, id) > (&other.0, other.1),
            Direction::Descending => (&value, id) < (&other.0, other.1),
        };
        let full = self.keys.len() >= self.keys_max || self.bytes >= KEYS_BYTES_MAX;
        let worst = match self.direction {
            Direction::Ascending => self.keys.last(),
            Direction::Descending => self.keys.first(),
        };
        if passed.is_some_and(|passed| !after(passed)) || (full && worst.is_some_and(after)) {
            return;
        }
        self.bytes += value.bytes();
        self.keys.insert((value.into_owned(), id));
        while self.keys.len() > self.keys_max || (self.bytes > KEYS_BYTES_MAX && self.keys.len() > 1) {
            let gone = match self.direction {
                Direction::Ascending => self.keys.pop_last(),
                Direction::Descending => self.keys.pop_first(),
            };
            self.bytes -= gone.map_or(0, |(value, _)| value.bytes());
        }
    }

    /// In the order of the page.
    fn into_keys(self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.keys.into_iter().collect();
        if self.direction == Direction::Descending {
            keys.reverse();
        }
        keys
    }
}
