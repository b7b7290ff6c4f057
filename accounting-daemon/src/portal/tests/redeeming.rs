//! A code opens a session, and the pages show it.

use super::*;

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
