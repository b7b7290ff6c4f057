//! Clients that are slow, large or many, over the loopback interface.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicUsize, Ordering},
};

use hyper::StatusCode;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
    time::timeout,
};

use super::*;
use crate::http::{answer, body};

/// No wait in these tests is longer.
const PATIENCE: Duration = Duration::from_secs(8);

pub(super) struct Server {
    pub(super) address: SocketAddr,
    metrics: Arc<Metrics>,
    busy: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

pub(super) fn limits() -> ApiConfig {
    ApiConfig {
        listen: vec![],
        tls: None,
        socket: PathBuf::new(),
        insecure: false,
        header_timeout: Duration::from_millis(300),
        request_timeout: Duration::from_secs(5),
        header_bytes_max: 8192,
        body_bytes_max: 1024,
        connections_max: 4,
        import_bytes_max: 1024,
        writes_per_minute: 0,
        dir_1_ascending: false,
        sign_in: crate::config::SignInConfig::default(),
        connections_per_address_max: 4,
    }
}

async fn start() -> Server {
    let listeners = listen(
        &[(Ipv4Addr::LOCALHOST, 0).into(), (Ipv4Addr::LOCALHOST, 0).into()],
        None,
    )
    .await
    .unwrap();
    let address = address(&listeners[1]);
    start_on(listeners, address)
}

/// Answers the number of bytes of the body; `/slow` takes half a second, and `/peer` says who asks.
pub(super) fn start_on(listeners: Vec<Listener>, address: SocketAddr) -> Server {
    let limits = limits();
    let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
    let busy = Arc::new(AtomicUsize::new(0));
    let (stop, stopped) = oneshot::channel();
    let (counted, shared) = (Arc::clone(&busy), Arc::clone(&metrics));
    let handler = move |request: Request<Incoming>, peer| {
        let busy = Arc::clone(&counted);
        async move {
            busy.fetch_add(1, Ordering::SeqCst);
            match request.uri().path() {
                "/slow" => tokio::time::sleep(Duration::from_millis(500)).await,
                "/peer" => return answer::bytes(StatusCode::OK, "text/plain", format!("{peer:?}")),
                _ => {}
            }
            let (head, body) = request.into_parts();
            match body::read(&head.headers, body, 1024, Duration::from_millis(300)).await {
                Ok(read) => answer::bytes(StatusCode::OK, "text/plain", read.len().to_string()),
                Err(body::ReadError::TooLarge) => {
                    answer::closing(answer::empty(StatusCode::PAYLOAD_TOO_LARGE))
                }
                Err(_) => answer::closing(answer::empty(StatusCode::REQUEST_TIMEOUT)),
            }
        }
    };
    let task = tokio::spawn(async move {
        serve(listeners, &limits, &shared, handler, async {
            drop(stopped.await)
        })
        .await;
    });
    Server {
        address,
        metrics,
        busy,
        stop,
        task,
    }
}

pub(super) fn address(listener: &Listener) -> SocketAddr {
    match listener {
        Listener::Tcp(listener, _) => listener.local_addr().unwrap(),
        Listener::Local(_) => panic!("no address"),
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn send(&self, request: &[u8]) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        stream
    }
}

/// Everything until the server closes; a reset counts as closing.
pub(super) async fn rest<S: AsyncReadExt + Unpin>(stream: &mut S) -> String {
    let mut read = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut read))
        .await
        .expect("the connection stays open");
    String::from_utf8_lossy(&read).into_owned()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
pub(super) const CLOSE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

#[tokio::test]
async fn clients_that_send_half_a_header_or_nothing_are_closed_on_time() {
    let server = start().await;
    let mut silent = server.connect().await;
    let mut half = server.send(b"GET / HTTP/1.1\r\nHos").await;
    let mut idle = server.send(GET).await;
    assert_eq!(rest(&mut silent).await, "");
    assert!(!rest(&mut half).await.contains("200 OK"));
    assert!(rest(&mut idle).await.contains("200 OK"));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_and_one_that_stops_is_408() {
    let server = start().await;
    let body = |bytes: usize| {
        let head =
            format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {bytes}\r\n\r\n");
        [head.into_bytes(), vec![b'x'; bytes]].concat()
    };
    assert!(rest(&mut server.send(&body(1024)).await).await.ends_with("1024"));
    assert!(
        rest(&mut server.send(&body(1025)).await)
            .await
            .starts_with("HTTP/1.1 413")
    );
    assert!(
        rest(&mut server.send(&body(12_000)).await)
            .await
            .starts_with("HTTP/1.1 413")
    );
    let chunked = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = [
        chunked.to_vec(),
        b"400\r\n".to_vec(),
        vec![b'x'; 1024],
        b"\r\n1\r\nx\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    assert!(
        rest(&mut server.send(&chunks).await)
            .await
            .starts_with("HTTP/1.1 413")
    );
    let waiting = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\nExpect: 100-continue\r\n\r\n";
    assert!(
        rest(&mut server.send(waiting).await)
            .await
            .starts_with("HTTP/1.1 413")
    );
    let slow = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nxxx";
    assert!(
        rest(&mut server.send(slow).await)
            .await
            .starts_with("HTTP/1.1 408")
    );
}

#[tokio::test]
async fn a_header_that_is_too_large_is_431() {
    let server = start().await;
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(9000));
    assert!(
        rest(&mut server.send(large.as_bytes()).await)
            .await
            .starts_with("HTTP/1.1 431")
    );
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200));
    assert!(
        rest(&mut server.send(many.as_bytes()).await)
            .await
            .starts_with("HTTP/1.1 431")
    );
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_a_place() {
    let server = start().await;
    let mut requests = Vec::new();
    for _ in 0..6 {
        requests.push(
            server
                .send(b"GET /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                .await,
        );
    }
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(server.busy.load(Ordering::SeqCst), 4);
    for mut request in requests {
        assert!(rest(&mut request).await.contains("200 OK"));
    }
    assert_eq!(server.busy.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn a_graceful_stop_ends_the_idle_at_once_and_the_busy_after_their_answer() {
    let server = start().await;
    let mut idle = server.send(GET).await;
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    let mut busy = server.send(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.stop.send(()).unwrap();
    assert!(rest(&mut busy).await.contains("200 OK"));
    rest(&mut idle).await;
    timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
    let metrics = String::from_utf8(
        server
            .metrics
            .render(&crate::gate::status::GateStatus::default())
            .unwrap(),
    )
    .unwrap();
    assert!(
        metrics.contains("accounting_http_connections 0"),
        "every connection is counted out"
    );
}

#[tokio::test]
async fn every_listener_is_served() {
    let server = start().await;
    for _ in 0..20 {
        assert!(rest(&mut server.send(CLOSE).await).await.contains("200 OK"));
    }
}

#[tokio::test]
async fn the_kernel_says_who_is_at_the_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let listener = Listener::Local(listen_local(&path).unwrap());
    let server = start_on(vec![listener], (Ipv4Addr::LOCALHOST, 0).into());
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream
        .write_all(b"GET /peer HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let answer = rest(&mut stream).await;
    let user = rustix::process::geteuid().as_raw();
    assert!(
        answer.contains(&format!("Local(Local {{ user: {user}, ")),
        "{answer}"
    );
    server.stop.send(()).unwrap();
    timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(!path.exists(), "a daemon that stops in order leaves no socket");
}

/// Several requests in one piece: each is answered, in order, and none is handled before the one in front of it.
#[tokio::test]
async fn pipelined_requests_are_answered_one_after_the_other() {
    let server = start().await;
    let post = |body: &str| {
        let length = body.len();
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    let requests = [post("x"), post("xx"), CLOSE.to_vec(), post("xxx")].concat();
    let answer = rest(&mut server.send(&requests).await).await;
    let bodies: Vec<_> = answer
        .split("\r\n\r\n")
        .skip(1)
        .map(|part| part.split("HTTP").next().unwrap())
        .collect();
    assert_eq!(bodies, ["1", "2", "0"], "{answer}");
    assert_eq!(
        server.busy.load(Ordering::SeqCst),
        3,
        "what follows a close is not handled"
    );
}

/// A place is held by a connection, not by a request: who is idle gives it back when the time for a header is over.
#[tokio::test]
async fn idle_connections_do_not_keep_others_out() {
    let server = start().await;
    let mut idle = Vec::new();
    for _ in 0..limits().connections_max * 3 {
        idle.push(server.connect().await);
    }
    assert!(rest(&mut server.send(CLOSE).await).await.contains("200 OK"));
}

/// Two lengths, a length beside chunks, and folded headers are how requests are smuggled past a proxy.
#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let server = start().await;
    for head in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: +1",
        "Content-Length: 1, 2",
        "Transfer-Encoding: chunked, identity",
        "X: y\r\n folded: z",
        "Content-Length : 1",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{head}\r\n\r\nx");
        let answer = rest(&mut server.send(request.as_bytes()).await).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{head}: {answer}");
    }
    assert_eq!(server.busy.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_port_in_use_is_named_with_the_way_out() {
    let taken = listen(&[(Ipv4Addr::LOCALHOST, 0).into()], None).await.unwrap();
    let address = address(&taken[0]);
    let error = listen(&[address], None).await.unwrap_err().to_string();
    assert!(
        error.contains(&address.to_string()) && error.contains("choose another address"),
        "{error}"
    );
    let error = listen(&["192.0.2.1:1".parse().unwrap()], None).await.unwrap_err();
    assert!(matches!(error, ListenError::NotHere(_)), "{error}");
}
