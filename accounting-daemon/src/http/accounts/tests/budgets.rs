//! Failures to sign in are counted, by account and by address.

use std::collections::BTreeMap;

use super::*;

#[tokio::test]
async fn the_own_password_cannot_be_guessed_with_a_stolen_token() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    let (access, _) = signed_in(&api, "a@b").await;
    let guess = json!({"Current": "wrong", "New": "battery staple"});
    let mut said = Vec::new();
    for _ in 0..11 {
        let by = As::Bearer(&access);
        said.push(api.ask_as(by, "PUT", "/v1/me/password", &guess).await.status);
    }
    assert_eq!(said, [[422; 10].as_slice(), &[429]].concat());
}

#[tokio::test]
async fn failures_have_budgets_in_the_words_of_each_api() {
    let api = api();
    make_user(&api, "a@b", json!({"Roles": ["AccessToken-Read"]})).await;
    let wrong = "grant_type=password&username=a%40b&password=wrong";
    let right = "grant_type=password&username=a%40b&password=correct+horse";
    for _ in 0..10 {
        let said = token(&api, wrong).await;
        assert_eq!(
            (said.status, said.headers.contains_key("retry-after")),
            (400, false)
        );
    }
    let said = token(&api, right).await;
    assert_eq!(
        (said.status, &said.json()["error"]),
        (400, &json!("invalid_grant"))
    );
    assert_eq!(said.header("retry-after"), "60");
    let by = As::Basic("a@b", "correct horse");
    let said = api.ask_as(by, "GET", "/v1/users", &Value::Null).await;
    assert_eq!(said.problem(), (429, "too-many-attempts"));
    assert_eq!(said.header("retry-after"), "60");
    let said = api
        .ask_as(by, "GET", "/api/spaces/accesstokens/1", &Value::Null)
        .await;
    assert_eq!((said.status, said.text().as_str()), (409, ""));
    assert_eq!(said.header("retry-after"), "60");
    let headers = [("content-type", FORM)];
    let elsewhere = api.send_from("192.0.2.2", As::Nobody, "POST", "/api/token", &headers, right);
    assert_eq!(elsewhere.await.status, 200);
}

#[tokio::test]
async fn an_address_of_version_6_is_its_first_64_bits() {
    let api = api();
    let mut said = BTreeMap::<u16, u32>::new();
    for nth in 0..31 {
        let peer = format!("2001:db8::{nth:x}");
        let name = format!("u{nth}@b");
        let by = As::Basic(&name, "wrong");
        let status = api.send_from(&peer, by, "GET", "/v1/users", &[], "").await.status;
        *said.entry(status).or_default() += 1;
    }
    assert_eq!(said, BTreeMap::from([(401, 30), (429, 1)]));
    let by = As::Basic(ADMIN, &api.password);
    let near = api
        .send_from("2001:db8::ffff", by, "GET", "/v1/users", &[], "")
        .await;
    assert_eq!(near.status, 429);
    let far = api
        .send_from("2001:db8:0:1::1", by, "GET", "/v1/users", &[], "")
        .await;
    assert_eq!(far.status, 200);
}
