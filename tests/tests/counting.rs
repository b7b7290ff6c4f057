//! What the daemon reports of a session's traffic is what the wire at the client carried, to the packet and the byte.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, online};
use accounting_tests::lab::site::{LAN, LAN_IP4, LAN_IP6, LAN_MAC, WLAN, mac_text};
use accounting_tests::lab::{Capture, Filter, Frame};
use accounting_tests::needs_root;

const SOON: Duration = Duration::from_secs(5);
const MTU: usize = 1_500;

/// Packets and bytes, up and down.
type Counts = [u64; 4];

/// Packets and bytes that a frame was on the wire, where the kernel handed a super-frame over. Lengths of its headers
/// are read from it; every segment but the last is as long as the link allows.
fn on_the_wire(frame: &Frame) -> (u64, u64) {
    let data = &frame.data;
    if frame.length <= 14 + MTU {
        return (1, frame.length as u64);
    }
    let ip = match data[12..14] {
        [0x08, 0x00] => usize::from(data[14] & 15) * 4,
        _ => 40,
    };
    let headers = 14 + ip + usize::from(data[14 + ip + 12] >> 4) * 4;
    let payload = 14 + MTU - headers;
    let segments = (frame.length - headers).div_ceil(payload);
    (segments as u64, (frame.length + (segments - 1) * headers) as u64)
}

fn seen(frames: &[Frame], client: [u8; 6]) -> Counts {
    let mut counts = [0; 4];
    for frame in frames {
        let place = match frame.outgoing {
            true => 0,
            false if frame.data[..6] == client => 2,
            false => continue,
        };
        let (packets, bytes) = on_the_wire(frame);
        counts[place] += packets;
        counts[place + 1] += bytes;
    }
    counts
}

fn reported(hotspot: &Hotspot) -> Counts {
    let device = hotspot.device(hotspot.client(1)).unwrap();
    ["PacketsUp", "BytesUp", "PacketsDown", "BytesDown"].map(|name| device["Session"][name].as_u64().unwrap())
}

/// Runs `work` and gives what the daemon reports and what the wire carried meanwhile.
fn measure(hotspot: &Hotspot, work: impl FnOnce()) -> (Counts, Counts) {
    let client = hotspot.client(1);
    // Begins in a moment of silence, so that both count the same frames.
    let (witness, before) = clock::wait_for("silence", SOON, || {
        let witness = Capture::start(client.namespace(), WLAN, Filter::All)?;
        let before = reported(hotspot);
        std::thread::sleep(Duration::from_millis(100));
        let silent = witness.count() == 0 && reported(hotspot) == before;
        Ok(silent.then_some((witness, before)))
    })
    .unwrap();
    work();
    let after = clock::wait_for("silence", SOON, || {
        let (count, after) = (witness.count(), reported(hotspot));
        std::thread::sleep(Duration::from_millis(200));
        Ok((witness.count() == count && reported(hotspot) == after).then_some(after))
    })
    .unwrap();
    assert_eq!(witness.lost(), 0);
    let mut difference = after;
    (0..4).for_each(|place| difference[place] -= before[place]);
    (difference, seen(&witness.stop(), client.mac()))
}

#[test]
fn packets_and_bytes_are_those_of_the_wire() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    compare(&hotspot);
}

/// A bridge takes no program in its driver: XDP is generic, sees super-frames, and tc counts.
#[test]
fn behind_a_bridge_people_are_gated_and_counted_as_well() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let daemon = hotspot.daemon();
    daemon.stop().unwrap();
    let mut detach = daemon.command();
    detach.args(["detach", "--open", "--config"]).arg(daemon.config());
    assert!(detach.status().unwrap().success());
    hotspot
        .lab
        .gateway()
        .ip(&format!(
            "link add br-lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
             link set br-lan address {}\n\
             address flush dev {LAN}\n\
             link set {LAN} master br-lan\n\
             link set br-lan up\n\
             address add {LAN_IP4}/24 dev br-lan\n\
             address add {LAN_IP6}/64 dev br-lan nodad\n",
            mac_text(LAN_MAC)
        ))
        .unwrap();
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    let config = config.replace(&format!("name = \"{LAN}\""), "name = \"br-lan\"");
    std::fs::write(daemon.config(), config).unwrap();
    daemon.start().unwrap();
    let generic = "accounting_interface_mode{hook=\"xdp\",interface=\"br-lan\",mode=\"generic\"}";
    assert_eq!(hotspot.metric(generic).unwrap(), 1.0);
    let (paid, unpaid) = (hotspot.client(1), hotspot.client(2));
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(false), Some(false))
    );
    compare(&hotspot);
    assert_eq!(
        (online(paid).unwrap(), online(unpaid).unwrap()),
        (Some(true), Some(false))
    );
    assert_eq!(hotspot.release(paid).unwrap().status, 204);
    assert_eq!(online(paid).unwrap(), Some(false));
}

fn compare(hotspot: &Hotspot) {
    let client = hotspot.client(1);
    hotspot.let_in(client).unwrap();
    for host in HOSTS {
        let (reported, seen) = measure(hotspot, || {
            let up = hotspot.uplink(client, host, 1_000).unwrap();
            std::thread::sleep(Duration::from_millis(700));
            drop(up);
        });
        println!("datagrams up to {host}: {reported:?}");
        assert!(reported[0] > 500);
        assert_eq!(reported, seen, "datagrams up to {host}");
        let (reported, seen) = measure(hotspot, || {
            let down = hotspot.downlink(client, host, 1_000).unwrap();
            std::thread::sleep(Duration::from_millis(700));
            drop(down);
        });
        println!("datagrams down from {host}: {reported:?}");
        assert!(reported[2] > 500);
        assert_eq!(reported, seen, "datagrams down from {host}");
        // By TCP with segmentation offload: super-frames, at tc egress and behind a bridge.
        let (reported, seen) = measure(hotspot, || {
            let answer = hotspot.lab.get(client, (host, 80), "/bytes/3000000").unwrap();
            assert_eq!(answer.body.len(), 3_000_000);
        });
        println!("download from {host}: {reported:?}");
        assert!(reported[3] > 3_000_000 && reported[2] > 2_000);
        assert_eq!(reported, seen, "download from {host}");
    }
}
