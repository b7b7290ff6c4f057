//! Back online without the code, by the secret that a browser holds.

use super::*;

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
