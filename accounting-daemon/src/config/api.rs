//! The settings of the api listener.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{KIB, SECOND, accounts::SignInConfig, problem::ProblemKind, reader::Table};

/// The most addresses that it listens on.
const LISTEN_MAX: usize = 16;

/// The api listener and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Where it listens; at least one address, each once.
    pub listen: Vec<SocketAddr>,
    /// Whether other addresses than loopback were accepted in plain text.
    pub insecure: bool,
    /// TLS on every address; plain text without.
    pub tls: Option<TlsConfig>,
    /// The Unix socket for the command line.
    pub socket: PathBuf,
    /// How long a client may take for a header, for the next part of a body, or between two requests.
    pub header_timeout: Duration,
    /// How long a request may take from its header to its answer.
    pub request_timeout: Duration,
    /// The largest header in bytes.
    pub header_bytes_max: usize,
    /// The largest body in bytes.
    pub body_bytes_max: usize,
    /// The largest table to import, in bytes.
    pub import_bytes_max: usize,
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Connections of one address at once, further ones are closed; those from this machine are not counted. An IPv6
    /// network of 64 bits counts as one address.
    pub connections_per_address_max: usize,
    /// Writes of the record API that a caller may make a minute; 0: no limit.
    pub writes_per_minute: u32,
    /// Whether `dir=1` of a list means ascending. That API's documents disagree; the newest says descending.
    pub dir_1_ascending: bool,
    /// What signing in gives, and how often it may fail.
    pub sign_in: SignInConfig,
}

/// Where a certificate is kept; see [`crate::http::Tls`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// A PEM file with the chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// A PEM file with its key.
    pub key: PathBuf,
}

impl ApiConfig {
    /// `data` is the folder of the store, where the socket is unless it is configured.
    pub(super) fn check(mut table: Table<'_, '_>, data: &Path) -> Self {
        let insecure = table.flag("insecure").unwrap_or(false);
        let tls = TlsConfig::check(&mut table, "api.tls");
        let socket = table.text("socket").map(PathBuf::from);
        let config = Self {
            listen: listen(&mut table, insecure || tls.is_some()),
            insecure,
            tls,
            socket: socket.unwrap_or_else(|| data.join("api.sock")),
            header_timeout: SECOND * table.number("header_timeout_s", 1, 600, 10),
            request_timeout: SECOND * table.number("request_timeout_s", 1, 3600, 30),
            header_bytes_max: table.number("header_bytes_max", 8 * 1024, 1024 * 1024, 64 * KIB),
            body_bytes_max: table.number("body_bytes_max", 1024, 64 * 1024 * 1024, KIB * KIB),
            import_bytes_max: table.number("import_bytes_max", 1024, 1024 * 1024 * 1024, 64 * KIB * KIB),
            connections_max: table.number("connections_max", 1, 65_536, 1024),
            connections_per_address_max: table.number("connections_per_address_max", 1, 65_536, 64),
            writes_per_minute: table.number("writes_per_minute", 0, 60_000, 0),
            dir_1_ascending: table.flag("dir_1_ascending").unwrap_or(false),
            sign_in: SignInConfig::check(table.table("sign_in", "api.sign_in")),
        };
        table.finish();
        config
    }
}

impl TlsConfig {
    /// The table `tls` of a listener; `name` is its name in full. Half of it is a problem.
    pub(super) fn check(listener: &mut Table<'_, '_>, name: &'static str) -> Option<Self> {
        let mut table = listener.table("tls", name);
        let certificate = table.text("certificate").map(PathBuf::from);
        let key = table.text("key").map(PathBuf::from);
        if certificate.is_none() && key.is_some() {
            table.missing(
                "certificate",
                "name the PEM file with the certificate of this key",
            );
        }
        if key.is_none() && certificate.is_some() {
            table.missing("key", "name the PEM file with the key of this certificate");
        }
        table.finish();
        Some(Self {
            certificate: certificate?,
            key: key?,
        })
    }
}

/// `anywhere`: whether it may listen on other addresses than loopback.
fn listen(table: &mut Table<'_, '_>, anywhere: bool) -> Vec<SocketAddr> {
    let default = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 8480))];
    let Some(list) = table.get("listen") else {
        return default;
    };
    let mut addresses = Vec::new();
    for value in list.items_within(1, LISTEN_MAX) {
        let wanted = "an address and a port such as \"127.0.0.1:8480\" or \"[::1]:8480\"";
        let Some(address) = value.parse::<SocketAddr>(wanted) else {
            continue;
        };
        if addresses.contains(&address) {
            value.twice(address);
            continue;
        }
        if !anywhere && !address.ip().to_canonical().is_loopback() {
            value.problem(ProblemKind::NotLoopback(address));
        }
        addresses.push(address);
    }
    addresses
}
