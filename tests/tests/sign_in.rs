//! Signing in at the real daemon: an OAuth client of another language, restarts, locations, what is on disk and in the log.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::process::Stdio;

use accounting_tests::hotspot::Hotspot;
use accounting_tests::lab::{Answer, Request};
use accounting_tests::needs_root;
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery";
const FORM: &str = "application/x-www-form-urlencoded";
const TOKENS: &str = "/api/spaces/accesstokens";

struct Desk(Hotspot);

impl Desk {
    fn up() -> Self {
        Self(Hotspot::with_clients(1).unwrap())
    }

    fn admin(&self, method: &str, target: &str, body: Option<&Value>) -> Answer {
        self.0.daemon().api(method, target, body).unwrap()
    }

    fn request<'a>(&'a self, method: &'a str, target: &'a str) -> Request<'a> {
        let daemon = self.0.daemon();
        Request::new(self.0.lab.gateway(), daemon.api_address(), method, target)
    }

    fn make_user(&self, email: &str, more: &Value) {
        let mut user = json!({"Email": email, "Password": PASSWORD});
        let members = more.as_object().cloned().unwrap();
        user.as_object_mut().unwrap().extend(members);
        let answer = self.admin("POST", "/v1/users", Some(&user));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }

    /// An access token and a refresh token.
    fn sign_in(&self, email: &str) -> (String, String) {
        let form = format!("grant_type=password&username={email}&password={PASSWORD}").replace(' ', "+");
        let answer = self
            .request("POST", "/api/token")
            .body(FORM, form)
            .send()
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let tokens = answer.json().unwrap();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    fn bearing(&self, token: &str, method: &str, target: &str) -> Answer {
        let request = self.request(method, target);
        let request = request.header("Authorization", &format!("Bearer {token}"));
        request.send().unwrap()
    }

    fn make_token(&self, business_id: u64) -> u64 {
        let token = json!({"BusinessId": business_id, "MinutesIncluded": 60, "AccessCode": format!("LONG-CODE-{business_id}")});
        let answer = self.admin("POST", TOKENS, Some(&token));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().unwrap()["Value"]["Id"].as_u64().unwrap()
    }
}

/// "`POST /api/token`, form-encoded only: `grant_type=password`, `refresh_token` (single use), `client_credentials`."
#[test]
fn an_oauth_client_of_another_language_signs_in() {
    needs_root!();
    let desk = Desk::up();
    desk.make_user("reader@lab.test", &json!({"Roles": ["AccessToken-Read"]}));
    let made = desk.admin("POST", "/v1/clients", Some(&json!({"Name": "Kiosk"})));
    let client = made.json().unwrap();
    let text = |name: &str| client[name].as_str().unwrap().to_owned();
    let base = format!("http://{}", desk.0.daemon().api_address());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sign_in/client.py");
    let (id, secret) = (text("ClientId"), text("ClientSecret"));
    let mut python = desk.0.lab.gateway().command("python3");
    let python = python.args([script, &base, "reader@lab.test", PASSWORD, &id, &secret]);
    let output = python
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        ["password", "refresh_token", "client_credentials", "errors"]
    );
    let log = desk.0.daemon().log();
    for secret in [PASSWORD, &secret, "reader@lab.test"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

/// "Access tokens are opaque, stored hashed, revocable."
#[test]
fn tokens_outlive_the_daemon_and_end_with_a_change_of_their_user() {
    needs_root!();
    let desk = Desk::up();
    desk.make_user("a@lab.test", &json!({"Administrator": true}));
    let (access, refresh) = desk.sign_in("a@lab.test");
    for end in [true, false] {
        if end {
            desk.0.daemon().stop().unwrap();
        } else {
            desk.0.daemon().kill9().unwrap();
        }
        let store = std::fs::read(desk.0.daemon().data().join("accounting.redb")).unwrap();
        for secret in [access.as_str(), &refresh, PASSWORD] {
            let found = store
                .windows(secret.len())
                .any(|bytes| bytes == secret.as_bytes());
            assert!(!found, "{secret} is on disk");
        }
        desk.0.daemon().start().unwrap();
        assert_eq!(desk.bearing(&access, "GET", "/v1/users").status, 200);
    }
    let disabled = desk.admin("PUT", "/v1/users/a@lab.test", Some(&json!({"Disabled": true})));
    assert_eq!(disabled.status, 200, "{}", disabled.text());
    assert_eq!(desk.bearing(&access, "GET", "/v1/users").status, 401);
    desk.0.daemon().stop().unwrap();
    desk.0.daemon().start().unwrap();
    assert_eq!(desk.bearing(&access, "GET", "/v1/users").status, 401);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let answer = desk
        .request("POST", "/api/token")
        .body(FORM, form)
        .send()
        .unwrap();
    assert_eq!(answer.status, 400);
    let log = desk.0.daemon().log();
    for secret in [access.as_str(), &refresh, PASSWORD] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

/// "Records outside the caller's BusinessIds are answered as not found." Roles open what they say, in each API's words.
#[test]
fn roles_and_locations_bound_what_a_bearer_sees_and_the_audit_says_who_did_what() {
    needs_root!();
    let desk = Desk::up();
    let (here, there) = (desk.make_token(7), desk.make_token(8));
    desk.make_user(
        "a@lab.test",
        &json!({"Roles": ["accesstoken-READ"], "BusinessIds": [7]}),
    );
    let (access, _) = desk.sign_in("a@lab.test");
    let read = |id: u64| desk.bearing(&access, "GET", &format!("{TOKENS}/{id}"));
    assert_eq!(read(here).status, 200);
    let foreign = read(there);
    assert_eq!(
        (foreign.status, foreign.json().unwrap()),
        (404, json!("Not found"))
    );
    let denied = desk.bearing(&access, "DELETE", &format!("{TOKENS}/{here}"));
    assert_eq!(
        (denied.status, denied.json().unwrap()),
        (
            401,
            json!({"Message": "Authorization has been denied for this request."})
        )
    );
    let forbidden = desk.bearing(&access, "GET", "/v1/audit");
    assert_eq!(
        (forbidden.status, &forbidden.json().unwrap()["type"]),
        (403, &json!("urn:accounting:forbidden"))
    );

    let deleted = desk.admin("DELETE", &format!("{TOKENS}/{there}"), None);
    assert_eq!(deleted.status, 200, "{}", deleted.text());
    let audit = desk.admin("GET", &format!("/v1/audit?Object=token/{there}"), None);
    let records = audit.json().unwrap()["Records"].clone();
    let actions: Vec<_> = records
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["Action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(actions, ["token.delete", "token.create"]);
    assert_eq!(records[0]["Address"], "127.0.0.1");
    assert_eq!(records[0]["Before"]["AccessCode"], "LO...");
    assert!(!audit.text().contains("LONG-CODE"), "codes are shortened");
}

/// argon2id runs one after the other: many at once wait for each other, and nobody else does.
#[test]
fn many_sign_in_at_once() {
    needs_root!();
    let desk = Desk::up();
    desk.make_user("a@lab.test", &json!({}));
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..24)
            .map(|_| scope.spawn(|| desk.sign_in("a@lab.test").0))
            .collect();
        assert_eq!(desk.request("GET", "/healthz").send().unwrap().status, 200);
        let mut tokens: Vec<_> = all.into_iter().map(|one| one.join().unwrap()).collect();
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 24, "each has a token of its own");
    });
    // Heads that no honest client sends.
    for (name, value) in [
        ("Authorization", format!("Bearer {}", "x".repeat(20_000))),
        ("Authorization", format!("Basic {}", "A".repeat(20_000))),
        ("client_id", "x".repeat(300)),
    ] {
        let form = format!("grant_type=password&username=a@lab.test&password={PASSWORD}").replace(' ', "+");
        let request = desk.request("POST", "/api/token").header(name, &value);
        let expected = if name == "client_id" { 400 } else { 200 };
        assert_eq!(
            request.body(FORM, form).send().unwrap().status,
            expected,
            "{name}"
        );
        let request = desk.request("GET", "/v1/users").header(name, &value);
        assert_eq!(request.send().unwrap().status, 401, "{name}");
    }
}
