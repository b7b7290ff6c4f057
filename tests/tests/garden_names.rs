//! A name on the list is reachable before anybody signs in; its neighbours are not, nor are addresses that are nobody's site.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::{HOSTS, Hotspot};
use accounting_tests::lab::site::{ISP, LAN_IP4, LAN_IP6, OTHER_IP4, OTHER_IP6};
use accounting_tests::lab::{
    GATEWAY_NAME, INTERNET_NAME, MANY_DOMAIN, OTHER_NAME, Options, Request, many_name, resolve,
};
use accounting_tests::needs_root;

const SOON: Duration = Duration::from_secs(5);
/// Names that are asked for, each for the first time.
const NAMES: u8 = 20;

const SHORT: Duration = Duration::from_millis(400);

#[test]
fn a_listed_name_is_open_once_it_was_asked_for() {
    needs_root!();
    let hotspot = Hotspot::up(Options {
        clients: 1,
        gate: "refuse = \"drop\"".to_owned(),
        config: format!(
            "[[gate.garden]]\nname = \"{OTHER_NAME}\"\nports = [8080]\n\
             [[gate.garden]]\nname = \"*.hotspot.lab\"\n"
        ),
        ..Options::default()
    })
    .unwrap();
    let space = hotspot.client(1).namespace();
    let web = |host: IpAddr, port: u16| {
        let request = Request::new(space, (host, port).into(), "GET", "/");
        request.limit(SHORT).send().is_ok()
    };
    let others = [IpAddr::from(OTHER_IP4), OTHER_IP6.into()];
    // Nobody has asked yet, and asking for another name changes nothing.
    assert_eq!(resolve(space, LAN_IP4.into(), INTERNET_NAME).unwrap(), HOSTS);
    for host in others.into_iter().chain(HOSTS) {
        assert!(!web(host, 8080), "{host}");
    }
    // By either address of the resolver both families are learnt.
    for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
        assert_eq!(resolve(space, own, OTHER_NAME).unwrap(), others);
    }
    for host in others {
        clock::wait_for("the garden", SOON, || Ok(web(host, 8080).then_some(()))).unwrap();
        assert!(!web(host, 8081), "{host}: another port");
    }
    // The gateway's own name is listed by a wildcard, and its addresses are opened to nobody.
    assert!(resolve(space, LAN_IP4.into(), GATEWAY_NAME).is_ok());
    for host in HOSTS {
        assert!(!web(host, 8080), "{host}");
    }
    for own in [IpAddr::from(LAN_IP4), LAN_IP6.into()] {
        let open = || Ok(std::net::TcpListener::bind((own, 2222))?);
        let _listener = hotspot.lab.gateway().enter(open).unwrap();
        let dial = || Ok(std::net::TcpStream::connect_timeout(&(own, 2222).into(), SHORT).is_ok());
        assert!(!space.enter(dial).unwrap(), "{own}");
    }
    // A restart starts with what is configured.
    hotspot.daemon().kill9().unwrap();
    hotspot.daemon().start().unwrap();
    for host in others {
        assert!(!web(host, 8080), "{host}");
    }
}

/// The name is learnt from the answer that the client gets, so the client may be sooner: then it hears nothing at first, and asks
/// once more by itself.
#[test]
fn who_is_sooner_than_the_learning_gets_in_all_the_same() {
    needs_root!();
    let hotspot = Hotspot::up(Options {
        clients: 1,
        config: format!("[[gate.garden]]\nname = \"*.{MANY_DOMAIN}\"\n"),
        answers: true,
        ..Options::default()
    })
    .unwrap();
    let addresses: String = (0..100)
        .map(|number| format!("address add {}/32 dev {ISP}\n", many_name(number).1))
        .collect();
    hotspot.lab.internet().ip(&addresses).unwrap();
    let listen = || Ok(std::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, 9_000))?);
    let _listener = hotspot.lab.internet().enter(listen).unwrap();
    let space = hotspot.client(1).namespace();
    let mut refused = 0;
    for number in 0..NAMES {
        let (name, address) = many_name(number);
        let dial = || {
            let to = (IpAddr::from(address), 9_000).into();
            Ok(std::net::TcpStream::connect_timeout(&to, SOON).is_ok())
        };
        // Within the strangers' budget of a device, beyond which nothing is refused aloud.
        std::thread::sleep(Duration::from_millis(700));
        assert_eq!(resolve(space, LAN_IP4.into(), &name).unwrap(), [address]);
        if !space.enter(dial).unwrap() {
            refused += 1;
            clock::wait_for("the garden", SOON, || Ok(space.enter(dial)?.then_some(()))).unwrap();
        }
    }
    println!(
        "{NAMES} first connections right after the answer: {refused} refused, and let in with the next one"
    );
}
