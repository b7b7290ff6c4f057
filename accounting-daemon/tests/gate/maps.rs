//! Devices, deadlines and counts in the kernel's maps.

use accounting_daemon::{
    gate::{Adoption, Entry, FOREVER, Gate, GateError, KernelGate, Settings, StartError, directory},
    ledger::Traffic,
    mac::{DeviceId, Mac},
};
use accounting_ebpf::layout::{self, Counters, Device, Key, map};
use aya::maps::{Array, HashMap, Map, MapData};

use crate::ground::{gateway, open};

pub(crate) fn device(last: u8) -> DeviceId {
    DeviceId {
        mac: Mac([2, 0, 0, 0, 1, last]),
        zone: 3,
    }
}

pub(crate) fn entry(last: u8, token: u64) -> Entry {
    Entry {
        device: device(last),
        session: 100 + u64::from(last),
        token,
        deadline: FOREVER,
    }
}

/// The maps as the programs see them.
pub(crate) struct Kernel {
    devices: HashMap<MapData, u64, Device>,
    tokens: Array<MapData, u64>,
    counters: Array<MapData, Counters>,
}

impl Kernel {
    pub(crate) fn open(settings: &Settings) -> Self {
        let pin = |name| MapData::from_pin(directory(&settings.pins).join(name)).unwrap();
        Self {
            devices: Map::HashMap(pin(map::DEVICES)).try_into().unwrap(),
            tokens: Map::Array(pin(map::TOKENS)).try_into().unwrap(),
            counters: Map::Array(pin(map::COUNTERS)).try_into().unwrap(),
        }
    }

    pub(crate) fn find(&self, device: DeviceId) -> Option<Device> {
        self.devices
            .get(&Key::new(device.mac.0, device.zone).word(), 0)
            .ok()
    }

    pub(crate) fn deadline(&self, device: DeviceId) -> u64 {
        self.tokens.get(&self.find(device).unwrap().token, 0).unwrap()
    }

    /// Counts as if frames had passed.
    pub(crate) fn pass(&mut self, device: DeviceId, bytes: u64) {
        let slot = self.find(device).unwrap().slot;
        let counters = Counters {
            up_bytes: bytes,
            up_packets: 1,
            up_seen: 5_000_000,
            ..Counters::default()
        };
        self.counters.set(slot, counters, 0).unwrap();
    }
}

pub(crate) fn fresh(settings: &Settings) -> KernelGate {
    let mut gate = open(settings);
    gate.adopt(&[], &[]).unwrap();
    gate
}

#[test]
fn what_is_opened_is_in_the_kernel_until_it_is_closed() {
    gateway(
        "what_is_opened_is_in_the_kernel_until_it_is_closed",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let mut gate = fresh(&settings);
            let mut kernel = Kernel::open(&settings);
            gate.set_deadline(9, 60_000).unwrap();
            assert_eq!(gate.deadline(9), None);
            for last in 1..=3 {
                gate.open(&entry(last, 9)).unwrap();
            }
            assert_eq!(gate.deadline(9), Some(60_000));
            let found = kernel.find(device(1)).unwrap();
            assert_eq!((found.session, found.deadline), (101, layout::FOREVER));
            assert!(found.token >= layout::TOKEN_FIRST);
            // Early by the clock's tick, and by no more than 10 ms, its longest.
            let early = 60_000_000_000 - kernel.deadline(device(1));
            assert!((1..=10_000_000).contains(&early), "{early}");

            gate.set_deadline(9, 70_000).unwrap();
            for last in 1..=3 {
                assert_eq!(kernel.deadline(device(last)), 70_000_000_000 - early);
            }
            gate.set_deadline(9, FOREVER).unwrap();
            assert_eq!(kernel.deadline(device(2)), layout::FOREVER);

            kernel.pass(device(2), 1_500);
            let counted = Traffic {
                bytes_up: 1_500,
                packets_up: 1,
                seen_up: Some(5),
                ..Traffic::default()
            };
            assert_eq!(gate.traffic(device(2)), Some(counted));
            assert_eq!(gate.traffic(device(1)), Some(Traffic::default()));
            assert_eq!(
                (gate.seen_since(5), gate.seen_since(6)),
                (vec![device(2)], vec![])
            );
            assert_eq!(gate.close(device(2)).unwrap(), Some(counted));
            assert_eq!(
                (kernel.find(device(2)), gate.close(device(2)).unwrap()),
                (None, None)
            );
            let error = gate.open(&entry(2, 8)).unwrap_err().to_string();
            assert!(error.contains("without a deadline"), "{error}");
        },
    );
}

#[test]
fn a_slot_that_was_used_starts_at_zero_and_dead() {
    gateway(
        "a_slot_that_was_used_starts_at_zero_and_dead",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let mut gate = fresh(&settings);
            let mut kernel = Kernel::open(&settings);
            gate.set_deadline(1, FOREVER).unwrap();
            // More rounds than there are slots, so that each is used again.
            for _ in 0..1_200 {
                gate.open(&entry(1, 1)).unwrap();
                assert_eq!(gate.traffic(device(1)), Some(Traffic::default()));
                kernel.pass(device(1), 10);
                let token = kernel.find(device(1)).unwrap().token;
                assert_eq!(gate.close(device(1)).unwrap().unwrap().bytes_up, 10);
                assert_eq!(kernel.tokens.get(&token, 0).unwrap(), 0);
            }
        },
    );
}

#[test]
fn a_device_that_is_opened_again_moves_to_the_new_token() {
    gateway(
        "a_device_that_is_opened_again_moves_to_the_new_token",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let mut gate = fresh(&settings);
            let mut kernel = Kernel::open(&settings);
            gate.set_deadline(1, 1_000).unwrap();
            gate.set_deadline(2, 2_000).unwrap();
            gate.open(&entry(1, 1)).unwrap();
            kernel.pass(device(1), 10);
            gate.open(&entry(1, 2)).unwrap();
            assert_eq!((gate.deadline(1), gate.deadline(2)), (None, Some(2_000)));
            assert_eq!(gate.traffic(device(1)), Some(Traffic::default()));
            assert!(kernel.deadline(device(1)) > 1_900_000_000);
        },
    );
}

#[test]
fn adoption_keeps_counts_and_slots_and_removes_strangers() {
    gateway(
        "adoption_keeps_counts_and_slots_and_removes_strangers",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let mut gate = fresh(&settings);
            let mut kernel = Kernel::open(&settings);
            for token in [1, 2] {
                gate.set_deadline(token, 10_000).unwrap();
            }
            for (last, token) in [(1, 1), (2, 1), (3, 2)] {
                gate.open(&entry(last, token)).unwrap();
                kernel.pass(device(last), 100 * u64::from(last));
            }
            let before = kernel.find(device(1)).unwrap();
            drop(gate);
            // An entry that nobody knows, and one that points where it should not.
            let broken = Device {
                slot: 4_000_000,
                ..kernel.find(device(2)).unwrap()
            };
            kernel
                .devices
                .insert(Key::new(device(9).mac.0, 3).word(), broken, 0)
                .unwrap();

            let mut gate = open(&settings);
            assert_eq!(kernel.find(device(1)), Some(before), "opening changes nothing");
            let other_session = Entry {
                session: 999,
                ..entry(3, 2)
            };
            let entries = [entry(1, 1), entry(2, 1), other_session, entry(4, 2), entry(5, 77)];
            let adoption = gate.adopt(&[(1, 20_000), (2, 30_000)], &entries).unwrap();
            assert_eq!(
                adoption,
                Adoption {
                    kept: vec![device(1), device(2)],
                    missing: vec![device(3), device(4), device(5)],
                    strangers: 2,
                }
            );
            for entry in [other_session, entry(4, 2)] {
                assert_eq!(kernel.find(entry.device), None, "not before it is durable");
                gate.open(&entry).unwrap();
            }
            assert_eq!(kernel.find(device(1)), Some(before));
            assert_eq!(gate.traffic(device(2)).unwrap().bytes_up, 200);
            assert_eq!(gate.traffic(device(3)), Some(Traffic::default()));
            assert_eq!(kernel.find(device(9)), None);
            assert!((19_000_000_000..20_000_000_000).contains(&kernel.deadline(device(1))));
            assert!((29_000_000_000..30_000_000_000).contains(&kernel.deadline(device(4))));
            let slots: Vec<u32> = (1..=4)
                .map(|last| kernel.find(device(last)).unwrap().slot)
                .collect();
            let mut distinct = slots.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), 4, "{slots:?}");
        },
    );
}

#[test]
fn a_full_gate_says_so_and_has_room_again_after_a_close() {
    gateway(
        "a_full_gate_says_so_and_has_room_again_after_a_close",
        "gate0",
        |ground| {
            let settings = ground.settings();
            let mut gate = fresh(&settings);
            gate.set_deadline(1, FOREVER).unwrap();
            for last in 1..=16 {
                gate.open(&entry(last, 1)).unwrap();
            }
            let error = gate.open(&entry(17, 1)).unwrap_err();
            assert!(matches!(error, GateError::Full { capacity: 16 }), "{error}");
            assert_eq!(gate.traffic(device(17)), None);
            gate.close(device(4)).unwrap();
            gate.open(&entry(17, 1)).unwrap();
        },
    );
}

#[test]
fn maps_of_another_layout_are_named_and_left_alone() {
    gateway(
        "maps_of_another_layout_are_named_and_left_alone",
        "gate0",
        |ground| {
            let settings = ground.settings();
            std::fs::create_dir(directory(&settings.pins)).unwrap();
            let pin = directory(&settings.pins).join(map::DEVICES);
            HashMap::<_, u64, u64>::create(16, 0).unwrap().pin(&pin).unwrap();
            let error = KernelGate::open(&settings).unwrap_err();
            assert!(
                matches!(
                    error,
                    StartError::MapMismatch {
                        found: 8,
                        expected: 24,
                        ..
                    }
                ),
                "{error}"
            );
            assert!(error.to_string().contains("DEVICES"), "{error}");
            assert!(pin.exists());
        },
    );
}

#[test]
fn a_gate_keeps_its_capacity_and_has_one_owner() {
    gateway("a_gate_keeps_its_capacity_and_has_one_owner", "gate0", |ground| {
        let mut settings = ground.settings();
        let gate = fresh(&settings);
        let error = KernelGate::open(&settings).unwrap_err();
        assert!(matches!(error, StartError::InUse { .. }), "{error}");
        drop(gate);
        settings.devices = 99;
        assert_eq!(open(&settings).capacity(), 16);
    });
}
