//! Requests for other servers, which the gate hands to the portal while a device has no session.

use hyper::{
    Method, StatusCode,
    header::{CONTENT_TYPE, HeaderValue, LOCATION},
    http::uri::Authority,
};

use super::{Asked, Portal, destination::Destination, pages, probe};
use crate::http::answer::{self, Answer};

/// To the portal while captive. Who is online by now is told what it wants to hear, or sent to the server it meant: the
/// next connection goes there. The connection ends in any case.
pub(super) fn answer(portal: &Portal, asked: &Asked<'_>, host: Option<&str>) -> Answer {
    let name = host.and_then(|host| Authority::try_from(host).ok());
    let uri = &asked.head.uri;
    let wanted = host.and_then(|host| Destination::of_request(host, uri));
    if !portal.is_online(asked.guest) {
        let mut target = format!("{}/login", asked.base);
        if let Some(wanted) = wanted {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("dst", &wanted.url);
            target = format!("{target}?{}", query.finish());
        }
        return redirect(&asked.head.method, &target);
    }
    let probe = name.and_then(|name| probe::find(name.host(), uri.path()));
    if let Some(probe) = probe {
        return answer::closing(probe.online());
    }
    match wanted {
        // The same address once more, unless it is the portal's own under another name.
        Some(wanted) if asked.guest.redirected => redirect(&asked.head.method, &wanted.url),
        _ => redirect(&asked.head.method, &format!("{}/status", asked.base)),
    }
}

/// `302`, or `303` for what would be sent again. Its body is for who does not follow.
fn redirect(method: &Method, target: &str) -> Answer {
    let status = match *method {
        Method::GET | Method::HEAD => StatusCode::FOUND,
        _ => StatusCode::SEE_OTHER,
    };
    let Ok(location) = HeaderValue::from_str(target) else {
        return answer::closing(pages::bare(StatusCode::BAD_REQUEST));
    };
    let answer = answer::bytes(
        status,
        "text/plain; charset=utf-8",
        format!("Log in at {target}\n"),
    );
    let answer = answer::with(answer, LOCATION, location);
    let answer = answer::with(
        answer,
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    answer::closing(pages::guarded(answer))
}
