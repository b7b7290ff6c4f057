//! Requests of somebody who means no good.

use super::*;

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
