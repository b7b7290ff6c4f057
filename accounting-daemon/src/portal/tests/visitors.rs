//! Visitors: few digits, together with the e-mail address only.

use super::*;
use crate::ledger::{Class, Email, SecondFactor};

async fn visitor(place: &Place, code: &str, seats: u32) {
    let email = Email::new("ann@example.org").unwrap();
    let factor = SecondFactor::new(Class::Visitor, &email, [1; 16]);
    place.make(code, 60, seats, |new| new.factor = Some(factor)).await;
}

#[tokio::test]
async fn a_code_that_looks_like_a_visitors_is_asked_for_its_address() {
    let place = Place::new();
    visitor(&place, "01234", 1).await;
    let ordinary = place.get(1, "/login").await;
    assert!(!ordinary.says("name=\"email\""));
    // A link of a QR code asks at once.
    assert!(place.get(1, "/login?code=01234").await.says("name=\"email\""));
    assert!(place.get(1, "/login?visitor=1").await.says("name=\"email\""));
    let asked = place.post(1, "/login", "code=01234").await;
    assert_eq!(asked.status, 403);
    assert!(
        asked.says("Your e-mail address is missing") && asked.says("name=\"email\""),
        "{}",
        asked.body
    );
    assert!(
        asked.says("value=\"01234\""),
        "what was typed need not be typed again"
    );
    let got = place
        .post(1, "/login", "code=01234&email=Ann%40example.org")
        .await;
    assert_eq!(got.status, 303, "{}", got.body);
    assert!(place.online(1).await);
}

#[tokio::test]
async fn nobody_learns_from_the_portal_whether_there_is_such_a_code() {
    let place = Place::new();
    visitor(&place, "01234", 1).await;
    for given in [
        "",
        "&email=bob%40example.org",
        "&email=",
        "&email=ann%40example.com",
    ] {
        let pages = [("01234", 1), ("98765", 2)].map(async |(code, who)| {
            let got = place.post(who, "/login", &format!("code={code}{given}")).await;
            (got.status, got.body.replace(code, "CODE"))
        });
        let [somebodys, nobodys] = pages;
        assert_eq!(somebodys.await, nobodys.await, "{given}");
    }
    let wrong = place
        .post(1, "/login", "code=01234&email=bob%40example.org")
        .await;
    assert!(wrong.says("We do not recognise this code") && wrong.says("value=\"bob@example.org\""));
    assert!(!place.online(1).await);
}

#[tokio::test]
async fn what_is_no_address_is_told_before_the_code_is_tried() {
    let place = Place::new();
    visitor(&place, "01234", 1).await;
    for email in ["nobody", "a%40", "%40b", "a+b%40c", "x%0Ay%40z"] {
        let got = place
            .post(1, "/login", &format!("code=01234&email={email}"))
            .await;
        assert_eq!(got.status, 400, "{email}");
        assert!(got.says("This is not an e-mail address"), "{email}");
    }
    let script = "code=01234&email=%22%3E%3Cscript%3E%40%3Cb%3E";
    assert!(!place.post(1, "/login", script).await.says("<script>"));
    let long = format!("code=01234&email={}%40example.org", "x".repeat(300));
    assert_eq!(place.post(2, "/login", &long).await.status, 400);
}

#[tokio::test]
async fn an_unknown_code_offers_the_address_to_visitors_with_others() {
    let place = Place::new();
    visitor(&place, "LONGER-ONE", 1).await;
    let got = place.post(1, "/login", "code=longerone").await;
    assert!(got.says("We do not recognise this code") && got.says("href=\"/login?visitor=1\""));
    let got = place
        .post(1, "/login", "code=longerone&email=ann%40example.org")
        .await;
    assert_eq!(got.status, 303);
}

#[tokio::test]
async fn a_seat_is_taken_over_and_a_browser_resumes_with_the_address_that_was_given() {
    let place = Place::new();
    visitor(&place, "01234", 1).await;
    let first = place
        .post(1, "/login", "code=01234&email=ann%40example.org")
        .await;
    let secret = first.cookie().to_owned();
    let full = place
        .post(2, "/login", "code=01234&email=ann%40example.org")
        .await;
    assert_eq!(full.status, 409);
    assert!(
        full.says("<input type=\"hidden\" name=\"email\" value=\"ann@example.org\">"),
        "{}",
        full.body
    );
    place.post(1, "/logout", "").await;
    let back = place
        .ask(1, posting("/resume").header("cookie", &secret), "")
        .await;
    assert_eq!(back.status, 303, "{}", back.body);
    assert!(place.online(1).await);
}

/// "A class with a small space has its own global budget, which refuses that class only."
#[tokio::test]
async fn a_flood_at_visitors_codes_closes_their_class_and_nothing_else() {
    let place = Place::new();
    visitor(&place, "01234", 1).await;
    place.token("ABCDE-12345", 60, 1).await;
    for nth in 0..30u8 {
        let got = place
            .post(
                100 + nth,
                "/login",
                &format!("code=9{nth:04}&email=ann%40example.org"),
            )
            .await;
        assert_eq!(got.status, 403, "{nth}");
    }
    let shut = place
        .post(1, "/login", "code=01234&email=ann%40example.org")
        .await;
    assert_eq!(shut.status, 429);
    assert!(shut.says("Too many attempts"));
    assert_eq!(place.post(2, "/login", "code=abcde12345").await.status, 303);
}
