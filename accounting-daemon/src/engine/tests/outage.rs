//! The disk refuses to write for a while: the guests stay online, nothing acknowledged is lost, it goes on by itself.

use std::io::ErrorKind;

use super::*;
use crate::{
    engine::{answer::Message, lasting::Lasting},
    store::faulty::FaultyDisk,
};

struct Outage {
    disk: FaultyDisk,
    engine: Lasting<Disk, Shared>,
    gate: Shared,
    now: Now,
}

impl Outage {
    fn new() -> Self {
        let disk = FaultyDisk::default();
        let gate = Shared(Arc::new(Mutex::new(SimulatedGate::new(8))), Log::default());
        let now = Now {
            monotonic: 1_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        let under = disk.clone();
        let store = Disk::over("the disk", move || under.handle()).unwrap();
        let rules = Rules {
            idle_timeout: None,
            ..Rules::default()
        };
        let core = Core::start(store, gate.clone(), rules, Arc::new(()), now, BOOT).unwrap();
        let engine = Lasting::new(core);
        Self {
            disk,
            engine,
            gate,
            now,
        }
    }

    fn ask<T>(&mut self, letter: impl FnOnce(oneshot::Sender<T>) -> Message) -> T {
        let (answer, mut reply) = oneshot::channel();
        self.engine.turn(self.now, vec![letter(answer)], false);
        reply.try_recv().unwrap()
    }

    fn create(&mut self, code: &str) -> Result<Token, Refusal<CreateError>> {
        let new = new_token(code, 10, 2);
        self.ask(|answer| Message::Create(Box::new(new), Actor::daemon(), answer))
    }

    fn redeem(&mut self, code: &str, who: u8) -> Result<SessionView, Refusal<RedeemError>> {
        let redeem = redemption(code, who);
        self.ask(|answer| Message::Redeem(redeem, answer))
    }

    fn release(&mut self, who: u8) -> Result<(), Refusal<crate::ledger::ReleaseError>> {
        let mac = device(who).mac;
        self.ask(|answer| Message::Release {
            mac,
            zone: None,
            cause: Cause::Logout,
            by: None,
            answer,
        })
    }

    fn left(&mut self, id: TokenId) -> Result<u64, Unavailable> {
        self.ask(|answer| Message::Token(id, answer))
            .map(|view| view.unwrap().token.left())
    }

    fn fail(&self, kind: ErrorKind) {
        self.disk.fail_from(Some((self.disk.calls() + 1, kind)));
    }

    fn pass(&mut self, ms: u64) {
        for _ in 0..ms / 100 {
            self.now.monotonic += 100;
            self.now.wall += 100;
            self.engine.turn(self.now, Vec::new(), false);
        }
    }

    fn admits(&self, who: u8) -> bool {
        let gate = self.gate.0.lock().unwrap();
        gate.admits(device(who), self.now.monotonic).is_some()
    }
}

fn unavailable<T, E>(why: Unavailable) -> Result<T, Refusal<E>> {
    Err(Refusal::Unavailable(why))
}

#[test]
fn while_the_disk_is_full_guests_stay_online_questions_are_answered_and_nothing_is_acknowledged() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other] {
        let mut world = Outage::new();
        let a = world.create("A").unwrap().id;
        let b = world.create("B").unwrap().id;
        world.redeem("A", 1).unwrap();
        world.pass(60_000);
        world.fail(kind);
        assert_eq!(
            world.redeem("B", 2).map(|view| view.id),
            unavailable(Unavailable::Store)
        );
        assert_eq!(
            world.redeem("B", 3).map(|view| view.id),
            unavailable(Unavailable::Outage)
        );
        assert_eq!(
            world.create("C").map(|token| token.id),
            unavailable(Unavailable::Outage)
        );
        assert_eq!(world.release(1), unavailable(Unavailable::Outage));
        assert!(world.engine.failing().load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!((world.left(a), world.left(b)), (Ok(540_000), Ok(600_000)));

        world.pass(60_000);
        assert!(world.admits(1) && !world.admits(2));
        assert_eq!(world.left(a), Ok(480_000));

        world.disk.fail_from(None);
        world.pass(6_000);
        assert!(!world.engine.failing().load(std::sync::atomic::Ordering::Relaxed));
        assert!(world.admits(1));
        assert_eq!(
            world.left(a),
            Ok(474_000),
            "charged for all the time it was online"
        );
        world.redeem("B", 2).unwrap();
        world.release(1).unwrap();
        let records = world.engine.core.store.usage().unwrap();
        assert_eq!(records[0].charged, 126_000);
    }
}

#[test]
fn a_device_whose_release_was_not_kept_is_in_again() {
    let mut world = Outage::new();
    let a = world.create("A").unwrap().id;
    world.create("B").unwrap();
    world.redeem("A", 1).unwrap();
    world.pass(60_000);
    world.fail(ErrorKind::StorageFull);
    // Going over to another code stops the device before the commit.
    assert_eq!(
        world.redeem("B", 1).map(|view| view.id),
        unavailable(Unavailable::Store)
    );
    assert!(world.admits(1), "a guest is cut off because a disk is full");
    world.pass(30_000);
    assert!(world.admits(1));
    world.disk.fail_from(None);
    world.pass(6_000);
    assert_eq!(world.left(a), Ok(504_000));
}

#[test]
fn what_came_due_during_an_outage_ended_when_it_was_due() {
    let mut world = Outage::new();
    let a = world.create("A").unwrap().id;
    world.redeem("A", 1).unwrap();
    world.redeem("A", 2).unwrap();
    world.fail(ErrorKind::StorageFull);
    world.pass(10_000);
    world.gate.1.lock().unwrap().clear();
    world.pass(390_000);
    assert!(
        !world.admits(1) && !world.admits(2),
        "the kernel holds the deadline"
    );
    let told = world.gate.1.lock().unwrap().clone();
    assert_eq!(told, Vec::<String>::new(), "the gate is told what cannot be kept");
    world.disk.fail_from(None);
    world.pass(6_000);
    assert_eq!(world.left(a), Ok(0));
    let records = world.engine.core.store.usage().unwrap();
    let charged: Vec<_> = records
        .iter()
        .map(|record| (record.charged, record.cause))
        .collect();
    assert_eq!(charged, [(300_000, Cause::Depleted), (300_000, Cause::Depleted)]);
}

#[test]
fn whichever_call_of_the_disk_fails_first_nothing_acknowledged_is_lost() {
    let calls = {
        let mut world = Outage::new();
        let before = world.disk.calls();
        busy(&mut world);
        world.disk.calls() - before
    };
    for call in 1..=calls {
        let mut world = Outage::new();
        world
            .disk
            .fail_from(Some((world.disk.calls() + call, ErrorKind::Other)));
        let (tokens, online) = busy(&mut world);
        world.disk.fail_from(None);
        world.pass(12_000);
        for (id, left) in tokens {
            let found = world.left(id).unwrap();
            assert!(found <= left, "call {call}: token {id} has {found} of {left}");
        }
        for who in online {
            assert!(world.admits(who), "call {call}: device {who} is out");
        }
        let opened = world.engine.core.store.opened().unwrap();
        let gate = world.gate.0.lock().unwrap();
        assert_eq!(gate.entries().count(), opened.sessions.len(), "call {call}");
    }
}

/// A few letters; what was acknowledged: tokens with what they had at most, devices online.
fn busy(world: &mut Outage) -> (Vec<(TokenId, u64)>, Vec<u8>) {
    let (mut tokens, mut online) = (Vec::new(), Vec::new());
    for (code, who) in [("A", 1), ("B", 2), ("C", 3)] {
        if let Ok(token) = world.create(code) {
            tokens.push((token.id, 600_000));
            if world.redeem(code, who).is_ok() {
                online.push(who);
            }
        }
        world.pass(1_000);
    }
    // Not acknowledged, it may be done or not.
    let _ = world.release(2);
    online.retain(|who| *who != 2);
    (tokens, online)
}
