//! Who makes room when all places are taken: the connection that has said nothing for longest.
//!
//! A guest's browser speaks at once. Who opens connections to keep others out keeps silent, or speaks slowly, from as many
//! MAC addresses as he likes: a limit for each device does not stop him.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

/// All connections, in the order in which they are cut: whether a request is being answered, then since when.
#[derive(Debug, Default)]
pub(super) struct Silent(Mutex<Order>);

#[derive(Debug, Default)]
struct Order {
    next: u64,
    connections: BTreeMap<(bool, u64), Arc<Notify>>,
}

/// A connection, for as long as it lives.
#[derive(Debug)]
pub(super) struct Place {
    silent: Arc<Silent>,
    at: Mutex<(bool, u64)>,
    cut: Arc<Notify>,
}

impl Silent {
    /// A connection that has said nothing yet.
    pub(super) fn enter(self: &Arc<Self>) -> Place {
        let cut = Arc::new(Notify::new());
        let at = self.order().add(false, Arc::clone(&cut));
        Place {
            silent: Arc::clone(self),
            at: Mutex::new(at),
            cut,
        }
    }

    /// Cuts the one that has been silent for longest; where none is, the one that has been answered for longest.
    pub(super) fn make_room(&self) {
        if let Some((_, cut)) = self.order().connections.pop_first() {
            cut.notify_one();
        }
    }

    fn order(&self) -> MutexGuard<'_, Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Order {
    fn add(&mut self, busy: bool, cut: Arc<Notify>) -> (bool, u64) {
        let at = (busy, self.next);
        self.next += 1;
        self.connections.insert(at, cut);
        at
    }
}

impl Place {
    /// A request has come, or has been answered.
    pub(super) fn is_busy(&self, busy: bool) {
        let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order = self.silent.order();
        // One that is being cut stays out.
        if order.connections.remove(&*at).is_some() {
            *at = order.add(busy, Arc::clone(&self.cut));
        }
    }

    /// Returns when the connection is to make room.
    pub(super) async fn cut(&self) {
        self.cut.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        self.silent.order().connections.remove(&at);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn is_cut(place: &Place) -> bool {
        place.cut().now_or_never().is_some()
    }

    #[test]
    fn the_longest_silence_goes_first_and_those_who_are_answered_last() {
        let silent = Arc::new(Silent::default());
        let [busy, older, younger, again] = [(); 4].map(|()| silent.enter());
        busy.is_busy(true);
        again.is_busy(true);
        again.is_busy(false);
        for (nth, expected) in [&older, &younger, &again, &busy].into_iter().enumerate() {
            assert!(!is_cut(expected), "{nth} went too early");
            silent.make_room();
            assert!(is_cut(expected), "{nth}");
        }
        silent.make_room();
    }

    #[test]
    fn who_is_cut_does_not_come_back_and_who_leaves_leaves_nothing() {
        let silent = Arc::new(Silent::default());
        let (one, other) = (silent.enter(), silent.enter());
        silent.make_room();
        one.is_busy(true);
        assert_eq!(silent.order().connections.len(), 1);
        drop((one, other));
        assert!(silent.order().connections.is_empty());
    }
}
