//! The settings of the listeners, of the first administrator and of generated codes.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use super::{accounts::SignInConfig, problem::ProblemKind, reader::Table};
use crate::ledger::AccessCode;

/// Letters and digits that nobody mistakes for one another: no `0`, `O`, `1`, `I` or `L`.
pub const CODE_ALPHABET: &str = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

const SECOND: Duration = Duration::from_secs(1);
const KIB: usize = 1024;

/// The api listener and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiConfig {
    /// Where it listens; at least one address, each once.
    pub listen: Vec<SocketAddr>,
    /// Whether other addresses than loopback were accepted.
    pub insecure: bool,
    /// How long a client may take for a header, for the next part of a body, or between two requests.
    pub header_timeout: Duration,
    /// How long a request may take from its header to its answer.
    pub request_timeout: Duration,
    /// The largest header in bytes.
    pub header_bytes_max: usize,
    /// The largest body in bytes.
    pub body_bytes_max: usize,
    /// Connections at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// What signing in gives, and how often it may fail.
    pub sign_in: SignInConfig,
}

/// The portal listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalConfig {
    /// The port on the gateway's own addresses that strangers may reach.
    pub listen_port: u16,
}

/// The administrator that the first start makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdministratorConfig {
    /// The name to sign in with; holds no colon.
    pub email: String,
    /// A file whose content becomes the first password; one is generated and printed without it.
    pub password_file: Option<PathBuf>,
}

/// How access codes are generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodesConfig {
    /// Characters, 4 to 32; more are used by themselves when many codes are live.
    pub length: usize,
    /// At least eight ASCII characters that compare as different in codes.
    pub alphabet: String,
}

impl ApiConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let insecure = table.flag("insecure").unwrap_or(false);
        let config = Self {
            listen: listen(&mut table, insecure),
            insecure,
            header_timeout: SECOND * table.number("header_timeout_s", 1, 600, 10),
            request_timeout: SECOND * table.number("request_timeout_s", 1, 3600, 30),
            header_bytes_max: table.number("header_bytes_max", 8 * 1024, 1024 * 1024, 64 * KIB),
            body_bytes_max: table.number("body_bytes_max", 1024, 64 * 1024 * 1024, KIB * KIB),
            connections_max: table.number("connections_max", 1, 65_536, 1024),
            sign_in: SignInConfig::check(table.table("sign_in", "api.sign_in")),
        };
        table.finish();
        config
    }
}

fn listen(table: &mut Table<'_, '_>, insecure: bool) -> Vec<SocketAddr> {
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
        if !insecure && !address.ip().to_canonical().is_loopback() {
            value.problem(ProblemKind::NotLoopback(address));
        }
        addresses.push(address);
    }
    addresses
}

impl PortalConfig {
    pub(super) fn check(mut table: Table<'_, '_>, api: &ApiConfig) -> Self {
        let listen_port = table.number("listen_port", 1, u64::from(u16::MAX), 8880);
        // The gate lets strangers reach this port on every address of the gateway.
        if api.listen.iter().any(|address| address.port() == listen_port) {
            table.problem(ProblemKind::PortShared(listen_port));
        }
        table.finish();
        Self { listen_port }
    }
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

impl CodesConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let length = table.number("length", 4, 32, 10);
        let value = table.get("alphabet");
        table.finish();
        let alphabet = value.map_or(Some(CODE_ALPHABET.to_owned()), |value| match value.text()? {
            alphabet if is_alphabet(alphabet) => Some(alphabet.to_owned()),
            _ => value.bad_text(
                "8 to 64 different ASCII letters, digits or signs without space and dash; case does not count, O and 0 \
                 are one, I, L and 1 are one",
            ),
        });
        Self {
            length,
            alphabet: alphabet.unwrap_or_default(),
        }
    }
}

/// Characters that compare equal in codes would make some codes likelier than others.
fn is_alphabet(text: &str) -> bool {
    let folded = |c: char| AccessCode::new(c).map(|code| code.folded()).ok();
    let different: BTreeSet<_> = text.chars().filter_map(folded).collect();
    (8..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && different.len() == text.len()
}
