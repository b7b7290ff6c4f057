//! The portal as a guest meets it: a real store, engine and ledger, a gate in memory.

use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, StatusCode};
use serde_json::Value;

use super::*;
use crate::{
    config::Config,
    ledger::NewToken,
    mac::{DeviceId, Mac},
    store::{Actor, RESUMPTIONS_PER_TOKEN_MAX},
    testbed::{Testbed, new_token},
};

const HOST: &str = "10.77.0.1:8880";

struct Place {
    portal: Portal,
    bed: Testbed,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie to send back.
    fn cookie(&self) -> &str {
        self.header("set-cookie").split(';').next().unwrap()
    }

    fn says(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

impl Place {
    fn new() -> Self {
        Self::with("")
    }

    /// `config`: further keys of `[portal]`.
    fn with(config: &str) -> Self {
        let bed = Testbed::new(&format!("[[interface]]\nname = \"g\"\n[portal]\n{config}\n"));
        let status = GateStatus {
            addresses: vec!["10.77.0.1".parse().unwrap()],
            ..GateStatus::default()
        };
        let portal = Portal::new(
            &bed.config.portal,
            Look::load(&bed.config.portal).unwrap(),
            bed.engine.clone(),
            bed.disk.clone(),
            bed.clock(),
            Arc::clone(&bed.metrics),
            watch::channel(Arc::new(status)).1,
        );
        Self {
            portal: portal.unwrap(),
            bed,
        }
    }

    async fn token(&self, code: &str, minutes: u32, seats: u32) -> u64 {
        self.make(code, minutes, seats, |_| {}).await
    }

    async fn make(&self, code: &str, minutes: u32, seats: u32, change: impl FnOnce(&mut NewToken)) -> u64 {
        let mut new = NewToken {
            unique_id: uuid::Uuid::new_v4(),
            ..new_token(code, minutes, seats)
        };
        change(&mut new);
        self.bed.engine.create(new, Actor::daemon()).await.unwrap().id
    }

    async fn ask(&self, who: u8, request: hyper::http::request::Builder, body: &str) -> Got {
        self.ask_as(&guest(who), request, body).await
    }

    async fn ask_as(&self, guest: &Guest, request: hyper::http::request::Builder, body: &str) -> Got {
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (head, body) = self.portal.answer(request, guest).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Got {
            status: head.status,
            headers: head.headers,
            // Templates escape it too.
            body: String::from_utf8(body.to_vec()).unwrap().replace("&#x2f;", "/"),
        }
    }

    async fn get(&self, who: u8, path: &str) -> Got {
        self.ask(who, Request::get(path).header("host", HOST), "").await
    }

    async fn post(&self, who: u8, path: &str, body: &str) -> Got {
        self.ask(who, posting(path), body).await
    }

    async fn online(&self, who: u8) -> bool {
        let device = guest(who).device;
        let sessions = self.bed.engine.sessions_of(device.mac, None).await;
        !sessions.unwrap().is_empty()
    }
}

fn posting(path: &str) -> hyper::http::request::Builder {
    Request::post(path)
        .header("host", HOST)
        .header("origin", format!("http://{HOST}"))
        .header("content-type", "application/x-www-form-urlencoded")
}

fn guest(who: u8) -> Guest {
    Guest {
        device: DeviceId {
            mac: Mac([2, 0, 0, 0, 0, who]),
            zone: 0,
        },
        address: [10, 77, 0, who].into(),
        asked: "10.77.0.1:8880".parse().unwrap(),
        redirected: false,
        secure: false,
    }
}

fn redirected(who: u8) -> Guest {
    Guest {
        asked: "203.0.113.10:80".parse().unwrap(),
        redirected: true,
        ..guest(who)
    }
}

#[tokio::test]
async fn a_code_opens_a_session_and_the_status_counts_it_down() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 2).await;
    let form = place
        .get(1, "/login?code=abcde12345&dst=http%3A%2F%2Fexample.org%2Fa")
        .await;
    assert_eq!(form.status, 200);
    assert!(form.says("value=\"abcde12345\"") && form.says("value=\"http://example.org/a\""));
    let got = place
        .post(1, "/login", "code=abcde+12345&dst=http%3A%2F%2Fexample.org%2Fa")
        .await;
    assert_eq!(got.status, 303, "{}", got.body);
    assert_eq!(
        got.header("location"),
        "/status?welcome=1&dst=http%3A%2F%2Fexample.org%2Fa"
    );
    assert!(place.online(1).await && !place.online(2).await);
    let status = place.get(1, got.header("location")).await;
    assert!(
        status.says("You are online") && status.says("data-seconds=\"3600\""),
        "{}",
        status.body
    );
    assert!(status.says("1 of 2") && status.says("href=\"http://example.org/a\""));
    assert!(
        !status.says("ABCDE") && !status.says("abcde"),
        "a page shows no code"
    );
    for path in ["/", "/login", "/resume"] {
        assert_eq!(place.get(1, path).await.header("location"), "/status", "{path}");
    }
}

#[tokio::test]
async fn hotspots_names_for_the_fields_are_taken() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let got = place
        .post(1, "/login", "username=ABCDE12345&password=whatever&popup=true")
        .await;
    assert_eq!(got.status, 303);
}

/// One row a condition of tokens.md: what is posted, the status, and words of the page.
#[tokio::test]
async fn each_refusal_says_what_to_do_next() {
    let place = Place::new();
    let now = place.bed.time.now().wall;
    place.token("EMPTY-00000", 0, 1).await;
    place.token("ONESEAT-111", 60, 1).await;
    place
        .make("LATER-11111", 60, 1, |new| {
            new.valid_from = Some(now + 86_400_000)
        })
        .await;
    place
        .make("OVER-111111", 60, 1, |new| new.valid_to = Some(now - 1))
        .await;
    assert_eq!(place.post(9, "/login", "code=oneseat111").await.status, 303);
    for (who, form, status, words) in [
        (1, "", 400, "The code is missing"),
        (1, "code=+-+", 400, "This is no access code"),
        (1, "code=%00", 400, "This is no access code"),
        (1, "code=NOSUCHCODE", 403, "We do not know this code"),
        (1, "code=later11111", 403, "It can be used from 20"),
        (1, "code=over111111", 403, "Ask for a new one."),
        (1, "code=empty00000", 403, "No minutes are left on it."),
        (1, "code=oneseat111", 409, "It works on one device at a time."),
        (
            1,
            "code=oneseat111&takeover=1",
            409,
            "within the last half minute",
        ),
        (1, "code=a&code=b", 400, "That did not work"),
        (1, "code=%ff", 400, "That did not work"),
    ] {
        let got = place.post(who, "/login", form).await;
        assert_eq!(got.status.as_u16(), status, "{form}");
        assert!(got.says(words), "{form}: {}", got.body);
        assert_eq!(got.header("cache-control"), "no-store");
    }
    let offered = place.post(1, "/login", "code=oneseat111").await;
    assert!(offered.says("name=\"takeover\"") && offered.says("Use it on this device instead"));
    assert!(
        offered.says("type=\"text\" dir=\"ltr\" value=\"\""),
        "a code is shown"
    );
    assert!(!place.online(1).await);
}

#[tokio::test]
async fn who_guesses_is_told_to_wait_and_others_are_not() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    for nth in 0..10 {
        assert_eq!(
            place.post(1, "/login", &format!("code=WRONG{nth}")).await.status,
            403
        );
    }
    let got = place.post(1, "/login", "code=ABCDE12345").await;
    assert_eq!(got.status, 429);
    assert!(got.says("Too many attempts") && got.says("Please wait"));
    let seconds: u64 = got.header("retry-after").parse().unwrap();
    assert!((50..=60).contains(&seconds));
    assert_eq!(place.post(2, "/login", "code=ABCDE12345").await.status, 303);
}

/// "The global rate raises an alarm but refuses nobody, since the space is large."
#[tokio::test]
async fn devices_that_guess_together_cost_honest_guests_nothing() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let mut refused = 0;
    for number in 0..60u16 {
        let [high, low] = number.to_be_bytes();
        let guesser = Guest {
            device: DeviceId {
                mac: Mac([6, 0, 0, 0, high, low]),
                zone: 0,
            },
            address: [10, 78, high, low].into(),
            ..guest(1)
        };
        for nth in 0..12 {
            let code = format!("code=GUESS{number}N{nth}");
            let got = place.ask_as(&guesser, posting("/login"), &code).await;
            refused += usize::from(got.status == 429);
        }
    }
    assert!(refused >= 120, "{refused}");
    assert_eq!(place.post(2, "/login", "code=abcde12345").await.status, 303);
}

#[tokio::test]
async fn a_device_that_posts_like_a_machine_is_stopped_before_the_engine() {
    let place = Place::new();
    let mut heard = 0;
    for _ in 0..200 {
        heard += usize::from(place.post(1, "/logout", "").await.status == 200);
    }
    assert!((20..100).contains(&heard), "{heard}");
    assert_eq!(place.post(2, "/logout", "").await.status, 200);
}

/// "Resuming without typing the code takes a 256-bit cookie (HttpOnly, stored hashed) given at the redemption."
/// "A MAC alone never resumes, and no page shows a whole code."
#[tokio::test]
async fn a_browser_resumes_by_its_secret_once_and_by_nothing_else() {
    let place = Place::new();
    let id = place.token("ABCDE-12345", 60, 1).await;
    let first = place.post(1, "/login", "code=abcde12345").await;
    let secret = first.cookie().to_owned();
    assert!(first.header("set-cookie").contains("HttpOnly; SameSite=Lax"));
    let out = place.post(1, "/logout", "").await;
    assert_eq!(out.status, 200);
    assert!(!place.online(1).await);

    // The MAC address alone resumes nothing, whatever it was.
    let without = place.post(1, "/resume", "").await;
    assert_eq!(without.status, 403);
    assert!(without.says("Please type your code") && !place.online(1).await);
    assert_eq!(place.get(1, "/resume").await.header("location"), "/login");

    let with = |path: &str, cookie: &str| posting(path).header("cookie", cookie);
    let page = place
        .ask(
            1,
            Request::get("/").header("host", HOST).header("cookie", &secret),
            "",
        )
        .await;
    assert!(
        page.says("Welcome back") && page.says("ending in 345") && !page.says("ABCDE"),
        "{}",
        page.body
    );
    // Another device with the same browser, as a phone with a new MAC address.
    let back = place.ask(2, with("/resume", &secret), "").await;
    assert_eq!(back.status, 303, "{}", back.body);
    assert!(place.online(2).await);
    let next = back.cookie().to_owned();
    assert_ne!(next, secret);
    place.post(2, "/logout", "").await;
    assert_eq!(
        place.ask(2, with("/resume", &secret), "").await.status,
        403,
        "used up"
    );
    assert_eq!(place.ask(2, with("/resume", &next), "").await.status, 303);

    place.post(2, "/logout", "").await;
    place.bed.engine.delete(id, Actor::daemon()).await.unwrap();
    let last = place.ask(2, with("/resume", &next), "").await;
    assert_eq!(last.status, 403, "the token is gone");
}

/// "A MAC alone never resumes, and no page shows a whole code."
#[tokio::test]
async fn no_page_shows_a_whole_code() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let whole = |got: &Got| got.says("ABCDE") || got.body.to_lowercase().contains("abcde");
    let posted = place.post(1, "/login", "code=abcde12345").await;
    assert_eq!(posted.status, 303);
    assert!(!whole(&posted) && !posted.header("location").contains("bcde"));
    let secret = posted.cookie().to_owned();
    for online in [true, false] {
        for path in [
            "/",
            "/login",
            "/status",
            "/status?welcome=1",
            "/resume",
            "/captive-api",
        ] {
            let request = Request::get(path).header("host", HOST).header("cookie", &secret);
            let got = place.ask(1, request, "").await;
            assert!(!whole(&got), "{path}, online: {online}: {}", got.body);
        }
        assert_eq!(place.online(1).await, online);
        place.post(1, "/logout", "").await;
    }
    // Who is refused reads the reason, and what they typed themselves.
    let refused = place.post(2, "/login", "code=NOBODYS-1").await;
    assert!(!whole(&refused));
}

#[tokio::test]
async fn secrets_grow_old_and_are_few() {
    let place = Place::new();
    let id = place.token("ABCDE-12345", 60, 1).await;
    let mut cookies = Vec::new();
    for _ in 0..=RESUMPTIONS_PER_TOKEN_MAX {
        let secret = place.portal.give_secret(id, None).await.unwrap();
        let header = secret.header(30, false).unwrap();
        cookies.push(header.to_str().unwrap().split(';').next().unwrap().to_owned());
        // Their order is that of the milliseconds in which they were given.
        place.bed.time.put_forward(1);
    }
    let resume = async |cookie: &str| {
        let request = Request::get("/resume")
            .header("host", HOST)
            .header("cookie", cookie);
        place.ask(1, request, "").await.status
    };
    assert_eq!(resume(&cookies[0]).await, 303, "the oldest was forgotten");
    assert_eq!(resume(&cookies[1]).await, 200);
    place.bed.time.put_forward(29 * 86_400_000);
    assert_eq!(resume(&cookies[1]).await, 200);
    place.bed.time.put_forward(2 * 86_400_000);
    assert_eq!(resume(&cookies[1]).await, 303);

    let never = Place::with("resume_days = 0");
    never.token("ABCDE-12345", 60, 1).await;
    assert_eq!(
        never
            .post(1, "/login", "code=abcde12345")
            .await
            .header("set-cookie"),
        ""
    );
}

#[tokio::test]
async fn forms_of_other_origins_change_nothing() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    place.post(1, "/login", "code=abcde12345").await;
    for (name, value) in [
        ("origin", "http://evil.test"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
    ] {
        for path in ["/login", "/logout", "/resume"] {
            let request = Request::post(path)
                .header("host", HOST)
                .header("content-type", "application/x-www-form-urlencoded")
                .header(name, value);
            let got = place.ask(1, request, "code=abcde12345").await;
            assert_eq!(got.status, 403, "{path} {value}");
            assert!(got.says("This did not come from our page"));
        }
    }
    assert!(place.online(1).await);
    // A link ends nothing either.
    assert!(place.get(1, "/logout").await.says("Log out?"));
    assert!(place.online(1).await);
}

#[tokio::test]
async fn what_is_sent_is_shown_as_text() {
    const SCRIPT: &str = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%27";
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let mut pages = Vec::new();
    for path in [
        "/", "/login", "/status", "/logout", "/resume", "/terms", "/nothing",
    ] {
        let query =
            format!("{path}?code={SCRIPT}&dst=http%3A%2F%2Fa.test%2F{SCRIPT}&lang={SCRIPT}&welcome={SCRIPT}");
        pages.push(place.get(1, &query).await);
    }
    for path in ["/login", "/resume", "/logout"] {
        let form = format!("code={SCRIPT}&dst={SCRIPT}&username={SCRIPT}&takeover={SCRIPT}&accept={SCRIPT}");
        pages.push(place.post(1, path, &form).await);
    }
    let cookie = Request::get("/")
        .header("host", HOST)
        .header("cookie", "language=<script>; resume=<script>");
    pages.push(place.ask(1, cookie, "").await);
    place.post(1, "/login", "code=abcde12345").await;
    pages.push(
        place
            .get(1, &format!("/status?dst=javascript%3Aalert(1)&welcome={SCRIPT}"))
            .await,
    );
    for page in pages {
        assert!(
            !page.says("<script>alert") && !page.says("javascript:"),
            "{}",
            page.body
        );
        if page.header("content-type").starts_with("text/html") {
            assert!(
                page.header("content-security-policy")
                    .starts_with("default-src 'none'")
            );
            assert!(!page.says(" style=") && !page.says("onclick"));
        }
    }
}

#[tokio::test]
async fn nobody_is_sent_anywhere_but_to_the_portal() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    for dst in [
        "https://evil.test/",
        "//evil.test",
        "/\\evil.test",
        "javascript:alert(1)",
        "http://captive.apple.com/hotspot-detect.html",
        "http://10.77.0.1:8880/logout",
    ] {
        let dst: String = form_urlencoded::byte_serialize(dst.as_bytes()).collect();
        let got = place
            .post(1, "/login", &format!("code=abcde12345&dst={dst}"))
            .await;
        assert!(got.header("location").starts_with("/status"), "{dst}");
        let page = place.get(1, got.header("location")).await;
        assert_eq!(page.status, 200);
        assert!(
            !page.says("captive.apple.com") && !page.says("http-equiv"),
            "{dst}"
        );
        place.post(1, "/logout", "").await;
    }
}

#[tokio::test]
async fn while_captive_every_other_server_is_the_portal() {
    let place = Place::new();
    place.token("ABCDE-12345", 60, 1).await;
    let ask = async |method: &str, host: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("host", host);
        place.ask_as(&redirected(1), request, "").await
    };
    let probes = [
        ("captive.apple.com", "/hotspot-detect.html", 200),
        ("connectivitycheck.gstatic.com", "/generate_204", 204),
        ("www.msftconnecttest.com", "/connecttest.txt", 200),
        ("detectportal.firefox.com", "/success.txt", 200),
        ("nmcheck.gnome.org", "/check_network_status.txt", 200),
        ("networkcheck.kde.org", "/", 200),
    ];
    for (host, path, _) in probes {
        let got = ask("GET", host, path).await;
        assert_eq!(got.status, 302, "{host}");
        assert!(
            got.header("location").ends_with(":8880/login"),
            "no way back to a probe: {host}"
        );
        assert_eq!(got.header("connection"), "close");
    }
    let got = ask("GET", "example.org", "/a?b=c").await;
    assert!(
        got.header("location")
            .ends_with("/login?dst=http%3A%2F%2Fexample.org%2Fa%3Fb%3Dc")
    );
    assert_eq!(ask("POST", "example.org", "/").await.status, 303);
    for host in ["", "a b", "<script>", "user@example.org", "example.org:99999999"] {
        let got = ask("GET", host, "/").await;
        assert!((300..400).contains(&got.status.as_u16()), "{host}");
        assert!(!got.body.contains("<script>"));
    }
    // Pages of the portal are not had under a foreign name, and nothing is posted there.
    let got = ask("POST", "example.org", "/login").await;
    assert!(got.header("location").contains(":8880/login"));

    place.post(1, "/login", "code=abcde12345").await;
    for (host, path, status) in probes {
        assert_eq!(ask("GET", host, path).await.status.as_u16(), status, "{host}");
    }
    let got = ask("GET", "example.org", "/a?b=c").await;
    assert_eq!(got.header("location"), "http://example.org/a?b=c");
}

#[tokio::test]
async fn a_forged_host_leads_to_the_portal_itself() {
    let place = Place::new();
    for host in ["evil.test", "evil.test:8880", "10.77.0.99"] {
        let got = place
            .ask(1, Request::get("/login").header("host", host), "")
            .await;
        assert_eq!(got.status, 302);
        assert!(
            got.header("location")
                .starts_with("http://10.77.0.1:8880/login?dst="),
            "{host}"
        );
    }
    assert_eq!(place.ask(1, Request::get("/login"), "").await.status, 400);
    let two = Request::get("/login")
        .header("host", HOST)
        .header("host", "evil.test");
    assert_eq!(place.ask(1, two, "").await.status, 400);
    // With an own name, that is where guests are sent.
    let named = Place::with("url = \"https://wifi.example.org\"");
    let got = named
        .ask(1, Request::get("/").header("host", "evil.test"), "")
        .await;
    assert!(
        got.header("location")
            .starts_with("https://wifi.example.org/login")
    );
    let secure = Guest {
        secure: true,
        ..guest(1)
    };
    let own = || Request::get("/").header("host", "wifi.example.org");
    assert_eq!(named.ask_as(&secure, own(), "").await.status, 200);
    let plain = named.ask(1, own(), "").await;
    assert_eq!(plain.header("location"), "https://wifi.example.org/login");
}

#[tokio::test]
async fn rfc_8908_is_answered_before_and_after() {
    let place = Place::with("venue = \"https://venue.example.org/\"");
    place.token("ABCDE-12345", 60, 1).await;
    let before = place.get(1, "/captive-api").await;
    assert_eq!(before.header("content-type"), "application/captive+json");
    assert_eq!(before.header("cache-control"), "private, no-store");
    let state: Value = serde_json::from_str(&before.body).unwrap();
    assert_eq!(state["captive"], true);
    assert_eq!(state["user-portal-url"], "http://10.77.0.1:8880/");
    assert_eq!(state["venue-info-url"], "https://venue.example.org/");
    assert_eq!(state.get("seconds-remaining"), None);
    place.post(1, "/login", "code=abcde12345").await;
    let after = place
        .ask(1, Request::get("/captive-api").header("host", "any.name"), "")
        .await;
    let state: Value = serde_json::from_str(&after.body).unwrap();
    assert_eq!(state["captive"], false);
    assert!((3590..=3600).contains(&state["seconds-remaining"].as_u64().unwrap()));
    let other: Value = serde_json::from_str(&place.get(2, "/captive-api").await.body).unwrap();
    assert_eq!(other["captive"], true);
}

#[tokio::test]
async fn requests_that_are_none_are_refused_well() {
    let place = Place::new();
    let huge = "a=".to_owned() + &"x".repeat(16 * 1024);
    assert_eq!(place.post(1, "/login", &huge).await.status, 413);
    let json = Request::post("/login")
        .header("host", HOST)
        .header("content-type", "application/json");
    assert_eq!(place.ask(1, json, "{}").await.status, 415);
    let put = place
        .ask(1, Request::put("/login").header("host", HOST), "")
        .await;
    assert_eq!(
        (put.status.as_u16(), put.header("allow")),
        (405, "GET, HEAD, POST")
    );
    assert_eq!(place.post(1, "/status", "").await.header("allow"), "GET, HEAD");
    for path in [
        "/v1/redemptions",
        "/api/spaces/accesstokens",
        "/metrics",
        "/healthz",
        "/assets/",
        "/../etc/passwd",
    ] {
        assert_eq!(place.get(1, path).await.status, 404, "{path}");
    }
    assert_eq!(
        place.get(1, "/assets/style.css").await.header("content-type"),
        "text/css; charset=utf-8"
    );
    assert_eq!(place.get(1, "/favicon.ico").await.status, 200);
}

#[tokio::test]
async fn terms_are_accepted_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let terms = folder.path().join("terms.txt");
    std::fs::write(&terms, "Be <kind>.\n\nNo spam.").unwrap();
    let place = Place::with(&format!(
        "terms = {terms:?}\nname = \"Caf\u{e9} <b>\"\nhelp = \"Ask Ann\""
    ));
    place.token("ABCDE-12345", 60, 1).await;
    let page = place.get(1, "/terms").await;
    assert!(page.says("Be &lt;kind&gt;.") && page.says("No spam.") && page.says("Café &lt;b&gt;"));
    let got = place.post(1, "/login", "code=abcde12345").await;
    assert_eq!(got.status, 403);
    assert!(got.says("Please accept the terms") && got.says("Ask Ann") && !place.online(1).await);
    assert_eq!(
        place.post(1, "/login", "code=abcde12345&accept=1").await.status,
        303
    );
}

#[tokio::test]
async fn pages_speak_the_guests_language() {
    let place = Place::new();
    let get = |language: &str| {
        Request::get("/")
            .header("host", HOST)
            .header("accept-language", language)
    };
    let arabic = place.ask(1, get("ar-EG,en;q=0.5"), "").await;
    assert!(arabic.says("<html lang=\"ar\" dir=\"rtl\">"));
    assert_eq!(arabic.header("content-language"), "ar");
    assert!(
        place
            .ask(1, get("pt-BR"), "")
            .await
            .says("Escreva o código de acesso")
    );
    let chosen = place.get(1, "/login?lang=de&dst=http%3A%2F%2Fexample.org").await;
    assert!(chosen.says("Online gehen"));
    assert!(chosen.header("set-cookie").starts_with("language=de;"));
    assert!(chosen.says("/login?lang=fr&amp;dst=http%3A%2F%2Fexample.org"));
}

#[tokio::test]
async fn an_operator_has_templates_and_is_told_what_is_wrong_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("message.html");
    std::fs::write(&path, "<p>ours: {{ refusal.title }}, {{ t('minutes', n=1) }}</p>").unwrap();
    let place = Place::with(&format!("templates = {:?}", folder.path()));
    assert_eq!(
        place.get(1, "/x").await.body,
        "<p>ours: There is no such page, 1 minute</p>"
    );
    let load = || {
        let text = format!(
            "data = \"/d\"\n[[interface]]\nname = \"g\"\n[portal]\ntemplates = {:?}",
            folder.path()
        );
        let config = Config::parse("test".as_ref(), &text, true).unwrap();
        Look::load(&config.portal).map(|_| ()).unwrap_err().to_string()
    };
    std::fs::write(&path, "{% if %}").unwrap();
    assert!(load().contains("message.html"), "{}", load());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(folder.path().join("other.html"), "").unwrap();
    assert!(load().contains("is the template of no page"));
}
