//! The strangers' budget on the host: what a stranger may spend, and that a flood of invented devices spends no more.
#![expect(clippy::unwrap_used, reason = "in a test a failed step is a failed test")]

use accounting_ebpf::address::Mac;
use accounting_ebpf::budget::{self, Cells};
use accounting_ebpf::frame::Ethernet;
use accounting_ebpf::layout::Port;
use accounting_ebpf::policy;
use accounting_ebpf::verdict::Verdict;
use accounting_ebpf::window::Window;
use accounting_tests::model::Model;
use accounting_tests::packet::Packet;
use accounting_tests::world;

fn up(standing: Verdict, packet: &Packet, port: &Port, model: &Model) -> Verdict {
    let bytes = packet.bytes();
    let window = Window::new(&bytes);
    policy::uplink(standing, Ethernet::read(window).unwrap(), window, port, model)
}

const fn limited() -> Port {
    Port {
        budget_cost: 10,
        budget_burst: 40,
        interface_cost: 1,
        interface_burst: 1000,
        ..world::port()
    }
}

#[test]
fn a_stranger_spends_its_burst_and_earns_it_back() {
    let (model, port, arp) = (Model::default(), limited(), Packet::arp(1).from(world::DEVICE));
    for _ in 0..4 {
        assert_eq!(up(Verdict::Stranger, &arp, &port, &model), Verdict::Arp);
    }
    assert_eq!(up(Verdict::Stranger, &arp, &port, &model), Verdict::Budget);
    model.now.set(model.now.get() + 10);
    assert_eq!(up(Verdict::Stranger, &arp, &port, &model), Verdict::Arp);
    assert_eq!(up(Verdict::Stranger, &arp, &port, &model), Verdict::Budget);
    assert_eq!(
        up(Verdict::Stranger, &arp.clone().from(world::OTHER), &port, &model),
        Verdict::Arp
    );
}

#[test]
fn dns_costs_two_and_the_garden_nothing() {
    let (model, port) = (Model::default(), limited());
    let dns = Packet::udp((world::V4.device, 4000), (world::V4.own, 53)).from(world::DEVICE);
    let garden = Packet::tcp((world::V4.device, 4000), (world::V4.open, 443)).from(world::DEVICE);
    for expected in [Verdict::Dns, Verdict::Dns, Verdict::Budget] {
        assert_eq!(up(Verdict::Stranger, &dns, &port, &model), expected);
    }
    assert_eq!(up(Verdict::Stranger, &garden, &port, &model), Verdict::Garden);
}

#[test]
fn random_devices_share_the_interface() {
    let (model, port) = (
        Model::default(),
        Port {
            interface_burst: 100,
            ..limited()
        },
    );
    let passed = (0..10_000_u32)
        .filter(|number| {
            let [a, b, c, d] = number.to_be_bytes();
            let arp = Packet::arp(1).from([2, 0, a, b, c, d]);
            up(Verdict::Stranger, &arp, &port, &model) == Verdict::Arp
        })
        .count();
    assert_eq!(passed, 100);
}

#[test]
fn what_is_refused_costs_nothing() {
    let (model, port) = (
        Model::default(),
        Port {
            interface_burst: 0,
            ..limited()
        },
    );
    let arp = Packet::arp(1).from(world::DEVICE);
    assert_eq!(up(Verdict::Stranger, &arp, &port, &model), Verdict::Budget);
    assert_eq!(
        model.cell(budget::cell_of(Mac::new(world::DEVICE), port.budget_key)),
        0
    );
    assert_eq!(model.cell(budget::INTERFACE), 0);
}

#[test]
fn the_key_spreads_devices_over_the_cells() {
    let cells = |key| {
        let cell = |n: u32| {
            let [a, b, c, d] = n.to_be_bytes();
            budget::cell_of(Mac::new([2, 0, a, b, c, d]), key)
        };
        (0..4096).map(cell).collect::<Vec<_>>()
    };
    let (one, other) = (cells(1), cells(2));
    let distinct = one.iter().collect::<std::collections::HashSet<_>>().len();
    // 4096 balls in 4096 cells leave 1/e of them empty.
    assert!((2400..2800).contains(&distinct), "{distinct}");
    assert!(one.iter().zip(&other).filter(|(a, b)| a == b).count() < 20);
}
