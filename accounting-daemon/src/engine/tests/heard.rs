//! What went through sessions and with which addresses, over restarts and power cuts.

use super::*;

impl Bench {
    fn frames(&self, who: u8, packets_up: u64) {
        let traffic = Traffic {
            packets_up,
            bytes_up: packets_up * 100,
            seen_up: Some(self.now.monotonic),
            ..Traffic::default()
        };
        self.gate.0.lock().unwrap().count(device(who), traffic);
    }

    fn minute(&mut self) {
        self.tick(60_000);
        self.core.step(self.now, Vec::new(), Step::Next).unwrap();
    }

    /// What the record of the only session says: packets, bytes, last seen.
    fn released(&mut self, who: u8) -> (u64, u64, Option<i64>) {
        self.release(who);
        let records = self.core.store.0.usage().unwrap();
        let record = records
            .iter()
            .rfind(|record| record.device == device(who))
            .unwrap();
        (
            record.traffic.packets_up,
            record.traffic.bytes_up,
            record.last_seen_on,
        )
    }
}

#[test]
fn a_record_after_a_reboot_has_what_went_through_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.frames(1, 40);
    let seen = bench.now.wall;
    bench.minute();
    let mut bench = bench.reboot(folder.path(), 600_000, 5_000);
    assert_eq!(bench.released(1), (40, 4_000, Some(seen)));
}

#[test]
fn what_the_gate_goes_on_counting_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.frames(1, 40);
    bench.minute();
    let mut bench = bench.reboot(folder.path(), 600_000, 5_000);
    bench.frames(1, 2);
    bench.minute();
    bench.frames(1, 3);
    let seen = bench.now.wall;
    let mut bench = bench.restart(folder.path(), 1_000, [2; 16]);
    assert_eq!(bench.released(1), (43, 4_300, Some(seen)));
}

#[test]
fn a_session_that_is_restored_keeps_what_went_through() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.create("B", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.frames(1, 40);
    bench.gate.0.lock().unwrap().refuse_open.insert(device(1));
    bench.redeem("B", 1).unwrap_err();
    bench.frames(1, 1);
    assert_eq!(bench.released(1).0, 41);
}

#[test]
fn a_session_that_is_restored_is_counted_once_though_the_kernel_would_not_let_go_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.frames(1, 40);
    bench.tick(120_000);
    {
        let mut gate = bench.gate.0.lock().unwrap();
        gate.refuse_close.insert(device(1));
        gate.refuse_open.insert(device(2));
    }
    bench.log();
    bench.redeem("A", 2).unwrap_err();
    let log = bench.log();
    let calls: Vec<&str> = log.iter().map(String::as_str).collect();
    let calls: Vec<&str> = calls
        .into_iter()
        .filter(|line| !line.starts_with("deadline"))
        .collect();
    // Died it after the last commit, the gate would have nothing of what that says.
    let wanted = ["close 1", "commit", "open 2", "close 1", "commit", "open 1"];
    assert_eq!(calls, wanted);
    bench.frames(1, 1);
    assert_eq!(bench.released(1).0, 41);
}

/// "Last-seen and byte counts follow at most once a minute, 1,000 rows a commit."
#[test]
fn what_went_through_is_written_once_a_minute_and_only_where_it_changed() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 2).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.redeem("A", 2).unwrap();
    let rows = |bench: &Bench| bench.core.store.0.opened().unwrap().heard;
    bench.frames(1, 40);
    bench.minute();
    assert_eq!(rows(&bench).len(), 1);
    bench.frames(1, 50);
    bench.tick(59_999);
    bench.core.step(bench.now, Vec::new(), Step::Next).unwrap();
    assert_eq!(rows(&bench)[0].total.packets_up, 40);
    bench.tick(1);
    bench.core.step(bench.now, Vec::new(), Step::Next).unwrap();
    assert_eq!(rows(&bench)[0].total.packets_up, 50);
    bench.released(1);
    assert_eq!(rows(&bench), []);
}

impl Bench {
    fn seen(&mut self, who: u8, addresses: &[u8]) {
        let seen = addresses
            .iter()
            .map(|last| (device(who), [10, 77, 0, *last].into()));
        let letters = vec![Message::Saw(seen.collect())];
        self.core.step(self.now, letters, Step::Next).unwrap();
    }

    /// The last parts of the addresses of the only session's row.
    fn row(&self) -> Vec<u8> {
        let sessions = self.core.store.0.opened().unwrap().sessions;
        lasts(&sessions[0].addresses)
    }

    fn recorded(&mut self, who: u8) -> Vec<u8> {
        self.released(who);
        let records = self.core.store.0.usage().unwrap();
        lasts(&records[records.len() - 1].addresses)
    }
}

fn lasts(addresses: &[std::net::IpAddr]) -> Vec<u8> {
    let last = |address: &std::net::IpAddr| match address {
        std::net::IpAddr::V4(four) => four.octets()[3],
        std::net::IpAddr::V6(_) => panic!("none was seen"),
    };
    addresses.iter().map(last).collect()
}

#[test]
fn addresses_are_in_the_record_and_cost_no_commit_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.log();
    bench.seen(1, &[7, 8, 7]);
    bench.seen(2, &[9]);
    bench.seen(1, &[8]);
    assert_eq!(bench.log(), Vec::<String>::new(), "nothing was written");
    assert_eq!(
        bench
            .core
            .session_view(device(1), bench.now)
            .map(|view| lasts(&view.addresses)),
        Some(vec![7, 8])
    );
    assert_eq!(bench.recorded(1), [7, 8]);
}

#[test]
fn a_session_remembers_so_many_addresses_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.seen(1, &(0..=20).collect::<Vec<u8>>());
    assert_eq!(bench.recorded(1), (0..16).collect::<Vec<u8>>());
}

#[test]
fn addresses_are_written_with_the_rows_of_the_minute_once_and_outlive_a_power_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    bench.seen(1, &[7]);
    assert_eq!(bench.row(), Vec::<u8>::new());
    bench.minute();
    assert_eq!(bench.row(), [7]);
    bench.log();
    bench.tick(1_000);
    bench.seen(1, &[7]);
    assert_eq!(bench.log(), Vec::<String>::new());
    let mut bench = bench.reboot(folder.path(), 600_000, 5_000);
    bench.seen(1, &[9]);
    assert_eq!(bench.recorded(1), [7, 9]);
}
