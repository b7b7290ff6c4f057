//! What operating systems ask: their probes, and RFC 8908.

use super::*;

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
