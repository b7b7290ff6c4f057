//! The settings of the api listener and of the first administrator.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{accounts::SignInConfig, problem::ProblemKind, reader::Table};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const KIB: usize = 1024;

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
    /// Writes of the record API that a caller may make a minute; 0: no limit.
    pub writes_per_minute: u32,
    /// Whether `dir=1` of a list means ascending. That API's documents disagree; the newest says descending.
    pub dir_1_ascending: bool,
    /// What signing in gives, and how often it may fail.
    pub sign_in: SignInConfig,
    /// Connections of one address at once, further ones are closed; those from this machine are not counted. An IPv6
    /// network of 64 bits counts as one address.
    pub connections_per_address_max: usize,
}

/// Where a certificate is kept; see [`crate::http::Tls`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// A PEM file with the chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// A PEM file with its key.
    pub key: PathBuf,
}

/// The administrator that the first start makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorConfig {
    /// The name to sign in with; holds no colon.
    pub email: String,
    /// A file whose content becomes the first password; one is generated and printed without it.
    pub password_file: Option<PathBuf>,
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
            writes_per_minute: table.number("writes_per_minute", 0, 60_000, 0),
            dir_1_ascending: table.flag("dir_1_ascending").unwrap_or(false),
            connections_max: table.number("connections_max", 1, 65_536, 1024),
            sign_in: SignInConfig::check(table.table("sign_in", "api.sign_in")),
            connections_per_address_max: table.number("connections_per_address_max", 1, 65_536, 64),
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
    let items = list.items();
    if items.is_empty() || items.len() > 16 {
        let (key, found) = (list.key.clone(), items.len());
        list.problem(ProblemKind::Count {
            key,
            found,
            min: 1,
            max: 16,
        });
    }
    let mut addresses = Vec::new();
    for value in items {
        let wanted = "an address and a port such as \"127.0.0.1:8480\" or \"[::1]:8480\"";
        let Some(address) = value.parse::<SocketAddr>(wanted) else {
            continue;
        };
        if addresses.contains(&address) {
            let (key, found) = (value.key.clone(), address.to_string());
            value.problem(ProblemKind::Twice { key, found });
            continue;
        }
        if !anywhere && !address.ip().to_canonical().is_loopback() {
            value.problem(ProblemKind::NotLoopback(address));
        }
        addresses.push(address);
    }
    addresses
}

impl AdministratorConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let default = "admin@localhost".to_owned();
        let value = table.get("email");
        let password_file = table.text("password_file").map(PathBuf::from);
        table.finish();
        let email = value.map_or(Some(default), |value| match value.text()? {
            email if is_email(email) => Some(email.to_owned()),
            _ => value.bad_text("an e-mail address without colons and spaces"),
        });
        Self {
            email: email.unwrap_or_default(),
            password_file,
        }
    }
}

/// Basic credentials end the name at the first colon.
pub(crate) fn is_email(text: &str) -> bool {
    text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
        && text
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && c != ':')
}
