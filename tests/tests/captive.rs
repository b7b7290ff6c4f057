//! What devices are told without a person: where captivity is told, by DHCP, and the state itself, in plain text and over TLS.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::fs;
use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::site::{LAN_IP4, LAN_IP6};
use accounting_tests::lab::{Answer, Client, PORTAL_PORT};
use accounting_tests::needs_root;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::{Value, json};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// How long something may take that the daemon does by itself, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The portal's own name.
const NAME: &str = "wifi.lab.test";

#[test]
fn dhcp_tells_where_captivity_is_told_and_it_is_told_there() {
    needs_root!();
    let hotspot = Hotspot::with_clients(1).unwrap();
    let client = hotspot.client(1);
    let urls = [client.captive_api().unwrap(), client.captive_api6().unwrap()];
    assert_eq!(
        urls,
        [
            format!("http://{LAN_IP4}:{PORTAL_PORT}/captive-api"),
            format!("http://[{LAN_IP6}]:{PORTAL_PORT}/captive-api"),
        ]
    );
    let ask = |url: &str| -> Value {
        let (server, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let server: SocketAddr = server.parse().unwrap();
        let answer = hotspot.lab.get(client, server, &format!("/{path}")).unwrap();
        assert_eq!(answer.header("content-type"), Some("application/captive+json"));
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        let state = answer.json().unwrap();
        assert_eq!(state["user-portal-url"], format!("http://{server}/"));
        state
    };
    for url in &urls {
        assert_eq!(ask(url)["captive"], true, "{url}");
    }
    let token = hotspot.token(10, &json!({})).unwrap();
    hotspot.admit(client, &token).unwrap();
    for url in &urls {
        let state = ask(url);
        assert_eq!(state["captive"], false, "{url}");
        let left = state["seconds-remaining"].as_u64().unwrap();
        assert!((590..=600).contains(&left), "{state}");
    }
}

/// A certificate for [`NAME`], in the files that the configuration names.
struct Files(PathBuf);

impl Files {
    fn make(&self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed([NAME.to_owned()]).unwrap();
        fs::write(self.0.join("portal.pem"), cert.pem()).unwrap();
        fs::write(self.0.join("portal.key"), signing_key.serialize_pem()).unwrap();
        cert.der().clone()
    }
}

/// A connection of a client to the portal whose certificate it has checked.
struct Secure(StreamOwned<ClientConnection, TcpStream>);

impl Secure {
    /// Shakes hands; `trusted` is the only certificate that is believed.
    fn open(client: &Client, gateway: IpAddr, trusted: &CertificateDer<'static>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let talk = ClientConnection::new(Arc::new(config), ServerName::try_from(NAME)?)?;
        let to = SocketAddr::new(gateway, PORTAL_PORT);
        let wire = client
            .namespace()
            .enter(|| Ok(TcpStream::connect_timeout(&to, PATIENCE)?))?;
        wire.set_read_timeout(Some(PATIENCE))?;
        let mut stream = StreamOwned::new(talk, wire);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self(stream))
    }

    /// Asks on it; it stays open.
    fn ask(&mut self, head: &str, body: &str) -> Answer {
        let length = body.len();
        let request = format!(
            "{head} HTTP/1.1\r\nHost: {NAME}:{PORTAL_PORT}\r\nOrigin: https://{NAME}:{PORTAL_PORT}\r\n\
                     Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut self.0).unwrap()
    }

    fn state(&mut self) -> Value {
        let answer = self.ask("GET /captive-api", "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/captive+json"));
        assert_eq!(answer.header("cache-control"), Some("private, no-store"));
        answer.json().unwrap()
    }
}

#[test]
fn captivity_is_told_over_tls_and_counts_down_and_a_renewed_certificate_is_taken() {
    needs_root!();
    let hotspot = Hotspot::with_clients(2).unwrap();
    let daemon = hotspot.daemon();
    let files = Files(hotspot.lab.disk().to_owned());
    let first = files.make();
    daemon.stop().unwrap();
    let config = fs::read_to_string(daemon.config()).unwrap();
    let secured = format!(
        "[portal]\nurl = \"https://{NAME}:{PORTAL_PORT}\"\n\
         tls = {{ certificate = {:?}, key = {:?} }}\n",
        files.0.join("portal.pem"),
        files.0.join("portal.key"),
    );
    assert!(config.contains("[portal]\n"));
    fs::write(daemon.config(), config.replacen("[portal]\n", &secured, 1)).unwrap();
    daemon.start().unwrap();
    let client = hotspot.client(1);
    let token = hotspot.token(10, &json!({})).unwrap();

    // Who speaks no TLS is led to those who do.
    let plain = hotspot.lab.get(client, daemon.portal_address(), "/").unwrap();
    let there = format!("https://{NAME}:{PORTAL_PORT}/");
    assert!(
        plain
            .header("location")
            .is_some_and(|url| url.starts_with(&there)),
        "{plain:?}"
    );

    let mut open = Secure::open(client, LAN_IP4.into(), &first).unwrap();
    let state = open.state();
    assert_eq!(
        (&state["captive"], state.get("seconds-remaining")),
        (&json!(true), None)
    );
    assert_eq!(state["user-portal-url"], there);
    let six = Secure::open(client, LAN_IP6.into(), &first).unwrap().state();
    assert_eq!(six, state, "IPv6 gets what IPv4 gets");

    let got = open.ask("POST /login", &format!("code={}", token.code));
    assert_eq!(got.status, 303, "{}", got.text());
    let cookie = got.header("set-cookie").unwrap();
    assert!(
        cookie.ends_with("; Secure"),
        "a secret must not cross in plain text"
    );
    let before = open.state();
    assert_eq!(before["captive"], false);
    let before = before["seconds-remaining"].as_u64().unwrap();
    assert!((570..=600).contains(&before), "{before}");
    clock::wait_for("another second", PATIENCE, || {
        Ok((open.state()["seconds-remaining"].as_u64().unwrap() < before).then_some(()))
    })
    .unwrap();
    // Another device is another state.
    let other = hotspot.client(2);
    assert_eq!(
        Secure::open(other, LAN_IP4.into(), &first).unwrap().state()["captive"],
        true
    );

    let second = files.make();
    clock::wait_for("the new certificate", PATIENCE, || {
        Ok(Secure::open(client, LAN_IP4.into(), &second).ok())
    })
    .unwrap();
    assert!(Secure::open(client, LAN_IP4.into(), &first).is_err());
    assert_eq!(open.state()["captive"], false, "what is open goes on");
}

#[test]
fn who_only_asks_the_gateway_is_silent() {
    needs_root!();
    let hotspot = Hotspot::up(accounting_tests::lab::Options {
        clients: 2,
        config: "[sessions]\nidle_timeout_s = 30\n".to_owned(),
        ..accounting_tests::lab::Options::default()
    })
    .unwrap();
    let (asking, working) = (hotspot.client(1), hotspot.client(2));
    let mut tokens = Vec::new();
    for client in [asking, working] {
        let token = hotspot.token(60, &json!({})).unwrap();
        hotspot.admit(client, &token).unwrap();
        tokens.push(token);
    }
    let ways = [IpAddr::from(LAN_IP4), LAN_IP6.into()];
    clock::wait_for("the end of the silent one", Duration::from_secs(90), || {
        // As a phone in a pocket does: the state, the page, a name, the lease, the neighbour.
        for own in ways {
            for path in ["/captive-api", "/status"] {
                hotspot.lab.get(asking, (own, PORTAL_PORT), path)?;
            }
            accounting_tests::lab::resolve(asking.namespace(), own, accounting_tests::lab::INTERNET_NAME)?;
        }
        asking.ask_for_lease()?;
        assert!(accounting_tests::hotspot::reaches(
            working,
            accounting_tests::hotspot::HOSTS[0]
        )?);
        std::thread::sleep(Duration::from_secs(1));
        Ok((hotspot.device(asking)?["Online"] == false).then_some(()))
    })
    .unwrap();
    assert_eq!(hotspot.device(working).unwrap()["Online"], true);
    let target = format!("/v1/usage?TokenId={}", tokens[0].id);
    let usage = hotspot
        .daemon()
        .api("GET", &target, None)
        .unwrap()
        .json()
        .unwrap();
    let record = &usage["Records"][0];
    assert_eq!(record["Cause"], "Idle", "{record}");
    // Charged to the last frame that was forwarded, and none was.
    let charged = record["MillisecondsCharged"].as_u64().unwrap();
    assert!(charged < 5_000, "{record}");
}
