//! Lists of sessions, and what of them others see.

use super::*;

#[tokio::test]
async fn sessions_are_listed_oldest_first_page_by_page() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "MANY-1", "UserLimit": 100}))
        .await;
    let other = api.create(json!({"AccessCode": "ONE-1", "BusinessId": 2})).await;
    // The order of their addresses is not the order in which they came.
    let lasts: Vec<u16> = (1..=7).rev().collect();
    for last in &lasts {
        assert_eq!(api.redeem("MANY-1", *last).await.status, 200);
    }
    assert_eq!(api.redeem("ONE-1", 99).await.status, 200);
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = api
            .get(&format!("/v1/sessions?Size=3&After={after}"))
            .await
            .json();
        let records = page["Records"].as_array().unwrap();
        assert!(records.len() <= 3);
        seen.extend(
            records
                .iter()
                .map(|one| one["MacAddress"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["Next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<String> = lasts.into_iter().chain([99]).map(mac).collect();
    assert_eq!((seen, pages), (expected, 3));

    let count = async |query: &str| {
        let page = api.get(&format!("/v1/sessions?{query}")).await.json();
        page["Records"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("TokenId={other}")).await, 1);
    assert_eq!(count(&format!("MacAddress={}", mac(3))).await, 1);
    assert_eq!(count("Zone=0").await, 8);
    assert_eq!(count("Zone=1").await, 0);
    let there = local(&api, 2).await;
    let seen = api
        .ask_as(As::Bearer(&there), "GET", "/v1/sessions", &Value::Null)
        .await
        .json();
    assert_eq!(
        seen["Records"].as_array().unwrap().len(),
        1,
        "only those of the location"
    );
    for wrong in [
        "Size=0",
        "Size=1001",
        "After=x",
        "TokenId=0",
        "Zone=70000",
        "MacAddress=1",
    ] {
        let answer = api.get(&format!("/v1/sessions?{wrong}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{wrong}");
    }
}

#[tokio::test]
async fn a_zone_without_an_interface_has_no_sessions_but_may_be_asked() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1"})).await;
    assert_eq!(api.redeem("ONE-1", 1).await.status, 200);
    let device = api.get(&format!("/v1/devices/{}?Zone=9", mac(1))).await;
    let expected = json!({"MacAddress": mac(1), "Zone": 9, "Online": false, "Session": null});
    assert_eq!(device.json(), expected);
    for list in ["sessions", "bypass", "block"] {
        let path = format!("/v1/{list}/{}?Zone=9", mac(1));
        let gone = api.ask("DELETE", &path, &Value::Null).await;
        assert_eq!(gone.problem(), (404, "not-found"), "{list}");
    }
    let path = format!("/v1/bypass/{}?Zone=9", mac(1));
    assert_eq!(
        api.ask("PUT", &path, &json!({})).await.problem(),
        (422, "invalid")
    );
}

#[tokio::test]
async fn devices_of_other_locations_are_not_seen_and_not_cut() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1", "BusinessId": 2})).await;
    assert_eq!(api.redeem("ONE-1", 1).await.status, 200);
    let device = format!("/v1/devices/{}", mac(1));
    let session = format!("/v1/sessions/{}", mac(1));
    let (elsewhere, there) = (local(&api, 1).await, local(&api, 2).await);
    let online = async |by: As<'_>| {
        let answer = api.ask_as(by, "GET", &device, &Value::Null).await;
        answer.json()["Online"].clone()
    };
    assert_eq!(
        (
            online(As::Bearer(&elsewhere)).await,
            online(As::Bearer(&there)).await
        ),
        (json!(false), json!(true))
    );
    let cut = api
        .ask_as(As::Bearer(&elsewhere), "DELETE", &session, &Value::Null)
        .await;
    assert_eq!(cut.problem(), (404, "not-found"));
    assert_eq!(online(As::Bearer(&there)).await, json!(true));
    let cut = api
        .ask_as(As::Bearer(&there), "DELETE", &session, &Value::Null)
        .await;
    assert_eq!(cut.status, 204);
}
