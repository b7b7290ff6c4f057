//! Access tokens: who is given them, for what, and how they are renewed.

use super::*;

#[tokio::test]
async fn a_token_is_answered_as_oauth_has_it_and_opens_every_endpoint() {
    let api = api();
    make_user(&api, "a@b", json!({"Administrator": true})).await;
    let said = token(&api, "grant_type=password&username=A%40b&password=correct+horse").await;
    assert_eq!(said.status, 200);
    assert_eq!(said.header("cache-control"), "no-store");
    assert_eq!(said.header("pragma"), "no-cache");
    let members: Vec<_> = said.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        ["access_token", "expires_in", "refresh_token", "token_type"]
    );
    assert_eq!(
        (&said.json()["token_type"], &said.json()["expires_in"]),
        (&json!("bearer"), &json!(604_799))
    );
    let access = text(&said.json()["access_token"]);
    assert_eq!(
        api.ask_as(As::Bearer(&access), "GET", "/v1/users", &Value::Null)
            .await
            .status,
        200
    );
    let refresh = text(&said.json()["refresh_token"]);
    assert_eq!(
        api.ask_as(As::Bearer(&refresh), "GET", "/v1/users", &Value::Null)
            .await
            .status,
        401
    );
}

#[tokio::test]
async fn what_cannot_be_signed_in_by_is_a_400_with_its_error() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    make_user(&api, "off@b", json!({"Disabled": true})).await;
    make_user(&api, "lent@b", json!({"MustResetPassword": true})).await;
    for (form, error) in [
        ("", "invalid_request"),
        ("grant_type=", "invalid_request"),
        ("username=a&password=b", "invalid_request"),
        ("grant_type=password", "invalid_request"),
        ("grant_type=password&username=a%40b", "invalid_request"),
        ("grant_type=password&username=a%40b&password=", "invalid_request"),
        (
            "grant_type=password&username=a%40b&username=a%40b&password=correct+horse",
            "invalid_request",
        ),
        (
            "grant_type=password&username=a%40b&password=%ff",
            "invalid_request",
        ),
        ("grant_type=refresh_token", "invalid_request"),
        ("grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&client_id=x", "invalid_request"),
        ("grant_type=authorization_code&code=x", "unsupported_grant_type"),
        ("grant_type=PASSWORD", "unsupported_grant_type"),
        (
            "grant_type=password&username=a%40b&password=wrong",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=no%40b&password=wrong",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=off%40b&password=correct+horse",
            "invalid_grant",
        ),
        ("grant_type=refresh_token&refresh_token=x", "invalid_grant"),
        (
            "grant_type=client_credentials&client_id=x&client_secret=y",
            "invalid_grant",
        ),
        (
            "grant_type=client_credentials&client_id=a%40b&client_secret=correct+horse",
            "invalid_grant",
        ),
        (
            "grant_type=password&username=lent%40b&password=correct+horse",
            "must_reset_password",
        ),
    ] {
        let said = token(&api, form).await;
        assert_eq!(
            (said.status, &said.json()["error"]),
            (400, &json!(error)),
            "{form}"
        );
        assert!(said.json()["error_description"].is_string(), "{form}");
    }
    let body = r#"{"grant_type":"password","username":"a@b","password":"correct horse"}"#;
    for media in ["application/json", "text/plain", ""] {
        let said = api.send_as(As::Nobody, "POST", "/api/token", media, body).await;
        assert_eq!(
            (said.status, &said.json()["error"]),
            (400, &json!("unsupported_grant_type")),
            "{media}"
        );
    }
    let said = api.ask_as(As::Nobody, "GET", "/api/token", &Value::Null).await;
    assert_eq!((said.status, said.header("allow")), (405, "POST"));
}

#[tokio::test]
async fn a_refresh_token_works_once_and_leaves_access_tokens_alone() {
    let api = api();
    make_user(&api, "a@b", json!({"Administrator": true})).await;
    let (first, refresh) = signed_in(&api, "a@b").await;
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    let said = token(&api, &form).await;
    assert_eq!(said.status, 200);
    let (second, next) = (
        text(&said.json()["access_token"]),
        text(&said.json()["refresh_token"]),
    );
    assert_ne!((&first, &refresh), (&second, &next));
    for access in [&first, &second] {
        assert_eq!(
            api.ask_as(As::Bearer(access), "GET", "/v1/users", &Value::Null)
                .await
                .status,
            200
        );
    }
    let again = token(&api, &form).await;
    assert_eq!(
        (again.status, &again.json()["error"]),
        (400, &json!("invalid_grant"))
    );
    let form = format!("grant_type=refresh_token&refresh_token={next}");
    assert_eq!(token(&api, &form).await.status, 400, "the family has ended");
    for access in [&first, &second] {
        assert_eq!(
            api.ask_as(As::Bearer(access), "GET", "/v1/users", &Value::Null)
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn a_refresh_token_is_its_clients() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    let ask = async |client_id: &str, form: &str| {
        let headers = [("content-type", FORM), ("client_id", client_id)];
        api.send_from(
            "192.0.2.1",
            As::Nobody,
            "POST",
            "/api/token",
            &headers,
            form.to_owned(),
        )
        .await
    };
    let said = ask("app", "grant_type=password&username=a%40b&password=correct+horse").await;
    let form = format!(
        "grant_type=refresh_token&refresh_token={}",
        text(&said.json()["refresh_token"])
    );
    assert_eq!(ask("other", &form).await.status, 400);
    assert_eq!(ask("app", &form).await.status, 200);
}

#[tokio::test]
async fn a_client_gets_a_token_by_form_and_by_basic() {
    let api = api();
    let made = json!({"Name": "Kiosk", "Roles": ["accesstoken-redeem"], "BusinessIds": [7]});
    let said = api.ask("POST", "/v1/clients", &made).await;
    assert_eq!(said.status, 201);
    let (id, secret) = (text(&said.json()["ClientId"]), text(&said.json()["ClientSecret"]));
    let expected = json!({
        "ClientId": id, "Name": "Kiosk", "Roles": ["AccessToken-Redeem"], "BusinessIds": [7],
    });
    let path = format!("/v1/clients/{id}");
    assert_eq!(api.get(&path).await.json(), expected);

    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let by_form = token(&api, &form).await;
    let form = "grant_type=client_credentials";
    let by = As::Basic(&id, &secret);
    let by_basic = api.send_as(by, "POST", "/api/token", FORM, form).await;
    for said in [by_form, by_basic] {
        assert_eq!(said.status, 200, "{}", said.json());
        assert_eq!(said.json().get("refresh_token"), None);
        let token = text(&said.json()["access_token"]);
        let said = api
            .ask_as(As::Bearer(&token), "GET", "/v1/users", &Value::Null)
            .await;
        assert_eq!(said.problem(), (403, "forbidden"));
    }
    // A client's secret works by Basic too, until the client is gone.
    assert_eq!(api.ask_as(by, "GET", "/v1/users", &Value::Null).await.status, 403);
    assert_eq!(api.ask("DELETE", &path, &Value::Null).await.status, 204);
    assert_eq!(api.ask_as(by, "GET", "/v1/users", &Value::Null).await.status, 401);
    assert_eq!(api.get(&path).await.status, 404);
}
