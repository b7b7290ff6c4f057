//! Usage records go when they are too old; what they were charged stays with their token.

use std::time::Duration;

use super::*;

const DAY: u64 = 24 * 60 * 60_000;

impl Bench {
    /// Device 1 is online on A for a minute.
    fn visit(&mut self) {
        self.redeem("A", 1).unwrap();
        self.tick(60_000);
        self.release(1);
    }

    fn step(&mut self) {
        self.core.step(self.now, Vec::new(), Step::Next).unwrap();
    }

    fn books(&mut self, token: TokenId) -> (u64, u64, u64) {
        let used = self
            .ask(|answer| Message::Token(token, answer))
            .unwrap()
            .unwrap()
            .token
            .used;
        let records = self.records().iter().map(|(_, charged)| charged).sum();
        (used, records, self.core.store.0.pruned(token).unwrap())
    }
}

/// "Per token, `used` is the sum of its usage records, its open sessions and its pruned records, to the millisecond."
/// "Exportable as JSON and CSV, kept for `retention` (default 1 year)."
#[test]
fn records_go_after_their_retention_and_their_sum_stays_to_the_millisecond() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.core.set_retention(Duration::from_millis(10 * DAY));
    let a = bench.create("A", 60, 1).unwrap().id;
    bench.visit();
    bench.tick(DAY);
    bench.visit();
    bench.tick(9 * DAY - 60_000);
    bench.step();
    assert_eq!(
        bench.books(a),
        (120_000, 120_000, 0),
        "the first is ten days old to the millisecond"
    );
    bench.tick(60_000);
    bench.step();
    assert_eq!(bench.books(a), (120_000, 60_000, 60_000));
    bench.tick(DAY + 60_000);
    bench.step();
    assert_eq!(bench.books(a), (120_000, 0, 120_000));
    bench.visit();
    assert_eq!(bench.books(a), (180_000, 60_000, 120_000));
}

#[test]
fn by_a_date_that_nobody_trusts_no_record_goes() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.core.set_retention(Duration::from_millis(DAY));
    let a = bench.create("A", 60, 1).unwrap().id;
    bench.visit();
    bench.now.trusted = false;
    bench.tick(30 * DAY);
    bench.step();
    assert_eq!(bench.books(a), (60_000, 60_000, 0));
}

/// "History is never deleted with the token: usage records stay until their retention ends."
#[test]
fn the_sum_of_a_deleted_token_is_of_no_use_to_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.core.set_retention(Duration::from_millis(DAY));
    let a = bench.create("A", 60, 1).unwrap().id;
    for _ in 0..2 {
        bench.visit();
        bench.tick(2 * DAY);
        bench.step();
    }
    assert_eq!(bench.core.store.0.pruned(a).unwrap(), 120_000);
    bench.visit();
    bench
        .ask(|answer| Message::Delete(a, Actor::daemon(), answer))
        .unwrap();
    bench.tick(2 * DAY);
    bench.step();
    assert_eq!(
        (bench.core.store.0.pruned(a).unwrap(), bench.records().len()),
        (0, 0)
    );
}
