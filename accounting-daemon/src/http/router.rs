//! From a method and a path to the endpoint that is asked for.

use hyper::Method;
use matchit::InsertError;

use super::{
    accounts, audit, backup, balance, check, device_lists, endpoint::Endpoint, health, openapi, redemptions,
    session_list, session_stream, sessions, token, tokens, usage,
};
use crate::metrics::Route;

/// Every endpoint, room by room.
pub(super) const ENDPOINTS: &[&[Endpoint]] = &[
    tokens::ENDPOINTS,
    redemptions::ENDPOINTS,
    check::ENDPOINTS,
    sessions::ENDPOINTS,
    session_list::ENDPOINTS,
    session_stream::ENDPOINTS,
    usage::ENDPOINTS,
    balance::ENDPOINTS,
    tokens::classed::ENDPOINTS,
    device_lists::ENDPOINTS,
    audit::ENDPOINTS,
    backup::ENDPOINTS,
    accounts::users::ENDPOINTS,
    accounts::clients::ENDPOINTS,
    accounts::me::ENDPOINTS,
    token::ENDPOINTS,
    health::ENDPOINTS,
    openapi::ENDPOINT,
];

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// Something that exists, with the variable part of the path as it was sent.
    Endpoint {
        endpoint: &'static Endpoint,
        variable: String,
    },
    /// It exists, but not with this method. `allow` as in the header of that name.
    WrongMethod { route: Route, allow: String },
    /// Nothing.
    Nothing,
}

impl Found {
    /// The endpoint, where there is one.
    pub(super) const fn endpoint(&self) -> Option<&'static Endpoint> {
        match self {
            Self::Endpoint { endpoint, .. } => Some(endpoint),
            Self::WrongMethod { .. } | Self::Nothing => None,
        }
    }

    /// The label in the metrics.
    pub(super) const fn route(&self) -> Route {
        match self {
            Self::Endpoint { endpoint, .. } => endpoint.route,
            Self::WrongMethod { route, .. } => *route,
            Self::Nothing => Route::Unknown,
        }
    }
}

/// Finds what is asked for.
#[derive(Debug)]
pub(super) struct Router(matchit::Router<Vec<&'static Endpoint>>);

impl Router {
    pub(super) fn new() -> Result<Self, InsertError> {
        let mut paths: Vec<(&str, Vec<&'static Endpoint>)> = Vec::new();
        for endpoint in ENDPOINTS.iter().copied().flatten() {
            match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
                Some((_, endpoints)) => endpoints.push(endpoint),
                None => paths.push((endpoint.path, vec![endpoint])),
            }
        }
        let mut router = matchit::Router::new();
        for (path, endpoints) in paths {
            router.insert(path, endpoints)?;
        }
        Ok(Self(router))
    }

    /// A HEAD is answered as a GET; hyper leaves the body out.
    pub(super) fn find(&self, method: &Method, path: &str) -> Found {
        let Ok(found) = self.0.at(path) else {
            return Found::Nothing;
        };
        let wanted = if method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let Some(endpoint) = found.value.iter().find(|endpoint| endpoint.method == *wanted) else {
            return Found::WrongMethod {
                route: found.value.first().map_or(Route::Unknown, |first| first.route),
                allow: allow(found.value),
            };
        };
        let variable = found.params.iter().next().map_or("", |(_, value)| value);
        Found::Endpoint {
            endpoint,
            variable: variable.to_owned(),
        }
    }
}

/// The methods of a path.
fn allow(endpoints: &[&Endpoint]) -> String {
    let mut methods: Vec<&str> = Vec::new();
    for endpoint in endpoints {
        methods.push(endpoint.method.as_str());
        if endpoint.method == Method::GET {
            methods.push(Method::HEAD.as_str());
        }
    }
    methods.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::endpoint::Handler;

    fn find(method: &Method, path: &str) -> Found {
        Router::new().unwrap().find(method, path)
    }

    #[test]
    fn paths_lead_to_their_endpoints() {
        let table = [
            (Method::POST, "/api/spaces/accesstokens", Route::Tokens, ""),
            (Method::GET, "/api/spaces/accesstokens/7", Route::Token, "7"),
            (Method::POST, "/v1/redemptions", Route::Redemptions, ""),
            (Method::HEAD, "/v1/devices/a%3Ab", Route::Device, "a%3Ab"),
            (Method::DELETE, "/v1/sessions/ab", Route::Session, "ab"),
            (Method::GET, "/healthz", Route::Healthz, ""),
        ];
        for (method, path, route, expected) in table {
            let found = find(&method, path);
            assert_eq!(found.route(), route, "{method} {path}");
            let Found::Endpoint { variable, .. } = found else {
                panic!("{method} {path}")
            };
            assert_eq!(variable, expected, "{method} {path}");
        }
    }

    #[test]
    fn another_method_is_told_which_ones_there_are() {
        for (method, path, expected) in [
            (Method::GET, "/v1/redemptions", "POST"),
            (Method::POST, "/v1/sessions/ab", "DELETE"),
            (Method::OPTIONS, "/metrics", "GET, HEAD"),
        ] {
            let Found::WrongMethod { allow, .. } = find(&method, path) else {
                panic!("{method} {path}")
            };
            assert_eq!(allow, expected, "{path}");
        }
    }

    #[test]
    fn nothing_else_exists() {
        for path in [
            "/",
            "",
            "*",
            "/api",
            "/api/spaces/accesstokens/",
            "/api/spaces/accesstokens/7/8",
            "/v1/devices/",
        ] {
            assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
        }
    }

    #[test]
    fn only_health_metrics_the_description_and_signing_in_are_open() {
        for endpoint in ENDPOINTS.iter().copied().flatten() {
            let open = matches!(
                endpoint.path,
                "/healthz" | "/readyz" | "/metrics" | "/openapi.json" | "/api/token"
            );
            assert_eq!(matches!(endpoint.handler, Handler::Open(_)), open, "{endpoint:?}");
        }
    }
}
