//! What an endpoint is: a method and a path, who may ask, what body it takes, and its handler.
//!
//! Each room of the API keeps a table of its own; the router joins them.

use std::{net::IpAddr, pin::Pin};

use hyper::{Method, body::Bytes, http::request::Parts};

use super::{
    Context,
    answer::Answer,
    auth::{Caller, Role},
    body::MediaType,
    describe::Describe,
};
use crate::{
    config::ApiConfig,
    metrics::Route,
    store::{Actor, Via},
};

/// The most bytes of a body of whoever has not signed in.
const ANYTHING_BYTES_MAX: usize = 16 * 1024;

/// An answer in the making.
pub(super) type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// One method of one path.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) method: Method,
    /// With at most one variable, such as `{id}`.
    pub(super) path: &'static str,
    /// Its label in the metrics.
    pub(super) route: Route,
    pub(super) accepts: Accepts,
    pub(super) handler: Handler,
    /// What it says of itself.
    pub(super) describe: Describe,
}

/// Who may ask, and what answers them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Handler {
    /// Anybody, without signing in.
    Open(for<'a> fn(&'a Context, &'a Asked) -> Answering<'a>),
    /// Who has signed in and is let through.
    SignedIn(
        Access,
        for<'a> fn(&'a Context, &'a Caller, &'a Asked) -> Answering<'a>,
    ),
    /// The same, and the answer may take longer than other requests may.
    AtLength(
        Access,
        for<'a> fn(&'a Context, &'a Caller, &'a Asked) -> Answering<'a>,
    ),
}

/// Who of those who have signed in is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Who holds one of these roles.
    Roles(&'static [Role]),
    /// The same, and the handler says so: what is wrong with the request comes first.
    RolesAfterRequest(&'static [Role]),
    /// Full administrators.
    Administrator,
    /// Everybody, for what is their own.
    Own,
    /// The same with a password that must be changed: for changing it.
    OwnEvenLent,
}

impl Access {
    pub(super) fn lets(self, caller: &Caller) -> bool {
        match self {
            Self::Roles(roles) => roles.iter().any(|role| caller.may(*role)),
            Self::RolesAfterRequest(_) => true,
            Self::Administrator => caller.is_administrator(),
            Self::Own | Self::OwnEvenLent => true,
        }
    }

    /// What is needed, for whoever lacks it.
    pub(super) fn needed(self) -> String {
        match self {
            Self::Roles(roles) | Self::RolesAfterRequest(roles) => {
                let roles: Vec<_> = roles.iter().map(|role| role.as_str()).collect();
                format!("this needs the role {}", roles.join(" or "))
            }
            Self::Administrator => "only an administrator may do this".to_owned(),
            Self::Own | Self::OwnEvenLent => "only a user may do this".to_owned(),
        }
    }

    /// Whether a password that must be changed is good enough.
    pub(super) fn takes_lent(self) -> bool {
        self == Self::OwnEvenLent
    }
}

/// The body that is read before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    /// None: what is sent is not read.
    Nothing,
    Json,
    JsonOrForm,
    /// A table.
    Csv,
    JsonOrNothing,
    JsonFormOrNothing,
    /// Whatever it is: the handler says what is wrong with it.
    Anything,
}

impl Accepts {
    /// Whether a body of this media type is read; `said` where the request names one, be it unknown.
    pub(super) const fn takes(self, media_type: Option<MediaType>, said: bool) -> bool {
        match (self, media_type) {
            (Self::Nothing | Self::Anything, _) => true,
            (Self::JsonOrNothing | Self::JsonFormOrNothing, None) => !said,
            (_, None) => false,
            (Self::JsonOrForm | Self::JsonFormOrNothing, Some(given)) => {
                matches!(given, MediaType::Json | MediaType::Form)
            }
            (Self::Json | Self::JsonOrNothing, Some(given)) => matches!(given, MediaType::Json),
            (Self::Csv, Some(given)) => matches!(given, MediaType::Csv),
        }
    }

    /// Whether a request may come without a body.
    pub(super) const fn needs_none(self) -> bool {
        matches!(self, Self::JsonOrNothing | Self::JsonFormOrNothing)
    }

    /// The media types of its bodies.
    pub(super) const fn media_types(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Json | Self::JsonOrNothing => &["application/json"],
            Self::Anything => &["application/x-www-form-urlencoded"],
            Self::JsonOrForm | Self::JsonFormOrNothing => {
                &["application/json", "application/x-www-form-urlencoded"]
            }
            Self::Csv => &["text/csv"],
        }
    }

    /// The most bytes of a body.
    pub(super) const fn bytes_max(self, limits: &ApiConfig) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Csv => limits.import_bytes_max,
            Self::Json | Self::JsonOrForm | Self::JsonOrNothing | Self::JsonFormOrNothing => {
                limits.body_bytes_max
            }
            Self::Anything => ANYTHING_BYTES_MAX,
        }
    }
}

/// A request that may be answered, arrived as a whole.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) head: Parts,
    /// The variable part of the path as it was sent; empty where the path has none.
    pub(super) variable: String,
    /// `None` where no body was read.
    pub(super) media_type: Option<MediaType>,
    pub(super) body: Bytes,
    /// Who asks, as the network says.
    pub(super) peer: IpAddr,
}

impl Asked {
    /// The caller as the audit names them.
    pub(super) fn actor(&self, caller: &Caller) -> Actor {
        Actor {
            name: caller.name.clone(),
            via: caller.via,
            address: (caller.via != Via::Cli).then(|| self.peer.to_canonical()),
        }
    }

    /// The query string as it was sent.
    pub(super) fn query(&self) -> Option<&str> {
        self.head.uri.query()
    }
}
