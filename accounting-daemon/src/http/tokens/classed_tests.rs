//! Tokens of classes, from their creation to their redemption.

use serde_json::{Value, json};

use crate::{
    http::test_api::{TestApi, mac},
    store::Actor,
    testbed::new_token,
};

const ANN: &str = "Ann@Example.org";

async fn make(bed: &TestApi, more: &Value) -> (u16, Value) {
    let mut body = json!({"Class": "Visitor", "BusinessId": 1, "MinutesIncluded": 60, "Email": ANN});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let made = bed.ask("POST", "/v1/tokens", &body).await;
    (made.status, made.json())
}

async fn redeem(bed: &TestApi, code: &str, email: Option<&str>, who: u16) -> (u16, String) {
    let body = json!({"AccessCode": code, "Email": email, "MacAddress": mac(who)});
    let answered = bed.ask("POST", "/v1/redemptions", &body).await;
    (answered.status, answered.problem().1.to_owned())
}

async fn check(bed: &TestApi, code: &str, email: Option<&str>) -> u16 {
    let body = json!({"AccessCode": code, "Email": email});
    let answered = bed.ask("POST", "/v1/check", &body).await;
    answered.status
}

fn unknown() -> (u16, String) {
    (404, "unknown-code".to_owned())
}

/// "A class with a smaller space (visitors' 5 digits) needs a second factor (the e-mail)."
#[tokio::test]
async fn a_visitors_code_is_five_digits_and_opens_together_with_the_address_only() {
    let bed = TestApi::new();
    let (status, made) = make(&bed, &json!({})).await;
    assert_eq!((status, &made["Class"]), (201, &json!("Visitor")));
    let code = made["AccessCode"].as_str().unwrap();
    assert!(
        code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()),
        "{code}"
    );
    assert!(made.get("Email").is_none(), "an address is never told");
    for wrong in [None, Some(""), Some("bob@example.org")] {
        assert_eq!(redeem(&bed, code, wrong, 1).await, unknown());
        assert_eq!(check(&bed, code, wrong).await, 404);
    }
    assert_eq!(check(&bed, code, Some(ANN)).await, 204);
    assert_eq!(redeem(&bed, code, Some(" ann@example.ORG "), 1).await.0, 200);
    // Each time anew, also for the device that is online on it.
    assert_eq!(redeem(&bed, code, None, 1).await, unknown());
    assert_eq!(redeem(&bed, code, Some(ANN), 1).await.0, 200);
    let record = bed.get(&format!("/api/spaces/accesstokens/{}", made["Id"])).await;
    let record = record.json().to_string().to_lowercase();
    assert!(!record.contains("example"), "{record}");
}

/// "A class with a smaller space (visitors' 5 digits) needs a second factor (the e-mail)."
#[tokio::test]
async fn a_short_code_is_not_made_without_an_address() {
    let bed = TestApi::new();
    for (more, member) in [
        (json!({"Email": null}), "Email"),
        (json!({"Email": " "}), "Email"),
        (json!({"Email": "nobody"}), "Email"),
        (json!({"Email": null, "AccessCode": "LONG-AND-GIVEN"}), "Email"),
        (json!({"Class": null}), "Class"),
        (json!({"Class": "visitor"}), "Class"),
        (json!({"MinutesIncluded": -1}), "MinutesIncluded"),
    ] {
        let (status, problem) = make(&bed, &more).await;
        assert_eq!(
            (status, &problem["type"]),
            (422, &json!("urn:accounting:invalid"))
        );
        assert_eq!(problem["Errors"][0]["PropertyName"], member, "{problem}");
    }
    let (status, booking) = make(&bed, &json!({"Class": "Booking", "Email": null})).await;
    assert_eq!(status, 201);
    let code = booking["AccessCode"].as_str().unwrap();
    assert_eq!(code.len(), 11, "as long as ordinary codes");
    assert_eq!(redeem(&bed, code, None, 1).await.0, 200);
}

#[tokio::test]
async fn codes_of_visitors_are_unique_until_none_is_left() {
    let bed = TestApi::with("[codes.visitor]\nlength = 4\nalphabet = \"01234567\"\n");
    let (_, taken) = make(&bed, &json!({"AccessCode": "0000"})).await;
    assert_eq!(taken["AccessCode"], "0000");
    let (status, problem) = make(&bed, &json!({"AccessCode": "oo-oo"})).await;
    assert_eq!(
        (status, &problem["Errors"][0]["PropertyName"]),
        (422, &json!("AccessCode"))
    );
    // All but the first, which is taken, and the last.
    let others = (1..4_095).map(|number| new_token(&format!("{number:04o}"), 60, 1));
    let made = bed.bed.engine.create_all(others.collect(), Actor::daemon()).await;
    assert_eq!(made.unwrap().len(), 4_094);
    let (status, last) = loop {
        // The draws of one request may all miss the one that is left.
        let made = make(&bed, &json!({})).await;
        if made.0 == 201 || made.1["Errors"][0]["PropertyName"] != "Class" {
            break made;
        }
    };
    assert_eq!((status, &last["AccessCode"]), (201, &json!("7777")));
    let (status, problem) = make(&bed, &json!({})).await;
    assert_eq!(
        (status, &problem["Errors"][0]["PropertyName"]),
        (422, &json!("Class"))
    );
    assert!(problem.to_string().contains("codes.visitor.length"), "{problem}");
}

#[tokio::test]
async fn a_mistyped_address_is_corrected_and_the_audit_does_not_have_it() {
    let bed = TestApi::new();
    let (_, made) = make(&bed, &json!({"Email": "amn@example.org"})).await;
    let code = made["AccessCode"].as_str().unwrap();
    assert_eq!(redeem(&bed, code, Some(ANN), 1).await, unknown());
    let target = format!("/v1/tokens/{}/email", made["Id"]);
    let set = bed.ask("PUT", &target, &json!({"Email": ANN})).await;
    assert_eq!((set.status, set.body.len()), (204, 0));
    assert_eq!(redeem(&bed, code, Some("amn@example.org"), 1).await, unknown());
    assert_eq!(redeem(&bed, code, Some(ANN), 1).await.0, 200);
    let ordinary = bed.create(json!({"AccessCode": "PLAIN-1"})).await;
    for (target, body, expected) in [
        (target.clone(), json!({"Email": null}), 422),
        (target.clone(), json!({"Email": "x"}), 422),
        ("/v1/tokens/99/email".to_owned(), json!({"Email": ANN}), 404),
        (format!("/v1/tokens/{ordinary}/email"), json!({"Email": ANN}), 404),
    ] {
        assert_eq!(
            bed.ask("PUT", &target, &body).await.status,
            expected,
            "{target} {body}"
        );
    }
    let audit = bed.get("/v1/audit").await;
    let text = audit.json().to_string().to_lowercase();
    assert!(text.contains("token.email") && text.contains("visitor"), "{text}");
    assert!(!text.contains("example.org"), "{text}");
}
