//! What is fed: each a function that takes any bytes and may do anything but panic. Some look at what they got.

use accounting_daemon::fuzz;
use accounting_ebpf::{
    frame::Ethernet,
    policy::{self, Origin},
    verdict::Verdict,
    window::Window,
};
use accounting_tests::{model::Model, table, world};

/// One reader of what strangers send.
pub(crate) struct Target {
    /// As on the command line, and as its folder in the corpus.
    pub(crate) name: &'static str,
    /// Takes any bytes.
    pub(crate) run: fn(&[u8]),
    /// Inputs that no text file could hold.
    pub(crate) seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "json",
        run: fuzz::json,
        seeds: Vec::new,
    },
    Target {
        name: "form",
        run: fuzz::form,
        seeds: Vec::new,
    },
    Target {
        name: "query",
        run: fuzz::query,
        seeds: Vec::new,
    },
    Target {
        name: "table",
        run: fuzz::table,
        seeds: Vec::new,
    },
    Target {
        name: "answers",
        run: fuzz::answers,
        seeds: || vec![ANSWER.to_vec()],
    },
    Target {
        name: "config",
        run: fuzz::config,
        seeds: || vec![include_bytes!("../../../docs/config.example.toml").to_vec()],
    },
    Target {
        name: "rows",
        run: fuzz::rows,
        seeds: fuzz::sample_rows,
    },
    Target {
        name: "frames",
        run: frames,
        seeds: frame_seeds,
    },
];

/// `www.example.org` is an alias of `a.example.org`, which is at 203.0.113.7.
const ANSWER: &[u8] = b"\x00\x07\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\
    \x03www\x07example\x03org\x00\x00\x01\x00\x01\
    \xc0\x0c\x00\x05\x00\x01\x00\x00\x01\x2c\x00\x04\x01a\xc0\x10\
    \xc0\x2d\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\xcb\x00\x71\x07";

/// The decision about a frame, both ways, as a stranger's and as a guest's.
fn frames(bytes: &[u8]) {
    let window = Window::new(bytes);
    let Ok(ethernet) = Ethernet::read(window) else {
        return;
    };
    let (port, model) = (world::port(), Model::default());
    for standing in [
        Verdict::Stranger,
        Verdict::Expired,
        Verdict::Session,
        Verdict::Blocked,
    ] {
        let verdict = policy::uplink(standing, ethernet, window, &port, &model);
        assert!(
            standing != Verdict::Blocked || !verdict.passes(),
            "a blocked device passes"
        );
        for origin in [Origin::Forwarded, Origin::Gateway] {
            let _ = policy::downlink(standing, ethernet, window, &port, origin, &model);
        }
    }
}

fn frame_seeds() -> Vec<Vec<u8>> {
    let up = table::uplink().into_iter().map(|row| row.packet.bytes());
    let down = table::downlink().into_iter().map(|(_, row)| row.packet.bytes());
    up.chain(down).collect()
}
