//! What every request meets before its handler, in both dialects.

use http_body_util::BodyExt;
use hyper::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{endpoint::Access, *};

async fn parts(answer: Answer) -> (StatusCode, HeaderMap, Value) {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&body).unwrap()
    };
    (head.status, head.headers, body)
}

#[test]
fn the_path_decides_the_dialect() {
    assert_eq!(Dialect::of("/api/spaces/accesstokens"), Dialect::Record);
    assert_eq!(Dialect::of("/api"), Dialect::Record);
    for path in ["/v1/redemptions", "/apiary", "/", "*"] {
        assert_eq!(Dialect::of(path), Dialect::Gateway, "{path}");
    }
}

#[tokio::test]
async fn the_record_api_says_no_in_its_own_words() {
    let (status, headers, body) = parts(Dialect::Record.denied(&Denied::Unauthenticated)).await;
    assert_eq!(status, 401);
    assert!(
        headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Basic realm=")
    );
    assert_eq!(
        body,
        json!({"Message": "Authorization has been denied for this request."})
    );

    let (status, _, body) = parts(Dialect::Record.forbidden(Access::Administrator)).await;
    assert_eq!(
        (status.as_u16(), body),
        (
            401,
            json!({"Message": "Authorization has been denied for this request."})
        )
    );

    for throttled in [
        Dialect::Record.denied(&Denied::Throttled { retry_after_s: 42 }),
        answer::retry_after(Dialect::Record.unavailable(Unavailable::Busy), 42),
    ] {
        let (status, headers, body) = parts(throttled).await;
        assert_eq!((status.as_u16(), &body), (409, &Value::Null));
        assert_eq!(headers["retry-after"], "42");
    }

    let (status, headers, body) = parts(Dialect::Record.method_not_allowed("POST")).await;
    assert_eq!(
        (status.as_u16(), headers["allow"].to_str().unwrap()),
        (405, "POST")
    );
    assert!(body["Message"].is_string());
    assert_eq!(parts(Dialect::Record.not_found()).await.2, json!("Not found"));
    assert_eq!(
        parts(Dialect::Record.unsupported_media_type(&["text/csv"]))
            .await
            .0,
        415
    );
    assert_eq!(parts(Dialect::Record.too_large(1)).await.0, 413);
    assert_eq!(
        parts(Dialect::Record.unavailable(Unavailable::Store)).await.0,
        500
    );
}

#[tokio::test]
async fn whoever_lacks_a_role_is_told_which() {
    for (access, expected) in [
        (
            Access::Roles(&[Role::Redeem, Role::Edit]),
            "this needs the role AccessToken-Redeem or AccessToken-Edit",
        ),
        (
            Access::RolesAfterRequest(&[Role::Redeem]),
            "this needs the role AccessToken-Redeem",
        ),
        (Access::Administrator, "only an administrator may do this"),
    ] {
        let (status, _, body) = parts(Dialect::Gateway.forbidden(access)).await;
        assert_eq!((status.as_u16(), &body["detail"]), (403, &json!(expected)));
    }
}

#[tokio::test]
async fn the_gateway_api_says_no_by_problem_documents() {
    let table = [
        (
            Dialect::Gateway.denied(&Denied::Unauthenticated),
            401,
            "urn:accounting:unauthenticated",
        ),
        (
            Dialect::Gateway.forbidden(Access::Administrator),
            403,
            "urn:accounting:forbidden",
        ),
        (
            Dialect::Gateway.denied(&Denied::Throttled { retry_after_s: 1 }),
            429,
            "urn:accounting:too-many-attempts",
        ),
        (Dialect::Gateway.denied(&Denied::Busy), 503, "urn:accounting:busy"),
        (
            Dialect::Gateway.unavailable(Unavailable::Busy),
            503,
            "urn:accounting:busy",
        ),
        (
            Dialect::Gateway.unavailable(Unavailable::Stopping),
            503,
            "urn:accounting:busy",
        ),
        (
            Dialect::Gateway.unavailable(Unavailable::Store),
            500,
            "about:blank",
        ),
        (Dialect::Gateway.not_found(), 404, "urn:accounting:not-found"),
        (Dialect::Gateway.method_not_allowed("GET"), 405, "about:blank"),
        (
            Dialect::Gateway.unsupported_media_type(&["application/json"]),
            415,
            "about:blank",
        ),
        (Dialect::Gateway.too_large(9), 413, "about:blank"),
        (Dialect::Gateway.too_slow(), 408, "about:blank"),
        (Dialect::Gateway.failed(), 500, "about:blank"),
    ];
    for (answer, expected, kind) in table {
        let (status, headers, body) = parts(answer).await;
        assert_eq!(status, expected, "{kind}");
        assert_eq!(headers["content-type"], "application/problem+json");
        assert_eq!(
            headers.contains_key("retry-after"),
            matches!(expected, 429 | 503),
            "{expected}"
        );
        assert_eq!((&body["type"], &body["status"]), (&json!(kind), &json!(expected)));
        assert!(body["title"].is_string() && body["detail"].is_string());
    }
}

#[tokio::test]
async fn a_panic_stays_in_its_request() {
    assert_eq!(contained(async { 7 }).await, Some(7));
    let panics = async {
        tokio::task::yield_now().await;
        panic!("on purpose");
    };
    let outcome: Option<()> = contained(panics).await;
    assert_eq!(outcome, None);
}
