//! Signing in and managing accounts, from the request to the answer, over a store in memory.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, StatusCode, body::Bytes};
use redb::backends::InMemoryBackend;
use serde_json::{Value, json};
use tokio::sync::watch;
use totp_rs::{Builder, Secret};

use crate::{
    clock::Clock,
    config::{Config, SignInConfig},
    engine::{Core, Worker},
    gate::simulated::SimulatedGate,
    http::{Auth, Context, answer, first_start, serve::Peer},
    ledger::{Now, Rules},
    metrics::Metrics,
    store::Disk,
};

const ADMIN: &str = "admin@localhost";
const FORM: &str = "application/x-www-form-urlencoded";

struct Bench {
    context: Context,
    password: String,
    /// Wall clock milliseconds.
    wall: Arc<AtomicI64>,
}

struct Said {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

/// Who asks.
#[derive(Clone, Copy)]
enum As<'a> {
    Nobody,
    Basic(&'a str, &'a str),
    Bearer(&'a str),
}

fn bench() -> Bench {
    let store = Disk::over("memory", InMemoryBackend::new).unwrap();
    let text = "data = \"/nowhere\"\n[[interface]]\nname = \"g0\"\n";
    let config = Config::parse(Path::new("test"), text, true).unwrap();
    let made = first_start(&store, &config.administrator).unwrap().unwrap();
    let clock = Clock::new(true, None).unwrap();
    let core = Core::start(
        store.clone(),
        SimulatedGate::new(8),
        Rules::default(),
        Arc::new(()),
        clock.now(),
        clock.boot(),
    );
    // Nobody works: no test here asks the engine.
    let (engine, _) = Worker::new(core.unwrap(), clock);
    let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
    let wall = Arc::new(AtomicI64::new(1_800_000_000_000));
    let shown = Arc::clone(&wall);
    let clock = move || {
        let wall = shown.load(Ordering::Relaxed);
        Now {
            monotonic: wall.unsigned_abs(),
            wall,
            trusted: true,
        }
    };
    let sign_in = SignInConfig::default();
    let auth = Auth::new(store.clone(), Arc::new(clock), Arc::clone(&metrics), sign_in).unwrap();
    let (_, status) = watch::channel(Arc::default());
    Bench {
        context: Context::new(&config, engine, auth, metrics, status, store, 0).unwrap(),
        password: made.password.to_string(),
        wall,
    }
}

impl Bench {
    async fn send(&self, method: &str, path: &str, by: As<'_>, media: &str, body: &str) -> Said {
        self.send_from("192.0.2.1", method, path, by, &[("content-type", media)], body)
            .await
    }

    async fn send_from(
        &self,
        peer: &str,
        method: &str,
        path: &str,
        by: As<'_>,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Said {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let authorization = match by {
            As::Nobody => None,
            As::Basic(name, password) => {
                let basic = BASE64_STANDARD.encode(format!("{name}:{password}"));
                Some(format!("Basic {basic}"))
            }
            As::Bearer(token) => Some(format!("Bearer {token}")),
        };
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let peer = SocketAddr::new(peer.parse().unwrap(), 9);
        let (head, body) = answer(&self.context, request, Peer::Network(peer))
            .await
            .into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Said {
            status: head.status.as_u16(),
            headers: head.headers,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        }
    }

    async fn json(&self, method: &str, path: &str, by: As<'_>, body: &Value) -> Said {
        self.send(method, path, by, "application/json", &body.to_string())
            .await
    }

    async fn admin(&self, method: &str, path: &str, body: &Value) -> Said {
        let by = As::Basic(ADMIN, &self.password);
        if body.is_null() {
            return self.send(method, path, by, "", "").await;
        }
        self.json(method, path, by, body).await
    }

    async fn token(&self, form: &str) -> Said {
        self.send("POST", "/api/token", As::Nobody, FORM, form).await
    }

    async fn make_user(&self, email: &str, more: Value) {
        let mut user = json!({"Email": email, "Password": "correct horse"});
        let members = more.as_object().cloned().unwrap_or_default();
        user.as_object_mut().unwrap().extend(members);
        let said = self.admin("POST", "/v1/users", &user).await;
        assert_eq!(said.status, 201, "{}", said.body);
    }

    async fn signed_in(&self, email: &str) -> (String, String) {
        let form = format!("grant_type=password&username={email}&password=correct+horse");
        let said = self.token(&form).await;
        assert_eq!(said.status, 200, "{}", said.body);
        (
            text(&said.body["access_token"]),
            text(&said.body["refresh_token"]),
        )
    }

    async fn status(&self, method: &str, path: &str, by: As<'_>) -> u16 {
        self.send(method, path, by, "", "").await.status
    }

    fn code(&self, secret: &str, steps: i64) -> String {
        let secret = Secret::try_from_base32(secret).unwrap();
        let codes = Builder::new().with_secret(secret).build().unwrap();
        let seconds = self.wall.load(Ordering::Relaxed) / 1000 + 30 * steps;
        codes.generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn problem(said: &Said) -> (u16, &str) {
    let kind = said.body["type"].as_str().unwrap_or_default();
    (said.status, kind.trim_start_matches("urn:accounting:"))
}

#[tokio::test]
async fn a_token_is_answered_as_oauth_has_it_and_opens_every_endpoint() {
    let bench = bench();
    bench.make_user("a@b", json!({"Administrator": true})).await;
    let said = bench
        .token("grant_type=password&username=A%40b&password=correct+horse")
        .await;
    assert_eq!(said.status, 200);
    assert_eq!(said.headers["cache-control"], "no-store");
    assert_eq!(said.headers["pragma"], "no-cache");
    let members: Vec<_> = said.body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        ["access_token", "expires_in", "refresh_token", "token_type"]
    );
    assert_eq!(
        (&said.body["token_type"], &said.body["expires_in"]),
        (&json!("bearer"), &json!(604_799))
    );
    let access = text(&said.body["access_token"]);
    assert_eq!(bench.status("GET", "/v1/users", As::Bearer(&access)).await, 200);
    let refresh = text(&said.body["refresh_token"]);
    assert_eq!(bench.status("GET", "/v1/users", As::Bearer(&refresh)).await, 401);
}

#[tokio::test]
async fn what_cannot_be_signed_in_by_is_a_400_with_its_error() {
    let bench = bench();
    bench.make_user("a@b", json!({})).await;
    bench.make_user("off@b", json!({"Disabled": true})).await;
    bench
        .make_user("lent@b", json!({"MustResetPassword": true}))
        .await;
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("username=a&password=b", "invalid_request"),
        ("grant_type=password", "invalid_request"),
        ("grant_type=password&username=a%40b", "invalid_request"),
        ("grant_type=password&username=a%40b&password=", "invalid_request"),
        (
            "grant_type=password&username=a%40b&username=a%40b&password=correct+horse",
            "invalid_request",
        ),
        (
            "grant_type=password&username=a%40b&password=%ff",
            "invalid_request",
        ),
        ("grant_type=refresh_token", "invalid_request"),
        ("grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&client_id=x", "invalid_request"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("grant_type=PASSWORD", "unsupported_grant_type"),
        (
            "grant_type=password&username=a%40b&password=wrong",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=no%40b&password=wrong",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=off%40b&password=correct+horse",
            "invalid_grant",
        ),
        ("grant_type=refresh_token&refresh_token=x", "invalid_grant"),
        (
            "grant_type=client_credentials&client_id=x&client_secret=y",
            "invalid_grant",
        ),
        (
            "grant_type=client_credentials&client_id=a%40b&client_secret=correct+horse",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=lent%40b&password=correct+horse",
            "must_reset_password",
        ),
    ] {
        let said = bench.token(form).await;
        assert_eq!((said.status, &said.body["error"]), (400, &json!(error)), "{form}");
        assert!(said.body["error_description"].is_string(), "{form}");
    }
    let body = r#"{"grant_type":"password","username":"a@b","password":"correct horse"}"#;
    for media in ["application/json", "text/plain", ""] {
        let said = bench.send("POST", "/api/token", As::Nobody, media, body).await;
        assert_eq!(
            (said.status, &said.body["error"]),
            (400, &json!("unsupported_grant_type")),
            "{media}"
        );
    }
    let said = bench.send("GET", "/api/token", As::Nobody, "", "").await;
    assert_eq!(
        (said.status, said.headers["allow"].to_str().unwrap()),
        (405, "POST")
    );
}

#[tokio::test]
async fn a_refresh_token_works_once_and_leaves_access_tokens_alone() {
    let bench = bench();
    bench.make_user("a@b", json!({"Administrator": true})).await;
    let (first, refresh) = bench.signed_in("a@b").await;
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let said = bench.token(&form).await;
    assert_eq!(said.status, 200);
    let (second, next) = (
        text(&said.body["access_token"]),
        text(&said.body["refresh_token"]),
    );
    assert_ne!((&first, &refresh), (&second, &next));
    for access in [&first, &second] {
        assert_eq!(bench.status("GET", "/v1/users", As::Bearer(access)).await, 200);
    }
    let again = bench.token(&form).await;
    assert_eq!(
        (again.status, &again.body["error"]),
        (400, &json!("invalid_grant"))
    );
    let form = format!("grant_type=refresh_token&refresh_token={next}");
    assert_eq!(bench.token(&form).await.status, 400, "the family has ended");
    for access in [&first, &second] {
        assert_eq!(bench.status("GET", "/v1/users", As::Bearer(access)).await, 200);
    }
}

#[tokio::test]
async fn a_refresh_token_is_its_clients() {
    let bench = bench();
    bench.make_user("a@b", json!({})).await;
    let ask = async |client_id: &str, form: &str| {
        let headers = [("content-type", FORM), ("client_id", client_id)];
        bench
            .send_from("192.0.2.1", "POST", "/api/token", As::Nobody, &headers, form)
            .await
    };
    let said = ask("app", "grant_type=password&username=a%40b&password=correct+horse").await;
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&said.body["refresh_token"])
    );
    assert_eq!(ask("other", &form).await.status, 400);
    assert_eq!(ask("app", &form).await.status, 200);
}

#[tokio::test]
async fn a_client_gets_a_token_by_form_and_by_basic() {
    let bench = bench();
    let made = json!({"Name": "Kiosk", "Roles": ["accesstoken-redeem"], "BusinessIds": [7]});
    let said = bench.admin("POST", "/v1/clients", &made).await;
    assert_eq!(said.status, 201);
    let (id, secret) = (text(&said.body["ClientId"]), text(&said.body["ClientSecret"]));
    let expected = json!({
        "ClientId": id, "Name": "Kiosk", "Roles": ["AccessToken-Redeem"], "BusinessIds": [7],
    });
    let path = format!("/v1/clients/{id}");
    assert_eq!(bench.admin("GET", &path, &Value::Null).await.body, expected);

    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let by_form = bench.token(&form).await;
    let form = "grant_type=client_credentials";
    let by = As::Basic(&id, &secret);
    let by_basic = bench.send("POST", "/api/token", by, FORM, form).await;
    for said in [by_form, by_basic] {
        assert_eq!(said.status, 200, "{}", said.body);
        assert_eq!(said.body.get("refresh_token"), None);
        let token = text(&said.body["access_token"]);
        let said = bench.send("GET", "/v1/users", As::Bearer(&token), "", "").await;
        assert_eq!(problem(&said), (403, "forbidden"));
    }
    // A client's secret works by Basic too, until the client is gone.
    assert_eq!(bench.status("GET", "/v1/users", by).await, 403);
    assert_eq!(bench.admin("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(bench.status("GET", "/v1/users", by).await, 401);
    assert_eq!(bench.admin("GET", &path, &Value::Null).await.status, 404);
}

#[tokio::test]
async fn users_are_made_shown_changed_and_deleted() {
    let bench = bench();
    let user = json!({
        "Email": "Ann@Lab.test", "Password": "correct horse", "Roles": ["ACCESSTOKEN-LIST", "AccessToken-Read"],
        "BusinessIds": [9, 7], "Unknown": 1,
    });
    let mut shown = json!({
        "Email": "Ann@Lab.test", "Roles": ["AccessToken-List", "AccessToken-Read"], "Administrator": false,
        "BusinessIds": [7, 9], "Disabled": false, "MustResetPassword": false, "TwoFactor": false,
    });
    let said = bench.admin("POST", "/v1/users", &user).await;
    assert_eq!((said.status, &said.body), (201, &shown));
    let said = bench.admin("POST", "/v1/users", &user).await;
    assert_eq!(problem(&said), (409, "conflict"));

    let path = "/v1/users/ann%40lab.TEST";
    assert_eq!(bench.admin("GET", path, &Value::Null).await.body, shown);
    let said = bench
        .admin(
            "PUT",
            path,
            &json!({"Roles": ["AccessToken-Edit"], "Disabled": true}),
        )
        .await;
    shown["Roles"] = json!(["AccessToken-Edit"]);
    shown["Disabled"] = json!(true);
    assert_eq!((said.status, &said.body), (200, &shown));
    // Whole records come back, and null clears.
    let said = bench.admin("PUT", path, &shown).await;
    assert_eq!((said.status, &said.body), (200, &shown));
    let said = bench
        .admin("PUT", path, &json!({"BusinessIds": null, "Roles": null}))
        .await;
    assert_eq!(
        (&said.body["BusinessIds"], &said.body["Roles"]),
        (&Value::Null, &json!([]))
    );

    assert_eq!(bench.admin("DELETE", path, &Value::Null).await.status, 204);
    for method in ["GET", "DELETE"] {
        let said = bench.admin(method, path, &Value::Null).await;
        assert_eq!(problem(&said), (404, "not-found"), "{method}");
    }
    assert_eq!(bench.admin("PUT", path, &json!({})).await.status, 404);
}

#[tokio::test]
async fn every_problem_of_an_account_is_named_at_once() {
    let bench = bench();
    let wrong = json!({
        "Email": "no address", "Password": "short", "Roles": ["Root"], "Administrator": 1, "BusinessIds": [0],
        "Disabled": "x",
    });
    let said = bench.admin("POST", "/v1/users", &wrong).await;
    assert_eq!(problem(&said), (422, "invalid"));
    let mut names: Vec<_> = said.body["Errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["PropertyName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Administrator",
            "BusinessIds",
            "Disabled",
            "Email",
            "Password",
            "Roles"
        ]
    );
    assert!(!said.body.to_string().contains("short"), "no password is echoed");
    let said = bench.admin("POST", "/v1/users", &json!({})).await;
    assert_eq!(said.body["Errors"].as_array().unwrap().len(), 2);
    let other = json!({"Email": "other@b"});
    let said = bench.admin("PUT", "/v1/users/admin%40localhost", &other).await;
    assert_eq!(problem(&said), (422, "invalid"));
    let wrong = json!({"ClientId": "a@b", "Name": 7, "Roles": "x"});
    let said = bench.admin("POST", "/v1/clients", &wrong).await;
    assert_eq!(said.body["Errors"].as_array().unwrap().len(), 3);
    let said = bench
        .send(
            "POST",
            "/v1/users",
            As::Basic(ADMIN, &bench.password),
            "application/json",
            "{",
        )
        .await;
    assert_eq!(problem(&said), (400, "malformed-request"));
}

#[tokio::test]
async fn the_last_administrator_who_can_sign_in_stays() {
    let bench = bench();
    let path = "/v1/users/admin%40localhost";
    bench
        .make_user("off@b", json!({"Administrator": true, "Disabled": true}))
        .await;
    for change in [
        json!({"Administrator": false}),
        json!({"Disabled": true}),
        json!({"Administrator": null}),
    ] {
        let said = bench.admin("PUT", path, &change).await;
        assert_eq!(problem(&said), (409, "conflict"), "{change}");
    }
    let said = bench.admin("DELETE", path, &Value::Null).await;
    assert_eq!(problem(&said), (409, "conflict"));
    bench.make_user("b@b", json!({"Administrator": true})).await;
    assert_eq!(bench.admin("DELETE", path, &Value::Null).await.status, 204);
    assert_eq!(bench.admin("GET", path, &Value::Null).await.status, 401);
}

#[tokio::test]
async fn a_change_of_a_user_revokes_tokens_and_is_in_the_audit_without_secrets() {
    let bench = bench();
    bench.make_user("a@b", json!({"Administrator": true})).await;
    let (access, refresh) = bench.signed_in("a@b").await;
    let by = As::Basic("a@b", "correct horse");
    assert_eq!(bench.status("GET", "/v1/users", by).await, 200);
    let password = json!({"Password": "another horse", "Administrator": false});
    assert_eq!(bench.admin("PUT", "/v1/users/a@b", &password).await.status, 200);
    assert_eq!(bench.status("GET", "/v1/users", by).await, 401);
    assert_eq!(bench.status("GET", "/v1/users", As::Bearer(&access)).await, 401);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(bench.token(&form).await.status, 400);

    let said = bench
        .admin("GET", "/v1/audit?Object=user/a@b", &Value::Null)
        .await;
    let records = said.body["Records"].as_array().unwrap();
    let actions: Vec<_> = records.iter().map(|record| text(&record["Action"])).collect();
    assert_eq!(actions, ["user.edit", "user.create"]);
    let edit = &records[0];
    assert_eq!(
        (&edit["Who"], &edit["Via"], &edit["Address"]),
        (&json!(ADMIN), &json!("User"), &json!("192.0.2.1"))
    );
    assert_eq!(
        (&edit["Before"]["Administrator"], &edit["After"]["Administrator"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(edit["After"]["PasswordChanged"], true);
    let all = said.body.to_string();
    assert!(!all.contains("horse") && !all.contains("argon2"), "{all}");
    assert_eq!(
        bench.admin("GET", "/v1/audit?Who=x", &Value::Null).await.body["Records"],
        json!([])
    );
}

#[tokio::test]
async fn only_administrators_manage_accounts_and_read_the_audit() {
    let bench = bench();
    let roles = json!([
        "AccessToken-List",
        "AccessToken-Read",
        "AccessToken-Create",
        "AccessToken-Edit",
        "AccessToken-Delete",
        "AccessToken-Redeem"
    ]);
    bench.make_user("a@b", json!({"Roles": roles})).await;
    let by = As::Basic("a@b", "correct horse");
    for (method, path) in [
        ("GET", "/v1/users"),
        ("POST", "/v1/users"),
        ("GET", "/v1/users/a@b"),
        ("PUT", "/v1/users/a@b"),
        ("DELETE", "/v1/users/a@b"),
        ("GET", "/v1/clients"),
        ("POST", "/v1/clients"),
        ("GET", "/v1/clients/x"),
        ("PUT", "/v1/clients/x"),
        ("DELETE", "/v1/clients/x"),
        ("GET", "/v1/audit"),
    ] {
        let said = bench.json(method, path, by, &json!({})).await;
        assert_eq!(problem(&said), (403, "forbidden"), "{method} {path}");
        assert_eq!(bench.json(method, path, As::Nobody, &json!({})).await.status, 401);
    }
}

#[tokio::test]
async fn lists_come_in_parts() {
    let bench = bench();
    for nth in 0..3 {
        bench.make_user(&format!("u{nth}@b"), json!({})).await;
    }
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/users?Size=2{after}");
        let said = bench.admin("GET", &path, &Value::Null).await;
        let records = said.body["Records"].as_array().unwrap();
        found.extend(records.iter().map(|user| text(&user["Email"])));
        let Some(next) = said.body["Next"].as_str() else {
            break;
        };
        after = format!("&After={next}");
    }
    assert_eq!(found, [ADMIN, "u0@b", "u1@b", "u2@b"]);
    let said = bench.admin("GET", "/v1/clients?Size=0", &Value::Null).await;
    assert_eq!(problem(&said), (400, "malformed-request"));
}

#[tokio::test]
async fn people_change_their_own_password() {
    let bench = bench();
    bench.make_user("a@b", json!({"MustResetPassword": true})).await;
    let by = As::Basic("a@b", "correct horse");
    let said = bench.send("POST", "/v1/me/totp", by, "", "").await;
    assert_eq!(problem(&said), (401, "unauthenticated"));
    assert!(text(&said.body["detail"]).contains("/v1/me/password"));
    let put = async |by, current: &str, new: &str| {
        let body = json!({"Current": current, "New": new});
        bench.json("PUT", "/v1/me/password", by, &body).await
    };
    for (current, new) in [
        ("wrong", "battery staple"),
        ("correct horse", "short"),
        ("correct horse", "correct horse"),
    ] {
        let said = put(by, current, new).await;
        assert_eq!(problem(&said), (422, "invalid"), "{current} {new}");
    }
    assert_eq!(put(by, "correct horse", "battery staple").await.status, 204);
    assert_eq!(put(by, "correct horse", "battery staple").await.status, 401);
    let form = "grant_type=password&username=a%40b&password=battery+staple";
    let access = text(&bench.token(form).await.body["access_token"]);
    let said = put(As::Bearer(&access), "battery staple", "correct horse").await;
    assert_eq!(said.status, 204);
    assert_eq!(
        put(As::Bearer(&access), "correct horse", "battery staple")
            .await
            .status,
        401,
        "signed out everywhere"
    );
    let said = bench.admin("POST", "/v1/clients", &json!({})).await;
    let (id, secret) = (text(&said.body["ClientId"]), text(&said.body["ClientSecret"]));
    let said = put(As::Basic(&id, &secret), &secret, "battery staple").await;
    assert_eq!(problem(&said), (403, "forbidden"));
}

#[tokio::test]
async fn the_own_password_cannot_be_guessed_with_a_stolen_token() {
    let bench = bench();
    bench.make_user("a@b", json!({})).await;
    let (access, _) = bench.signed_in("a@b").await;
    let guess = json!({"Current": "wrong", "New": "battery staple"});
    let mut said = Vec::new();
    for _ in 0..11 {
        let by = As::Bearer(&access);
        said.push(bench.json("PUT", "/v1/me/password", by, &guess).await.status);
    }
    assert_eq!(said, [[422; 10].as_slice(), &[429]].concat());
}

#[tokio::test]
async fn one_time_codes_are_enrolled_asked_for_and_switched_off() {
    let bench = bench();
    bench.make_user("a@b", json!({})).await;
    let (access, _) = bench.signed_in("a@b").await;
    let by = As::Bearer(&access);
    let drawn = bench.send("POST", "/v1/me/totp", by, "", "").await;
    assert_eq!(drawn.status, 200);
    let secret = text(&drawn.body["Secret"]);
    let uri = text(&drawn.body["Uri"]);
    assert!(
        uri.starts_with("otpauth://totp/") && uri.contains(&secret),
        "{uri}"
    );
    // Not on before its owner has shown a code.
    bench.signed_in("a@b").await;
    let code = |code: &str| json!({ "Code": code });
    let said = bench.json("POST", "/v1/me/totp", by, &code("000000")).await;
    assert_eq!(problem(&said), (422, "invalid"));
    let now = bench.code(&secret, 0);
    assert_eq!(
        bench.json("POST", "/v1/me/totp", by, &code(&now)).await.status,
        204
    );
    let said = bench.json("POST", "/v1/me/totp", by, &json!({})).await;
    assert_eq!(problem(&said), (409, "conflict"));

    let form = "grant_type=password&username=a%40b&password=correct+horse";
    let with = |code: &str| format!("{form}&totp={code}");
    for (form, error) in [
        (form.to_owned(), "two_factor_auth_check"),
        (with("000000"), "invalid_grant"),
        (with(&bench.code(&secret, 3)), "invalid_grant"),
    ] {
        let said = bench.token(&form).await;
        assert_eq!((said.status, &said.body["error"]), (400, &json!(error)), "{form}");
    }
    assert_eq!(bench.token(&with(&now)).await.status, 200);
    let replayed = bench.token(&with(&now)).await;
    assert_eq!(replayed.body["error"], "invalid_grant", "each code is for once");
    let earlier = bench.token(&with(&bench.code(&secret, -1))).await;
    assert_eq!(earlier.body["error"], "invalid_grant");

    // The password alone is not enough for Basic any more.
    let said = bench
        .send("POST", "/v1/me/totp", As::Basic("a@b", "correct horse"), "", "")
        .await;
    assert_eq!(problem(&said), (401, "unauthenticated"));
    assert!(text(&said.body["detail"]).contains("/api/token"));

    let off = async |code: &Value| bench.json("DELETE", "/v1/me/totp", by, code).await;
    assert_eq!(problem(&off(&json!({})).await), (422, "invalid"));
    assert_eq!(problem(&off(&code(&now)).await), (422, "invalid"), "used before");
    let next = bench.code(&secret, 1);
    assert_eq!(off(&code(&next)).await.status, 204);
    assert_eq!(problem(&off(&code(&next)).await), (404, "not-found"));
    bench.signed_in("a@b").await;
}

#[tokio::test]
async fn an_administrator_helps_who_has_lost_their_codes() {
    let bench = bench();
    bench.make_user("a@b", json!({})).await;
    let (access, _) = bench.signed_in("a@b").await;
    let drawn = bench
        .send("POST", "/v1/me/totp", As::Bearer(&access), "", "")
        .await;
    let code = bench.code(&text(&drawn.body["Secret"]), 0);
    let said = bench
        .json("POST", "/v1/me/totp", As::Bearer(&access), &json!({"Code": code}))
        .await;
    assert_eq!(said.status, 204);
    let said = bench
        .admin("PUT", "/v1/users/a@b", &json!({"TwoFactor": false}))
        .await;
    assert_eq!((said.status, &said.body["TwoFactor"]), (200, &json!(false)));
    bench.signed_in("a@b").await;
    let said = bench
        .admin("PUT", "/v1/users/a@b", &json!({"TwoFactor": true}))
        .await;
    assert_eq!(problem(&said), (422, "invalid"));
}

#[tokio::test]
async fn failures_have_budgets_in_the_words_of_each_api() {
    let bench = bench();
    bench
        .make_user("a@b", json!({"Roles": ["AccessToken-Read"]}))
        .await;
    let wrong = "grant_type=password&username=a%40b&password=wrong";
    let right = "grant_type=password&username=a%40b&password=correct+horse";
    for _ in 0..10 {
        let said = bench.token(wrong).await;
        assert_eq!(
            (said.status, said.headers.contains_key("retry-after")),
            (400, false)
        );
    }
    let said = bench.token(right).await;
    assert_eq!((said.status, &said.body["error"]), (400, &json!("invalid_grant")));
    assert_eq!(said.headers["retry-after"], "60");
    let by = As::Basic("a@b", "correct horse");
    let said = bench.send("GET", "/v1/users", by, "", "").await;
    assert_eq!(problem(&said), (429, "too-many-attempts"));
    assert_eq!(said.headers["retry-after"], "60");
    let said = bench.send("GET", "/api/spaces/accesstokens/1", by, "", "").await;
    assert_eq!((said.status, &said.body), (409, &Value::Null));
    assert_eq!(said.headers["retry-after"], "60");
    let headers = [("content-type", FORM)];
    let elsewhere = bench.send_from("192.0.2.2", "POST", "/api/token", As::Nobody, &headers, right);
    assert_eq!(elsewhere.await.status, 200);
}

#[tokio::test]
async fn an_address_of_version_6_is_its_first_64_bits() {
    let bench = bench();
    let mut said = BTreeMap::<u16, u32>::new();
    for nth in 0..31 {
        let peer = format!("2001:db8::{nth:x}");
        let name = format!("u{nth}@b");
        let by = As::Basic(&name, "wrong");
        let status = bench
            .send_from(&peer, "GET", "/v1/users", by, &[], "")
            .await
            .status;
        *said.entry(status).or_default() += 1;
    }
    assert_eq!(said, BTreeMap::from([(401, 30), (429, 1)]));
    let by = As::Basic(ADMIN, &bench.password);
    let near = bench
        .send_from("2001:db8::ffff", "GET", "/v1/users", by, &[], "")
        .await;
    assert_eq!(near.status, StatusCode::TOO_MANY_REQUESTS);
    let far = bench
        .send_from("2001:db8:0:1::1", "GET", "/v1/users", by, &[], "")
        .await;
    assert_eq!(far.status, StatusCode::OK);
}

/// "Conditions are checked in this order and the first that fails is the answer."
/// "1. caller not authenticated"
/// "3. caller may not redeem"
#[tokio::test]
async fn who_asks_is_looked_at_first_then_what_is_wrong_with_the_request_then_whether_they_may() {
    let bench = bench();
    bench
        .make_user("desk@lab.test", json!({"Roles": ["AccessToken-List"]}))
        .await;
    let (desk, _) = bench.signed_in("desk@lab.test").await;
    let good = json!({"AccessCode": "AB-1", "MacAddress": "02:00:00:00:00:01"});
    for path in ["/v1/redemptions", "/v1/check"] {
        for (by, body, expected) in [
            (As::Nobody, &json!({}), (401, "unauthenticated")),
            (As::Nobody, &good, (401, "unauthenticated")),
            (As::Bearer(&desk), &json!({}), (400, "malformed-request")),
            (As::Bearer(&desk), &good, (403, "forbidden")),
        ] {
            let said = bench.json("POST", path, by, body).await;
            assert_eq!(problem(&said), expected, "{path}");
        }
    }
}
