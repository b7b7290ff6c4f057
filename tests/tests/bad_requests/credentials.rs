//! Signing in with what is no credential.

use accounting_tests::lab::ADMINISTRATOR;
use serde_json::json;

use crate::{Api, JSON, REDEMPTIONS, TOKENS};

/// Last, for failures use up a budget.
pub(crate) fn signing_in(api: &Api<'_>) {
    let denied = json!({"Message": "Authorization has been denied for this request."});
    for (method, path) in [("POST", TOKENS), ("GET", "/api/spaces/accesstokens/1")] {
        let answer = api.request(method, path).body(JSON, "{}").send().unwrap();
        assert_eq!(
            (answer.status, answer.json().unwrap()),
            (401, denied.clone()),
            "{path}"
        );
    }
    for (method, path) in [
        ("POST", REDEMPTIONS),
        ("GET", "/v1/devices/020000000001"),
        ("DELETE", "/v1/sessions/020000000001"),
    ] {
        let answer = api.request(method, path).body(JSON, "{}").send().unwrap();
        assert_eq!(
            (answer.status, &answer.json().unwrap()["type"]),
            (401, &json!("urn:accounting:unauthenticated")),
            "{path}"
        );
    }
    for header in [
        "Basic",
        "Basic !!!",
        "Basic bm9jb2xvbg==",
        "Bearer x",
        "Digest x",
        "",
    ] {
        let answer = api
            .request("GET", "/v1/devices/020000000001")
            .header("Authorization", header)
            .send()
            .unwrap();
        assert_eq!(answer.status, 401, "{header:?}");
    }
    let wrong = |user: &str| {
        api.request("POST", REDEMPTIONS)
            .body(JSON, "{}")
            .basic(user, "wrong")
            .send()
            .unwrap()
            .status
    };
    let statuses: Vec<u16> = (0..12).map(|_| wrong(ADMINISTRATOR)).collect();
    println!("wrong passwords: {statuses:?}");
    assert!(
        statuses[..10].iter().all(|status| *status == 401) && statuses[11] == 429,
        "{statuses:?}"
    );
    // The owner is not locked out by somebody's guesses: what passed before still does.
    assert_eq!(api.send("GET", "/v1/devices/020000000001", JSON, "").status, 200);
}
