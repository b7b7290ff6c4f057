//! What it costs to wait for parked devices, and that nothing is missed for it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use crate::{
    ledger::{Activity, Effect, Ledger, Metering, Now, Rules, Seen, Session, TokenBalance},
    mac::DeviceId,
};

const HOUR: u64 = 3_600_000;

/// Frames from devices, and who was asked for.
#[derive(Default)]
struct Frames {
    up: RefCell<BTreeMap<DeviceId, u64>>,
    asked: Cell<usize>,
    asked_all: Cell<usize>,
}

impl Activity for Frames {
    fn seen(&self, device: DeviceId) -> Seen {
        self.asked.set(self.asked.get() + 1);
        let up = self.up.borrow().get(&device).copied();
        Seen { up, down: None }
    }

    fn seen_since(&self, monotonic: u64) -> Option<Vec<DeviceId>> {
        self.asked_all.set(self.asked_all.get() + 1);
        let up = self.up.borrow();
        let since = up.iter().filter(|(_, at)| **at >= monotonic);
        Some(since.map(|(device, _)| *device).collect())
    }
}

impl Frames {
    fn frame(&self, number: u64, at: u64) {
        self.up.borrow_mut().insert(DeviceId::from_number(number), at);
    }
}

fn at(monotonic: u64) -> Now {
    Now {
        monotonic,
        wall: 1_800_000_000_000 + i64::try_from(monotonic).unwrap(),
        trusted: true,
    }
}

/// Devices on tokens of their own with an hour each, numbered alike; the first ones are parked since the instant 0.
fn ledger(devices: u64, parked: u64) -> Ledger {
    let rules = Rules {
        idle_timeout: None,
        ..Rules::default()
    };
    let mut ledger = Ledger::new(rules, devices + 1, devices + 1);
    for id in 1..=devices {
        ledger.load_balance(TokenBalance {
            id,
            business_id: 1,
            valid_from: None.into(),
            valid_to: None.into(),
            last_access: None.into(),
            entitled: HOUR.cast_signed(),
            used: 0,
            settled: 0,
            run: None,
            user_limit: None.into(),
            draws: 0,
            mac_address: None,
            metering: Metering::ConnectedTime,
        });
        let session = Session {
            id,
            device: DeviceId::from_number(id),
            token: id,
            opened: 0,
            opened_wall: 0,
            age: 0,
            charged: 0,
            settled: 0,
            parked: id <= parked,
            metering: Metering::ConnectedTime,
            addresses: Vec::new(),
        };
        ledger.restore(session, 0, at(0));
    }
    drop(ledger.drain());
    ledger
}

fn is_parked(ledger: &Ledger, number: u64) -> bool {
    ledger.open_session(DeviceId::from_number(number)).unwrap().parked
}

#[test]
fn only_parked_devices_that_had_frames_are_looked_at() {
    let (mut ledger, frames) = (ledger(1_000, 1_000), Frames::default());
    for second in 0..5 {
        ledger.book(&frames, at(second * 1_000));
    }
    assert_eq!(frames.asked.get(), 0);
    frames.frame(7, 4_500);
    ledger.book(&frames, at(5_000));
    assert_eq!(frames.asked.get(), 1);
    assert!(!is_parked(&ledger, 7) && is_parked(&ledger, 8));
    let session = ledger.open_session(DeviceId::from_number(7)).unwrap();
    assert_eq!(session.settled, 4_500);
}

#[test]
fn a_few_parked_devices_among_many_are_looked_at_themselves() {
    let (mut ledger, frames) = (ledger(100, 2), Frames::default());
    frames.frame(2, 500);
    ledger.book(&frames, at(1_000));
    assert_eq!((frames.asked.get(), frames.asked_all.get()), (2, 0));
    assert!(is_parked(&ledger, 1) && !is_parked(&ledger, 2));
}

#[test]
fn a_frame_that_the_kernels_clock_dates_before_the_last_look_is_seen_by_the_next() {
    let (mut ledger, frames) = (ledger(2, 2), Frames::default());
    ledger.book(&frames, at(1_000));
    frames.frame(1, 992);
    ledger.book(&frames, at(2_000));
    assert!(!is_parked(&ledger, 1) && is_parked(&ledger, 2));
    let session = ledger.open_session(DeviceId::from_number(1)).unwrap();
    assert_eq!(session.settled, 1_000, "up to the last look all is booked");
}

#[test]
fn few_deadlines_move_at_once_and_each_leaves_most_of_the_balance_and_no_more() {
    let (mut ledger, frames) = (ledger(1_000, 1_000), Frames::default());
    let mut deadlines: Vec<u64> = vec![HOUR; 1_001];
    let (mut moved, mut most) = (0, 0);
    for second in 1..3_600 {
        let now = second * 1_000;
        ledger.book(&frames, at(now));
        let effects = ledger.drain();
        moved += effects.len();
        most = most.max(effects.len());
        for effect in effects {
            let Effect::Deadline { token, at } = effect else {
                panic!("{effect:?}");
            };
            deadlines[usize::try_from(token).unwrap()] = at;
        }
        for deadline in &deadlines[1..] {
            assert!(
                (now + HOUR * 3 / 4 - 1_000..=now + HOUR).contains(deadline),
                "{deadline} at {now}"
            );
        }
    }
    // A step is 524.288 s.
    assert!((6_000..=7_000).contains(&moved), "{moved}");
    assert!(most <= 6, "{most}");
}
