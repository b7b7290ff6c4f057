//! Ground for tests on the real kernel: namespaces, interfaces and pins of the test's own, removed afterwards.

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd,
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use accounting_daemon::{
    gate::{Interface, KernelGate, Refuse, Settings, StartError},
    mac::{DeviceId, Mac},
};
use rustix::{
    thread::{LinkNameSpaceType, move_into_link_name_space},
    time::{ClockId, clock_gettime},
};

/// The client's MAC address and the addresses of both ends.
pub(crate) const CLIENT: DeviceId = DeviceId {
    mac: Mac([0x02, 0, 0, 0, 0, 0x0c]),
    zone: 7,
};
const GATEWAY_IP: &str = "10.77.0.1";
const CLIENT_IP: &str = "10.77.0.2";
const PORT: u16 = 9_999;

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A gateway's network namespace with a client behind the interface, and a directory for pins.
pub(crate) struct Ground {
    name: String,
    pub(crate) interface: String,
    pub(crate) pins: PathBuf,
}

/// Runs a test in a gateway of its own, or says loudly that it was skipped.
pub(crate) fn gateway(test: &'static str, interface: &str, body: impl FnOnce(&Ground) + Send + 'static) {
    if !rustix::process::geteuid().is_root() {
        println!("skipped (needs root): {test}");
        if let Ok(path) = std::env::var("ACCOUNTING_SKIPPED") {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            writeln!(file, "{test}").unwrap();
        }
        return;
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("acct{}x{number}", std::process::id());
    let ground = Ground {
        pins: PathBuf::from("/sys/fs/bpf").join(&name),
        name,
        interface: interface.to_owned(),
    };
    // A thread of its own: it enters the gateway's namespace and takes everything it starts along.
    let done = thread::spawn(move || {
        ground.build();
        body(&ground);
    });
    if let Err(panic) = done.join() {
        std::panic::resume_unwind(panic);
    }
}

impl Ground {
    fn build(&self) {
        if !PathBuf::from("/sys/fs/bpf").join(".").exists() || !is_bpf_fs() {
            run("mount -t bpf bpf /sys/fs/bpf");
        }
        fs::create_dir(&self.pins).unwrap();
        run(&format!("ip netns add {}g", self.name));
        run(&format!("ip netns add {}c", self.name));
        enter(&format!("{}g", self.name));
        run("ip link set lo up");
        self.plug();
    }

    /// Makes the interface, with the client behind it.
    pub(crate) fn plug(&self) {
        let (interface, name) = (&self.interface, &self.name);
        run(&format!(
            "ip link add {interface} type veth peer name eth0 netns {name}c"
        ));
        run(&format!("ip address add {GATEWAY_IP}/24 dev {interface}"));
        run(&format!("ip link set {interface} up"));
        let client = |command: &str| run(&format!("ip -n {name}c {command}"));
        client(&format!("link set eth0 address {}", CLIENT.mac));
        client(&format!("address add {CLIENT_IP}/24 dev eth0"));
        client("link set eth0 up");
    }

    pub(crate) fn unplug(&self) {
        run(&format!("ip link delete {}", self.interface));
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            pins: self.pins.clone(),
            devices: 16,
            interfaces: vec![Interface {
                name: self.interface.clone(),
                zone: CLIENT.zone,
            }],
            // What is dropped keeps the verdict that says why.
            refuse: Refuse::Drop,
            ..Settings::default()
        }
    }

    /// Two ends that talk to each other when the gate lets them.
    pub(crate) fn ends(&self) -> Ends {
        let name = format!("{}c", self.name);
        let client = thread::spawn(move || {
            enter(&name);
            UdpSocket::bind((CLIENT_IP, PORT)).unwrap()
        });
        Ends {
            gateway: UdpSocket::bind((GATEWAY_IP, PORT)).unwrap(),
            client: client.join().unwrap(),
        }
    }

    /// A tokio runtime whose threads are in the gateway's namespace.
    pub(crate) fn runtime(&self) -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.pins);
        for side in ["c", "g"] {
            let _ = Command::new("ip")
                .args(["netns", "delete", &format!("{}{side}", self.name)])
                .status();
        }
    }
}

/// A socket on either side of the gate.
pub(crate) struct Ends {
    gateway: UdpSocket,
    client: UdpSocket,
}

impl Ends {
    /// Whether a datagram of the client arrives at the gateway.
    pub(crate) fn up(&self) -> bool {
        arrives(&self.client, &self.gateway, GATEWAY_IP)
    }

    /// Whether a datagram of the gateway arrives at the client.
    pub(crate) fn down(&self) -> bool {
        arrives(&self.gateway, &self.client, CLIENT_IP)
    }
}

fn arrives(from: &UdpSocket, to: &UdpSocket, address: &str) -> bool {
    let nonce = COUNT.fetch_add(1, Ordering::Relaxed).to_string();
    to.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let address: SocketAddr = format!("{address}:{PORT}").parse().unwrap();
    // A dropped frame makes no error, one to a neighbour that does not answer may.
    let _ = from.send_to(nonce.as_bytes(), address);
    let mut buffer = [0; 32];
    while let Ok((length, _)) = to.recv_from(&mut buffer) {
        if buffer[..length] == *nonce.as_bytes() {
            return true;
        }
    }
    false
}

/// Opens the gate. Another test's child process may hold a copy of the lock between its fork and its exec.
pub(crate) fn open(settings: &Settings) -> KernelGate {
    let mut gate = KernelGate::open(settings);
    for _ in 0..50 {
        if !matches!(gate, Err(StartError::InUse { .. })) {
            break;
        }
        thread::sleep(Duration::from_millis(20));
        gate = KernelGate::open(settings);
    }
    gate.unwrap()
}

/// Runs a command in the namespace of this thread.
pub(crate) fn run(command: &str) {
    let mut words = command.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success(), "{command}");
}

fn enter(namespace: &str) {
    let file = File::open(format!("/run/netns/{namespace}")).unwrap();
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

fn is_bpf_fs() -> bool {
    fs::read_to_string("/proc/self/mounts")
        .unwrap()
        .lines()
        .any(|line| line.contains(" /sys/fs/bpf bpf "))
}

/// Monotonic milliseconds.
pub(crate) fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000 + u64::try_from(time.tv_nsec).unwrap() / 1_000_000
}

/// Whether something comes true within five seconds.
pub(crate) fn soon(mut condition: impl FnMut() -> bool) -> bool {
    (0..50).any(|_| {
        let is_true = condition();
        if !is_true {
            thread::sleep(Duration::from_millis(100));
        }
        is_true
    })
}
