//! Rules that are the engine's: when the books are brought up to date, what is written and when, what is recorded.

use super::*;

/// How many rows each commit has, and the instant of its checkpoint.
type Commits = Vec<(usize, u64)>;

impl Witness for Commits {
    fn sees(&mut self, writes: &[Write], checkpoint: Checkpoint) {
        self.push((writes.len(), checkpoint.monotonic));
    }
}

/// A core with so many devices online on one token.
struct Crowd {
    core: Core<Witnessed<Commits>, SimulatedGate>,
    now: Now,
    _folder: tempfile::TempDir,
}

impl Crowd {
    fn of(devices: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Witnessed(Disk::open(folder.path()).unwrap(), Vec::new());
        let now = Now {
            monotonic: 1_000_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        let gate = SimulatedGate::new(devices.into());
        let core = Core::start(store, gate, Rules::default(), Arc::new(()), now, BOOT).unwrap();
        let mut crowd = Self {
            core,
            now,
            _folder: folder,
        };
        let new = new_token("A", 1_000_000, devices.into());
        let (answer, _made) = oneshot::channel();
        crowd.step(vec![Message::Create(Box::new(new), Actor::daemon(), answer)]);
        let (letters, replies): (Vec<_>, Vec<_>) = (0..devices)
            .map(|number| {
                let (answer, reply) = oneshot::channel();
                let redemption = Redemption {
                    device: one_of(number),
                    ..redemption("A", 0)
                };
                (Message::Redeem(redemption, answer), reply)
            })
            .unzip();
        crowd.step(letters);
        for mut reply in replies {
            reply.try_recv().unwrap().unwrap();
        }
        crowd.core.store.1.clear();
        crowd
    }

    fn step(&mut self, letters: Vec<Message>) {
        self.core.step(self.now, letters, Step::Next).unwrap();
    }

    /// The commits of a step so much later.
    fn after(&mut self, ms: u64, letters: Vec<Message>) -> Vec<(usize, u64)> {
        self.now.monotonic += ms;
        self.now.wall += i64::try_from(ms).unwrap();
        self.step(letters);
        std::mem::take(&mut self.core.store.1)
    }
}

fn one_of(number: u16) -> DeviceId {
    let [high, low] = number.to_be_bytes();
    DeviceId {
        mac: Mac([2, 0, 0, 1, high, low]),
        zone: 0,
    }
}

/// "Before any command is handled, and at start, everything due is booked first."
#[test]
fn before_any_command_is_handled_everything_due_is_booked() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 1, 1).unwrap();
    bench.redeem("A", 1).unwrap();
    // Nobody looks for an hour, and then somebody asks.
    bench.tick(3_600_000);
    assert_eq!(bench.redeem("A", 1), Err(Refusal::Ledger(RedeemError::Depleted)));
    let records = bench.core.store.0.usage().unwrap();
    assert_eq!((records[0].cause, records[0].charged), (Cause::Depleted, 60_000));
    assert_eq!(records[0].released_on - records[0].opened_on, 60_000);
}

/// "The checkpoint is one row: the instant to which all open sessions are charged, written every 5 s and with every
/// structural change."
#[test]
fn the_checkpoint_is_one_row_every_five_seconds_and_with_every_structural_change() {
    for online in [3, 200] {
        let mut crowd = Crowd::of(online);
        let began = crowd.now.monotonic;
        assert_eq!(crowd.after(4_999, Vec::new()), []);
        // No row but the checkpoint's own, however many are online.
        assert_eq!(crowd.after(1, Vec::new()), [(0, began + 5_000)]);
        assert_eq!(crowd.after(4_999, Vec::new()), []);
        assert_eq!(crowd.after(1, Vec::new()), [(0, began + 10_000)]);
        let (answer, _done) = oneshot::channel();
        let release = Message::Release {
            mac: one_of(0).mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        };
        let commits = crowd.after(1_000, vec![release]);
        assert_eq!(commits.len(), 1);
        assert_eq!(
            (commits[0].0 > 0, commits[0].1),
            (true, began + 11_000),
            "with the change itself"
        );
        assert_eq!(crowd.after(4_999, Vec::new()), []);
    }
}

/// "Last-seen and byte counts follow at most once a minute, 1,000 rows a commit."
#[test]
fn last_seen_and_byte_counts_follow_once_a_minute_a_thousand_rows_a_commit() {
    let mut crowd = Crowd::of(1_100);
    for number in 0..1_100 {
        let traffic = Traffic {
            packets_up: 1,
            seen_up: Some(crowd.now.monotonic),
            ..Traffic::default()
        };
        crowd.core.gate.count(one_of(number), traffic);
    }
    let rows = |commits: Vec<(usize, u64)>| commits.iter().map(|(rows, _)| *rows).max();
    assert_eq!(rows(crowd.after(59_999, Vec::new())), Some(0));
    assert_eq!(rows(crowd.after(1, Vec::new())), Some(1_000));
    assert_eq!(rows(crowd.after(1, Vec::new())), Some(100));
    assert_eq!(rows(crowd.after(1, Vec::new())), None);
}

/// "A usage record for each released session: token, device, zone, addresses seen, start, end, milliseconds charged,
/// bytes and packets up and down, cause."
#[test]
fn a_usage_record_says_who_was_online_on_what_where_when_how_much_and_why_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let token = bench.create("A", 60, 1).unwrap().id;
    let device = DeviceId { zone: 7, ..device(1) };
    let redeem = Redemption {
        device,
        ..redemption("A", 1)
    };
    let id = bench.ask(|answer| Message::Redeem(redeem, answer)).unwrap().id;
    let opened_on = bench.now.wall;
    let address = [10, 77, 0, 9].into();
    bench
        .core
        .round(bench.now, vec![Message::Saw(vec![(device, address)])])
        .unwrap();
    bench.tick(12_345);
    let traffic = Traffic {
        bytes_up: 11,
        bytes_down: 22,
        packets_up: 3,
        packets_down: 4,
        seen_up: Some(bench.now.monotonic - 1),
        seen_down: Some(bench.now.monotonic),
    };
    bench.gate.0.lock().unwrap().count(device, traffic);
    bench
        .ask(|answer| Message::Release {
            mac: device.mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
        .unwrap();
    let records = bench.core.store.0.usage().unwrap();
    let wanted = UsageRecord {
        id,
        token,
        device,
        addresses: vec![address],
        opened_on,
        released_on: opened_on + 12_345,
        charged: 12_345,
        traffic: Traffic {
            seen_up: None,
            seen_down: None,
            ..traffic
        },
        last_seen_on: Some(opened_on + 12_345),
        cause: Cause::Logout,
    };
    let unseen = |record: &UsageRecord| UsageRecord {
        traffic: Traffic {
            seen_up: None,
            seen_down: None,
            ..record.traffic
        },
        ..record.clone()
    };
    assert_eq!(records.iter().map(unseen).collect::<Vec<_>>(), [wanted]);
}
