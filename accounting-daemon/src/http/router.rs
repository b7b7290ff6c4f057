//! From a method and a path to what is asked for.

use hyper::Method;
use matchit::InsertError;

use crate::metrics::Route;

/// The paths that exist. `mac` and `id` are decoded and checked by their handlers.
const PATHS: [(&str, Route); 8] = [
    ("/api/spaces/accesstokens", Route::Tokens),
    ("/api/spaces/accesstokens/{id}", Route::Token),
    ("/v1/redemptions", Route::Redemptions),
    ("/v1/devices/{mac}", Route::Device),
    ("/v1/sessions/{mac}", Route::Session),
    ("/healthz", Route::Healthz),
    ("/readyz", Route::Readyz),
    ("/metrics", Route::Metrics),
];

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Something that exists, with the variable part of the path as it was sent.
    Endpoint { route: Route, variable: String },
    /// It exists, but not with this method. `allow` as in the header of that name.
    WrongMethod { route: Route, allow: &'static str },
    /// Nothing.
    Nothing,
}

/// Finds what is asked for.
#[derive(Debug)]
pub(super) struct Router(matchit::Router<Route>);

impl Router {
    pub(super) fn new() -> Result<Self, InsertError> {
        let mut router = matchit::Router::new();
        for (path, route) in PATHS {
            router.insert(path, route)?;
        }
        Ok(Self(router))
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Found {
        let Ok(found) = self.0.at(path) else {
            return Found::Nothing;
        };
        let route = *found.value;
        let allow = allow(route);
        if !allow.split(", ").any(|other| other == method.as_str()) {
            return Found::WrongMethod { route, allow };
        }
        let variable = found
            .params
            .iter()
            .next()
            .map_or("", |(_, value)| value)
            .to_owned();
        Found::Endpoint { route, variable }
    }
}

/// The methods of a route; hyper leaves the body of an answer to HEAD out.
const fn allow(route: Route) -> &'static str {
    match route {
        Route::Tokens | Route::Redemptions => "POST",
        Route::Session => "DELETE",
        Route::Token | Route::Device | Route::Healthz | Route::Readyz | Route::Metrics | Route::Unknown => {
            "GET, HEAD"
        }
    }
}

/// Whether a route is answered without signing in.
pub(super) const fn is_open(route: Route) -> bool {
    matches!(route, Route::Healthz | Route::Readyz | Route::Metrics)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &Method, path: &str) -> Found {
        Router::new().unwrap().find(method, path)
    }

    #[test]
    fn paths_lead_to_their_routes() {
        let endpoint = |route, variable: &str| Found::Endpoint {
            route,
            variable: variable.to_owned(),
        };
        assert_eq!(
            find(&Method::POST, "/api/spaces/accesstokens"),
            endpoint(Route::Tokens, "")
        );
        assert_eq!(
            find(&Method::GET, "/api/spaces/accesstokens/7"),
            endpoint(Route::Token, "7")
        );
        assert_eq!(
            find(&Method::POST, "/v1/redemptions"),
            endpoint(Route::Redemptions, "")
        );
        assert_eq!(
            find(&Method::HEAD, "/v1/devices/a%3Ab"),
            endpoint(Route::Device, "a%3Ab")
        );
        assert_eq!(
            find(&Method::DELETE, "/v1/sessions/ab"),
            endpoint(Route::Session, "ab")
        );
        for path in ["/healthz", "/readyz", "/metrics"] {
            assert!(
                matches!(find(&Method::GET, path), Found::Endpoint { route, .. } if is_open(route)),
                "{path}"
            );
        }
    }

    #[test]
    fn another_method_is_told_which_ones_there_are() {
        for (method, path, expected) in [
            (Method::PUT, "/api/spaces/accesstokens", "POST"),
            (Method::GET, "/v1/redemptions", "POST"),
            (Method::POST, "/v1/sessions/ab", "DELETE"),
            (Method::DELETE, "/api/spaces/accesstokens/7", "GET, HEAD"),
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
            assert_eq!(find(&Method::GET, path), Found::Nothing, "{path}");
        }
    }

    #[test]
    fn only_health_and_metrics_are_open() {
        for route in Route::ALL {
            let open = matches!(route.as_str(), "healthz" | "readyz" | "metrics");
            assert_eq!(is_open(*route), open, "{route:?}");
        }
    }
}
