//! What happens to sessions, for those who watch: the last events in a ring that nobody can hold up. Who falls behind by
//! more than the ring is told so and begins anew.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::watch;

use super::{BalanceView, Core, SessionView};
use crate::{
    gate::Gate,
    ledger::{Now, TokenId, UsageRecord},
    mac::DeviceId,
    store::{Store, Write},
};

/// Events that are kept for those who read slowly, or come back; few in tests, which have to fall behind.
const EVENTS_MAX: usize = if cfg!(test) { 256 } else { 4_096 };

/// One event.
#[derive(Debug)]
pub struct Event {
    /// Grows by one with each event of this daemon's life.
    pub number: u64,
    /// The location of its token.
    pub business_id: Option<u64>,
    /// What happened.
    pub what: Happening,
}

/// What happened.
#[derive(Debug)]
pub enum Happening {
    /// A device was let in.
    Opened(Box<SessionView>),
    /// The balance of a token runs out at another time than before, or its seats changed; `left`: milliseconds until its
    /// devices are cut if nothing changes.
    Changed {
        /// The token as it is now.
        view: Box<BalanceView>,
        /// `None`: nothing limits it.
        left: Option<u64>,
    },
    /// A device was stopped.
    Released(UsageRecord),
}

/// Events were missed: they are no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("events were missed")]
pub struct Missed;

/// The ring of events. One writes, the engine; anybody reads.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<Ring>,
    next: watch::Sender<u64>,
    /// Events are made once somebody has watched.
    watched: AtomicBool,
}

#[derive(Debug, Default)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    /// The number of the next event.
    next: u64,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            ring: Mutex::default(),
            next: watch::Sender::new(0),
            watched: AtomicBool::new(false),
        }
    }
}

impl Feed {
    /// The number of the next event, now and whenever it grows. From now on events are kept.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.watched.store(true, Ordering::Relaxed);
        self.next.subscribe()
    }

    /// The events from a number on, `max` at most.
    ///
    /// # Errors
    /// [`Missed`], also for a number that is not reached yet.
    pub fn since(&self, number: u64, max: usize) -> Result<Vec<Arc<Event>>, Missed> {
        let ring = self.ring();
        let first = ring.next - ring.events.len() as u64;
        let skipped = number.checked_sub(first).filter(|_| number <= ring.next);
        let skipped = skipped
            .and_then(|skipped| usize::try_from(skipped).ok())
            .ok_or(Missed)?;
        Ok(ring.events.iter().skip(skipped).take(max).cloned().collect())
    }

    /// Everything may be different now: who watches begins anew.
    pub(super) fn begin_anew(&self) {
        let mut ring = self.ring();
        ring.events.clear();
        ring.next += 1;
        self.next.send_replace(ring.next);
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, happened: Vec<(Option<u64>, Happening)>) {
        if happened.is_empty() {
            return;
        }
        let mut ring = self.ring();
        for (business_id, what) in happened {
            let number = ring.next;
            ring.next += 1;
            ring.events.push_back(Arc::new(Event {
                number,
                business_id,
                what,
            }));
            if ring.events.len() > EVENTS_MAX {
                ring.events.pop_front();
            }
        }
        self.next.send_replace(ring.next);
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a commit did that watchers are told once the gate has followed.
#[derive(Debug, Default)]
pub(super) struct News {
    released: Vec<(Option<u64>, Happening)>,
    changed: BTreeSet<TokenId>,
}

impl News {
    /// Takes it from the rows of a commit.
    pub(super) fn of(writes: &[Write]) -> Self {
        let mut locations: BTreeMap<TokenId, u64> = BTreeMap::new();
        for write in writes {
            if let Write::Update(token) = write {
                locations.insert(token.id, token.business_id);
            }
        }
        let released = writes.iter().filter_map(|write| match write {
            Write::Release(record) => {
                let location = locations.get(&record.token).copied();
                Some((location, Happening::Released(record.clone())))
            }
            _ => None,
        });
        Self {
            released: released.collect(),
            changed: locations.into_keys().collect(),
        }
    }
}

impl<S: Store, G: Gate> Core<S, G> {
    /// Tells those who watch.
    pub(super) fn publish(&self, news: News, opened: &[DeviceId], now: Now) {
        let News { released, changed } = news;
        let opened: Vec<SessionView> = opened
            .iter()
            .filter_map(|device| self.session_view(*device, now))
            .collect();
        // What is told with a session need not be told again.
        let told: BTreeSet<TokenId> = opened
            .iter()
            .filter(|view| view.seats_used == 1)
            .map(|view| view.token.id)
            .collect();
        let mut happened = released;
        happened.extend(opened.into_iter().map(|view| {
            let location = Some(view.token.business_id);
            (location, Happening::Opened(Box::new(view)))
        }));
        for token in changed.difference(&told) {
            let Some(view) = self.balance_view(*token, now).filter(|view| view.seats_used > 0) else {
                continue;
            };
            let deadline = self.ledger.ends_at(*token, now);
            let left = (deadline != crate::ledger::FOREVER).then(|| deadline.saturating_sub(now.monotonic));
            let location = Some(view.token.business_id);
            let view = Box::new(view);
            happened.push((location, Happening::Changed { view, left }));
        }
        self.feed.add(happened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> (Option<u64>, Happening) {
        let device = DeviceId {
            mac: crate::mac::Mac([2, 0, 0, 0, 0, 1]),
            zone: 0,
        };
        let record = UsageRecord {
            id: 1,
            token: 1,
            device,
            addresses: Vec::new(),
            opened_on: 0,
            released_on: 0,
            charged: 0,
            traffic: crate::ledger::Traffic::default(),
            last_seen_on: None,
            cause: crate::ledger::Cause::Logout,
        };
        (None, Happening::Released(record))
    }

    fn numbers(feed: &Feed, from: u64, max: usize) -> Result<Vec<u64>, Missed> {
        let events = feed.since(from, max)?;
        Ok(events.iter().map(|event| event.number).collect())
    }

    #[test]
    fn who_falls_behind_is_told() {
        let feed = Feed::default();
        let watch = feed.watch();
        feed.add(vec![event(), event(), event()]);
        assert_eq!(*watch.borrow(), 3);
        assert_eq!(numbers(&feed, 1, 9), Ok(vec![1, 2]));
        assert_eq!(numbers(&feed, 0, 2), Ok(vec![0, 1]));
        assert_eq!(numbers(&feed, 3, 9), Ok(vec![]));
        assert_eq!(numbers(&feed, 4, 9), Err(Missed), "not reached yet");
        (0..EVENTS_MAX).for_each(|_| feed.add(vec![event()]));
        assert_eq!(numbers(&feed, 2, 9), Err(Missed));
        assert_eq!(numbers(&feed, 3, 1), Ok(vec![3]));
    }

    #[test]
    fn a_new_beginning_is_told_to_everybody() {
        let feed = Feed::default();
        feed.add(vec![event()]);
        feed.begin_anew();
        assert_eq!(
            (numbers(&feed, 0, 9), numbers(&feed, 1, 9)),
            (Err(Missed), Err(Missed))
        );
        assert_eq!(numbers(&feed, 2, 9), Ok(vec![]));
    }
}
