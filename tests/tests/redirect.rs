//! A stranger asks some web server, and the portal answers in its name: by both families, in the driver and generic, on a port and
//! on a bridge. Nothing gets out when the portal or the tc program is gone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use accounting_daemon::gate::status::{GateStatus, InterfaceStatus};
use accounting_daemon::gate::{Asker, is_redirected, listen, who_is_asking};
use accounting_daemon::mac::{DeviceId, Mac};
use accounting_ebpf::layout::REDIRECT_MARK;
use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot, address, online};
use accounting_tests::lab::site::{ISP, LAN, LAN_IP4, LAN_IP6, LAN_MAC, OTHER_IP4, OTHER_IP6};
use accounting_tests::lab::{Capture, Client, Filter, Namespace, Options, PORTAL_PORT};
use accounting_tests::needs_root;
use serde_json::json;

const SOON: Duration = Duration::from_secs(5);
const SHORT: Duration = Duration::from_millis(700);
const WEB: u16 = 80;

/// Who asked, whether the connection was redirected, and at which address.
type Seen = (Option<Asker>, bool, SocketAddr);

/// A portal that says `portal` to everybody; it ends with its value.
struct Portal {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Seen>>>,
    thread: Option<JoinHandle<()>>,
}

impl Portal {
    /// The daemon must not run: the port is its own.
    fn start(gateway: &Namespace, status: GateStatus) -> Self {
        Self::try_start(gateway, status).unwrap()
    }

    /// `None` when the port is taken.
    fn try_start(gateway: &Namespace, status: GateStatus) -> Option<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (flag, log, space) = (Arc::clone(&stop), Arc::clone(&seen), gateway.clone());
        let listener = gateway.enter(|| Ok(listen(PORTAL_PORT))).unwrap().ok()?;
        let work = move || {
            // Neighbours are asked for from within the namespace.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(answer(listener, &status, &flag, &log));
            Ok(())
        };
        let thread = std::thread::spawn(move || space.enter(work).unwrap());
        Some(Self {
            stop,
            seen,
            thread: Some(thread),
        })
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

async fn answer(
    listener: std::net::TcpListener,
    status: &GateStatus,
    stop: &AtomicBool,
    log: &Mutex<Vec<Seen>>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let accepted = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        let Ok(Ok((mut connection, _))) = accepted else {
            continue;
        };
        let who = who_is_asking(&connection, status).await;
        let redirected = is_redirected(&connection, status);
        let local = connection.local_addr().unwrap();
        log.lock().unwrap().push((
            who,
            redirected,
            SocketAddr::new(local.ip().to_canonical(), local.port()),
        ));
        tokio::spawn(async move {
            let mut request = [0; 1024];
            let mut length = 0;
            while !request[..length].ends_with(b"\r\n\r\n") {
                match connection.read(&mut request[length..]).await {
                    Ok(more) if more > 0 => length += more,
                    _ => return,
                }
            }
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nportal";
            let _ = connection.write_all(reply).await;
        });
    }
}

/// The gate as the daemon would tell it.
fn status(gateway: &Namespace, interface: &str, bridge: Option<u32>) -> GateStatus {
    let mut addresses: Vec<IpAddr> = vec![LAN_IP4.into(), LAN_IP6.into()];
    addresses.sort();
    GateStatus {
        interfaces: vec![InterfaceStatus {
            name: interface.to_owned(),
            zone: 3,
            index: index(gateway, interface),
            bridge,
            mac: Some(Mac(LAN_MAC)),
            attached: None,
            reattached: 0,
        }],
        addresses,
        own: vec![Mac(LAN_MAC)],
        routers: Vec::new(),
    }
}

fn index(space: &Namespace, interface: &str) -> u32 {
    let name = interface.to_owned();
    space
        .enter(|| {
            let table = std::fs::read_to_string("/proc/thread-self/net/dev_mcast")?;
            let line = table
                .lines()
                .find(|line| line.split_whitespace().nth(1) == Some(&name));
            Ok(line.unwrap().split_whitespace().next().unwrap().parse()?)
        })
        .unwrap()
}

/// Opens a connection of a client, within [`SHORT`].
fn connect(space: &Namespace, host: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let dial = || Ok(TcpStream::connect_timeout(&(host, port).into(), SHORT));
    let stream = space.enter(dial).unwrap()?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// The body of the answer to a request on an open connection.
fn ask(mut stream: TcpStream) -> std::io::Result<String> {
    stream
        .write_all(b"GET /hotspot-detect.html HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")?;
    body(stream)
}

/// What the next answer says.
fn body(stream: TcpStream) -> std::io::Result<String> {
    let mut input = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if lower == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap().trim().to_owned())
}

fn get(space: &Namespace, host: IpAddr) -> std::io::Result<String> {
    ask(connect(space, host, WEB)?)
}

fn up(mode: &str) -> Hotspot {
    let hotspot = Hotspot::up(Options {
        clients: 2,
        gate: format!("refuse = \"drop\"\n{mode}"),
        ..Options::default()
    });
    hotspot.unwrap()
}

#[test]
fn the_portal_answers_for_every_web_server() {
    needs_root!();
    let hotspot = up("");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    hotspot.daemon().kill9().unwrap();
    let out = Capture::start(hotspot.lab.internet(), ISP, Filter::All).unwrap();
    {
        let portal = Portal::start(gateway, status(gateway, LAN, None));
        let asker = Some(Asker {
            device: DeviceId {
                mac: Mac(client.mac()),
                zone: 3,
            },
            interface: LAN.to_owned(),
        });
        for host in HOSTS {
            assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
            assert_eq!(
                portal.seen().pop().unwrap(),
                (asker.clone(), true, (host, WEB).into())
            );
            // Nothing but the web: TLS is nobody's but the server's.
            assert!(connect(client.namespace(), host, 443).is_err());
            assert!(connect(client.namespace(), host, PORTAL_PORT).is_err());
        }
        for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
            let direct = connect(client.namespace(), own, PORTAL_PORT).unwrap();
            assert_eq!(ask(direct).unwrap(), "portal");
            let expected = (asker.clone(), false, (own, PORTAL_PORT).into());
            assert_eq!(portal.seen().pop().unwrap(), expected);
            assert!(connect(client.namespace(), own, WEB).is_err());
        }
        same_port_to_two_hosts(client.namespace());
        syn_cookies(gateway, client, &portal, asker.as_ref());
    }
    // The portal is dead: strangers wait, and nothing gets out.
    for host in HOSTS {
        assert!(get(client.namespace(), host).is_err());
    }
    fails_closed(&hotspot);
    std::thread::sleep(Duration::from_millis(100));
    let from_client = |frame: &accounting_tests::lab::Frame| {
        let bytes = &frame.data;
        // TCP to port 80 of whatever family.
        match bytes.get(12..14) {
            Some([0x08, 0x00]) => bytes.get(23) == Some(&6) && bytes.get(36..38) == Some(&[0, 80]),
            Some([0x86, 0xdd]) => bytes.get(20) == Some(&6) && bytes.get(56..58) == Some(&[0, 80]),
            _ => false,
        }
    };
    assert_eq!(out.lost(), 0);
    assert_eq!(out.frames().iter().filter(|frame| from_client(frame)).count(), 0);
}

/// One source port, two servers: rewriting addresses would lose one of the connections.
fn same_port_to_two_hosts(space: &Namespace) {
    for hosts in [
        [HOSTS[0], IpAddr::from(OTHER_IP4)],
        [HOSTS[1], IpAddr::from(OTHER_IP6)],
    ] {
        let dial = |host: IpAddr| {
            let any: SocketAddr = if host.is_ipv4() {
                ([0, 0, 0, 0], 41_000).into()
            } else {
                ([0u16; 8], 41_000).into()
            };
            let open = || {
                let domain = socket2::Domain::for_address(any);
                let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
                socket.set_reuse_address(true)?;
                socket.bind(&any.into())?;
                socket.connect_timeout(&SocketAddr::new(host, WEB).into(), SHORT)?;
                Ok(TcpStream::from(socket))
            };
            space.enter(open).unwrap()
        };
        let [one, two] = hosts.map(dial);
        assert_eq!(
            (ask(two).unwrap(), ask(one).unwrap()),
            ("portal".into(), "portal".into())
        );
    }
}

/// Under SYN cookies the SYN is not kept: the neighbour table says who asks.
fn syn_cookies(gateway: &Namespace, client: &Client, portal: &Portal, asker: Option<&Asker>) {
    gateway.sysctl(&[("ipv4/tcp_syncookies", "2")]).unwrap();
    for host in HOSTS {
        assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
        assert_eq!(portal.seen().pop().unwrap().0.as_ref(), asker, "{host}");
    }
    gateway.sysctl(&[("ipv4/tcp_syncookies", "1")]).unwrap();
}

/// XDP alone lets nothing of the web out.
fn fails_closed(hotspot: &Hotspot) {
    let daemon = hotspot.daemon();
    let gateway = hotspot.lab.gateway();
    let _portal = Portal::start(gateway, status(gateway, LAN, None));
    let layout = accounting_daemon::gate::directory(daemon.pins());
    std::fs::remove_file(layout.join(format!("{LAN}-ingress"))).unwrap();
    gone(hotspot.client(1));
    gone(hotspot.client(2));
}

/// Waits until the portal does not answer any more; after that it never may.
fn gone(client: &Client) {
    let is_gone = || Ok(get(client.namespace(), HOSTS[0]).is_err().then_some(()));
    clock::wait_for("the end of the tc program", SOON, is_gone).unwrap();
    for host in HOSTS {
        assert!(get(client.namespace(), host).is_err(), "{host}");
        // Its addresses are still right.
        assert!(address(client, host).is_ok());
    }
}

#[test]
fn a_session_that_opens_midway_is_for_the_next_connection() {
    needs_root!();
    let hotspot = up("");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    let space = client.namespace();
    // The daemon may have a portal of its own.
    let _portal = Portal::try_start(gateway, status(gateway, LAN, None));
    let token = hotspot.token(60, &json!({})).unwrap();
    let under_way = HOSTS.map(|host| connect(space, host, WEB).unwrap());
    for (stream, host) in under_way.iter().zip(HOSTS) {
        let mut stream = stream;
        stream
            .write_all(b"GET /hotspot-detect.html HTTP/1.1\r\n")
            .unwrap();
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
    hotspot.admit(client, &token).unwrap();
    for (mut stream, host) in under_way.into_iter().zip(HOSTS) {
        assert_eq!(get(space, host).unwrap(), "internet", "{host}");
        stream
            .write_all(b"Host: example.org\r\nConnection: close\r\n\r\n")
            .unwrap();
        assert_ne!(body(stream).unwrap(), "internet", "{host}");
    }
    // A connection to the server itself does not outlive the session, and is told so.
    let through = HOSTS.map(|host| connect(space, host, WEB).unwrap());
    assert_eq!(hotspot.release(client).unwrap().status, 204);
    for (stream, host) in through.into_iter().zip(HOSTS) {
        let error = ask(stream).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{host}");
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
    rules_come_back(&hotspot);
}

/// Whoever flushes the rules of routing does not open or close the redirect for long.
fn rules_come_back(hotspot: &Hotspot) {
    let (gateway, space) = (hotspot.lab.gateway(), hotspot.client(1).namespace());
    for family in ["-4", "-6"] {
        for command in ["rule del table 2764", "route flush table 2764"] {
            let words = command.split(' ');
            let done = gateway.command("ip").arg(family).args(words).status().unwrap();
            assert!(done.success(), "{family} {command}");
            let host = HOSTS[usize::from(family == "-6")];
            clock::wait_for(command, SOON, || {
                Ok(get(space, host)
                    .is_ok_and(|body| body != "internet")
                    .then_some(()))
            })
            .unwrap();
        }
    }
}

/// The gateway's firewall drops all it was not told of; what the gate has marked it must be told of.
#[test]
fn a_firewall_that_accepts_the_mark_does_not_disturb() {
    needs_root!();
    let hotspot = up("");
    let (gateway, space) = (hotspot.lab.gateway(), hotspot.client(1).namespace());
    let _portal = Portal::try_start(gateway, status(gateway, LAN, None));
    let rules = |more: &str| {
        let mut nft = gateway.command("nft");
        let table = format!(
            "table inet strict\ndelete table inet strict\n\
             table inet strict {{\nchain input {{\ntype filter hook input priority filter; policy drop;\n\
             iifname \"lo\" accept\n{more}\nmeta l4proto ipv6-icmp accept\nmeta l4proto {{ udp }} accept\n}}\n}}\n"
        );
        accounting_tests::lab::run_with(nft.args(["-f", "-"]), &table).unwrap();
    };
    rules("");
    for host in HOSTS {
        assert!(get(space, host).is_err(), "{host}");
    }
    rules(&format!("meta mark {REDIRECT_MARK:#x} accept"));
    for host in HOSTS {
        assert_ne!(get(space, host).unwrap(), "internet", "{host}");
    }
}

/// Moves the gated side to a bridge, and gates the bridge or its port.
fn on_a_bridge(gated: &str, mac: &str) -> Hotspot {
    let hotspot = up("");
    let daemon = hotspot.daemon();
    daemon.stop().unwrap();
    let mut detach = daemon.command();
    detach.args(["detach", "--open", "--config"]).arg(daemon.config());
    assert!(detach.status().unwrap().success());
    let moved = format!(
        "link add br-lan type bridge stp_state 0 forward_delay 0 mcast_snooping 0\n\
         link set br-lan address {mac}\n\
         address flush dev {LAN}\n\
         link set {LAN} master br-lan\n\
         link set br-lan up\n\
         address add {LAN_IP4}/24 dev br-lan\n\
         address add {LAN_IP6}/64 dev br-lan nodad\n"
    );
    hotspot.lab.gateway().ip(&moved).unwrap();
    for number in [1, 2] {
        hotspot
            .client(number)
            .namespace()
            .ip("neigh flush all\n")
            .unwrap();
        // The router's link-local address was that of its MAC.
        let space = hotspot.client(number).namespace();
        space
            .ip(&format!(
                "route replace default via {LAN_IP6} dev wlan0 metric 1\n"
            ))
            .unwrap();
    }
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    let config = config.replace(&format!("name = \"{LAN}\""), &format!("name = \"{gated}\""));
    std::fs::write(daemon.config(), config).unwrap();
    daemon.start().unwrap();
    hotspot
}

#[test]
fn on_a_bridge_it_is_the_same() {
    needs_root!();
    let hotspot = on_a_bridge("br-lan", "02:ac:c0:ff:00:01");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    let metric = "accounting_interface_mode{hook=\"xdp\",interface=\"br-lan\",mode=\"generic\"}";
    assert_eq!(hotspot.metric(metric).unwrap(), 1.0);
    assert_eq!(online(client).unwrap(), Some(false));
    hotspot.daemon().kill9().unwrap();
    let portal = Portal::start(gateway, status(gateway, "br-lan", None));
    for host in HOSTS {
        assert_eq!(get(client.namespace(), host).unwrap(), "portal", "{host}");
        let (asker, redirected, at) = portal.seen().pop().unwrap();
        let mac = asker.map(|asker| asker.device.mac);
        assert_eq!(
            (mac, redirected, at),
            (Some(Mac(client.mac())), true, (host, WEB).into())
        );
    }
    // Without the tc program nothing is left of it.
    let layout = accounting_daemon::gate::directory(hotspot.daemon().pins());
    std::fs::remove_file(layout.join("br-lan-ingress")).unwrap();
    gone(client);
}

/// A bridge takes away the socket that a frame was given: behind a gated port nothing is redirected, and nothing gets out. The portal
/// itself is reached.
#[test]
fn on_a_port_of_a_bridge_the_portal_is_only_where_it_is() {
    needs_root!();
    let hotspot = on_a_bridge(LAN, "02:ac:c0:ff:00:09");
    let (gateway, client) = (hotspot.lab.gateway(), hotspot.client(1));
    hotspot.daemon().kill9().unwrap();
    let bridge = Some(index(gateway, "br-lan"));
    let portal = Portal::start(gateway, status(gateway, LAN, bridge));
    for (host, own) in HOSTS.into_iter().zip([IpAddr::from(LAN_IP4), LAN_IP6.into()]) {
        assert!(get(client.namespace(), host).is_err(), "{host}");
        let direct = connect(client.namespace(), own, PORTAL_PORT).unwrap();
        assert_eq!(ask(direct).unwrap(), "portal");
        let (asker, redirected, _) = portal.seen().pop().unwrap();
        let asker = asker.unwrap();
        assert_eq!(
            (asker.device.mac, asker.interface.as_str()),
            (Mac(client.mac()), LAN)
        );
        assert!(!redirected);
    }
}
