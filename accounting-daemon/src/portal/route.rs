//! What a request is for: a page of the portal, something that belongs to pages, or somebody else's server.

use hyper::{Method, Request};

use super::{Guest, assets::Asset, host};
use crate::gate::status::GateStatus;

/// A page of the portal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Home,
    Login,
    Status,
    Logout,
    Resume,
    Terms,
    /// RFC 8908.
    Captive,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Get(Target),
    Post(Target),
    Asset(Asset),
    /// Another server; its name, where it has a usable one.
    Elsewhere(Option<String>),
    /// It exists, but not with this method. `Allow` as in the header of that name.
    NotAllowed(&'static str),
    /// The portal is meant, and does not have it.
    Nothing,
    /// It says not what is meant.
    BadHost,
}

/// What is asked for. `url` as configured.
pub(super) fn find<B>(request: &Request<B>, guest: &Guest, gate: &GateStatus, url: Option<&str>) -> Found {
    let host = host::of(request.uri(), request.headers());
    if guest.redirected {
        return Found::Elsewhere(host.ok().map(|host| host.to_string()));
    }
    let path = request.uri().path();
    let Ok(host) = host else {
        return Found::BadHost;
    };
    // Who may speak TLS is sent there.
    if url.is_some_and(|url| url.starts_with("https:")) && !guest.secure && path != "/captive-api" {
        return Found::Elsewhere(None);
    }
    // Devices ask the API under whatever name DHCP told them.
    if path != "/captive-api" && !host::is_own(&host, gate, url) {
        return Found::Elsewhere(Some(host.to_string()));
    }
    let (target, posts) = match path {
        "/" => (Target::Home, false),
        "/login" => (Target::Login, true),
        "/status" => (Target::Status, false),
        "/logout" => (Target::Logout, true),
        "/resume" => (Target::Resume, true),
        "/terms" => (Target::Terms, false),
        "/captive-api" => (Target::Captive, false),
        _ => match Asset::of(path) {
            Some(asset) if is_get(request.method()) => return Found::Asset(asset),
            Some(_) => return Found::NotAllowed("GET, HEAD"),
            None => return Found::Nothing,
        },
    };
    match *request.method() {
        ref method if is_get(method) => Found::Get(target),
        Method::POST if posts => Found::Post(target),
        _ if posts => Found::NotAllowed("GET, HEAD, POST"),
        _ => Found::NotAllowed("GET, HEAD"),
    }
}

fn is_get(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}
