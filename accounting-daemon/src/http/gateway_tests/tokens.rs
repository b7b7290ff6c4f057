//! Balances and checks of tokens.

use super::*;

/// "The balance is set on purpose by `PUT /v1/tokens/{id}/balance`: entitled becomes used + the value."
#[tokio::test]
async fn a_balance_is_set_and_the_record_shows_it() {
    let api = TestApi::new();
    let id = api.create(json!({"AccessCode": "B-1"})).await;
    let target = format!("/v1/tokens/{id}/balance");
    let set = api
        .ask("PUT", &target, &json!({"MinutesLeft": 7, "Reason": "a gift"}))
        .await;
    assert_eq!((set.status, &set.json()["MinutesLeft"]), (200, &json!(7)));
    assert_eq!(set.json()["MinutesIncluded"], json!(60), "what was sold stays");
    let wrong = api.ask("PUT", &target, &json!({"MinutesLeft": -1})).await;
    assert_eq!(wrong.problem(), (422, "invalid"));
    assert_eq!(wrong.json()["Errors"][0]["PropertyName"], json!("MinutesLeft"));
    for nobody in ["/v1/tokens/99/balance", "/v1/tokens/x/balance"] {
        let absent = api.ask("PUT", nobody, &json!({"MinutesLeft": 1})).await;
        assert_eq!(absent.problem(), (404, "not-found"));
    }
    let other = local(&api, 2).await;
    let elsewhere = api
        .ask_as(As::Bearer(&other), "PUT", &target, &json!({"MinutesLeft": 1}))
        .await;
    assert_eq!(elsewhere.status, 404, "tokens of other locations do not exist");
}

/// "`MinutesIncluded` changed by d: entitled changes by d (below used, the balance is 0 and later increases fill the
/// shortfall first)."
#[tokio::test]
async fn a_shortfall_outlives_a_restart() {
    let api = TestApi::new();
    let id = api.create(json!({"AccessCode": "B-1"})).await;
    let balance = format!("/v1/tokens/{id}/balance");
    assert_eq!(
        api.ask("PUT", &balance, &json!({"MinutesLeft": 10})).await.status,
        200
    );
    let edit = json!({"Id": id, "MinutesIncluded": 30});
    assert_eq!(api.ask("PUT", TOKENS, &edit).await.status, 200);
    let api = api.restarted();
    assert_eq!(api.redeem("B-1", 1).await.problem(), (410, "depleted"));
    for (minutes, left) in [(45, 0), (60, 10)] {
        let edit = json!({"Id": id, "MinutesIncluded": minutes});
        assert_eq!(api.ask("PUT", TOKENS, &edit).await.status, 200);
        assert_eq!(api.record(id).await["MinutesLeft"], json!(left), "{minutes}");
    }
}

#[tokio::test]
async fn a_check_says_what_a_redemption_would() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "GOOD-1"})).await;
    api.create(json!({"AccessCode": "LATER-1", "ValidFrom": "2999-01-01T00:00:00Z"}))
        .await;
    api.create(json!({"AccessCode": "OVER-1", "ValidTo": "2001-01-01T00:00:00Z"}))
        .await;
    api.create(json!({"AccessCode": "EMPTY-1", "MinutesLeft": 0}))
        .await;
    api.create(json!({"AccessCode": "TAKEN-1"})).await;
    assert_eq!(api.redeem("TAKEN-1", 1).await.status, 200);
    for (code, status, problem) in [
        ("NOBODYS", 404, "unknown-code"),
        ("LATER-1", 409, "not-yet-valid"),
        ("OVER-1", 410, "expired"),
        ("EMPTY-1", 410, "depleted"),
        ("TAKEN-1", 409, "no-seat"),
    ] {
        let checked = api.ask("POST", "/v1/check", &json!({"AccessCode": code})).await;
        assert_eq!(checked.problem(), (status, problem));
        let redeemed = api.redeem(code, 2).await;
        assert_eq!(redeemed.problem(), (status, problem));
    }
    let good = api
        .ask(
            "POST",
            "/v1/check",
            &json!({"AccessCode": "good1", "Email": "a@b"}),
        )
        .await;
    assert_eq!((good.status, good.body.len()), (204, 0));
    let sessions = api.get("/v1/sessions").await.json();
    assert_eq!(
        sessions["Records"].as_array().unwrap().len(),
        1,
        "a check opens nothing"
    );
}

/// "Per device 10 a minute, per client or address 300 a minute."
#[tokio::test]
async fn checks_of_wrong_codes_spend_the_budget_of_the_client() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "GOOD-1"})).await;
    let wrong = json!({"AccessCode": "NOBODYS"});
    for _ in 0..api.bed.config.sessions.attempts_per_client {
        assert_eq!(api.ask("POST", "/v1/check", &wrong).await.status, 404);
    }
    for code in ["NOBODYS", "GOOD-1"] {
        let refused = api.ask("POST", "/v1/check", &json!({"AccessCode": code})).await;
        assert_eq!(refused.problem(), (429, "too-many-attempts"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(
        api.redeem("GOOD-1", 1).await.problem(),
        (429, "too-many-attempts")
    );
}

/// "12. gate full, or the kernel refused the entry: nothing is charged."
#[tokio::test]
async fn no_more_devices_are_online_than_is_configured_whatever_room_the_gate_has() {
    let api = TestApi::with("[gate]\ndevices = 2\n");
    let id = api.create(json!({"AccessCode": "MANY-1", "UserLimit": 9})).await;
    for (device, status) in [(1, 200), (2, 200), (3, 503), (2, 200)] {
        assert_eq!(api.redeem("MANY-1", device).await.status, status, "{device}");
    }
    assert_eq!(api.redeem("MANY-1", 3).await.problem(), (503, "gate-full"));
    assert_eq!(api.record(id).await["MacAddress"], json!(mac(2)));
}

/// "Records outside the caller's BusinessIds are answered as not found and never listed."
#[tokio::test]
async fn a_code_of_another_location_is_unknown_to_a_caller_of_one() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "HERE-1", "BusinessId": 2})).await;
    let there = api
        .create(json!({"AccessCode": "THERE-1", "BusinessId": 3}))
        .await;
    let caller = local(&api, 2).await;
    for (code, check, redemption) in [("HERE-1", 204, 200), ("THERE-1", 404, 404)] {
        let asked = json!({"AccessCode": code, "MacAddress": mac(1)});
        for (path, expected) in [("/v1/check", check), ("/v1/redemptions", redemption)] {
            let answer = api.ask_as(As::Bearer(&caller), "POST", path, &asked).await;
            assert_eq!(answer.status, expected, "{code} {path}");
            if expected == 404 {
                assert_eq!(answer.problem(), (404, "unknown-code"));
            }
        }
    }
    let usage = api
        .ask("GET", &format!("/v1/usage?TokenId={there}"), &json!(null))
        .await;
    assert_eq!(usage.json()["Records"], json!([]), "nothing opened");
    assert_eq!(
        api.redeem("THERE-1", 2).await.status,
        200,
        "for all others it is there"
    );
}

/// "A token opens only in a zone of its own `BusinessId`, when zones are mapped to locations."
#[tokio::test]
async fn a_code_of_a_location_without_a_zone_opens_nowhere() {
    let api = TestApi::with_zones(&[(0, 1), (1, 2)]);
    for (code, location, expected) in [("HERE-1", 1, 204), ("THERE-1", 2, 204), ("NOWHERE-1", 3, 403)] {
        api.create(json!({"AccessCode": code, "BusinessId": location}))
            .await;
        let checked = api.ask("POST", "/v1/check", &json!({"AccessCode": code})).await;
        assert_eq!(checked.status, expected, "{code}");
    }
}
