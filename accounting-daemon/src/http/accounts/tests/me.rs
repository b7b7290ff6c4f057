//! The caller's own password and one-time codes.

use super::*;

#[tokio::test]
async fn people_change_their_own_password() {
    let api = api();
    make_user(&api, "a@b", json!({"MustResetPassword": true})).await;
    let by = As::Basic("a@b", "correct horse");
    let said = api.ask_as(by, "POST", "/v1/me/totp", &Value::Null).await;
    assert_eq!(said.problem(), (401, "unauthenticated"));
    assert!(text(&said.json()["detail"]).contains("/v1/me/password"));
    let put = async |by, current: &str, new: &str| {
        let body = json!({"Current": current, "New": new});
        api.ask_as(by, "PUT", "/v1/me/password", &body).await
    };
    for (current, new) in [
        ("wrong", "battery staple"),
        ("correct horse", "short"),
        ("correct horse", "correct horse"),
    ] {
        let said = put(by, current, new).await;
        assert_eq!(said.problem(), (422, "invalid"), "{current} {new}");
    }
    assert_eq!(put(by, "correct horse", "battery staple").await.status, 204);
    assert_eq!(put(by, "correct horse", "battery staple").await.status, 401);
    let form = "grant_type=password&username=a%40b&password=battery+staple";
    let access = text(&token(&api, form).await.json()["access_token"]);
    let said = put(As::Bearer(&access), "battery staple", "correct horse").await;
    assert_eq!(said.status, 204);
    assert_eq!(
        put(As::Bearer(&access), "correct horse", "battery staple")
            .await
            .status,
        401,
        "signed out everywhere"
    );
    let said = api.ask("POST", "/v1/clients", &json!({})).await;
    let (id, secret) = (text(&said.json()["ClientId"]), text(&said.json()["ClientSecret"]));
    let said = put(As::Basic(&id, &secret), &secret, "battery staple").await;
    assert_eq!(said.problem(), (403, "forbidden"));
}

#[tokio::test]
async fn one_time_codes_are_enrolled_asked_for_and_switched_off() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    let (access, _) = signed_in(&api, "a@b").await;
    let by = As::Bearer(&access);
    let drawn = api.ask_as(by, "POST", "/v1/me/totp", &Value::Null).await;
    assert_eq!(drawn.status, 200);
    let secret = text(&drawn.json()["Secret"]);
    let uri = text(&drawn.json()["Uri"]);
    assert!(
        uri.starts_with("otpauth://totp/") && uri.contains(&secret),
        "{uri}"
    );
    // Not on before its owner has shown a code.
    signed_in(&api, "a@b").await;
    let code = |code: &str| json!({ "Code": code });
    let said = api.ask_as(by, "POST", "/v1/me/totp", &code("000000")).await;
    assert_eq!(said.problem(), (422, "invalid"));
    let said = api.send_as(by, "POST", "/v1/me/totp", "text/plain", "{}").await;
    assert_eq!(
        said.status, 415,
        "nothing may be sent, but nothing else than JSON"
    );
    let now = one_time_code(&api, &secret, 0);
    assert_eq!(
        api.ask_as(by, "POST", "/v1/me/totp", &code(&now)).await.status,
        204
    );
    let said = api.ask_as(by, "POST", "/v1/me/totp", &json!({})).await;
    assert_eq!(said.problem(), (409, "conflict"));

    let form = "grant_type=password&username=a%40b&password=correct+horse";
    let with = |code: &str| format!("{form}&totp={code}");
    for (form, error) in [
        (form.to_owned(), "two_factor_auth_check"),
        (with("000000"), "invalid_grant"),
        (with(&one_time_code(&api, &secret, 3)), "invalid_grant"),
    ] {
        let said = token(&api, &form).await;
        assert_eq!(
            (said.status, &said.json()["error"]),
            (400, &json!(error)),
            "{form}"
        );
    }
    assert_eq!(token(&api, &with(&now)).await.status, 200);
    let replayed = token(&api, &with(&now)).await;
    assert_eq!(replayed.json()["error"], "invalid_grant", "each code is for once");
    let earlier = token(&api, &with(&one_time_code(&api, &secret, -1))).await;
    assert_eq!(earlier.json()["error"], "invalid_grant");

    // The password alone is not enough for Basic any more.
    let said = api
        .ask_as(
            As::Basic("a@b", "correct horse"),
            "POST",
            "/v1/me/totp",
            &Value::Null,
        )
        .await;
    assert_eq!(said.problem(), (401, "unauthenticated"));
    assert!(text(&said.json()["detail"]).contains("/api/token"));

    let off = async |code: &Value| api.ask_as(by, "DELETE", "/v1/me/totp", code).await;
    assert_eq!(off(&json!({})).await.problem(), (422, "invalid"));
    assert_eq!(off(&code(&now)).await.problem(), (422, "invalid"), "used before");
    let next = one_time_code(&api, &secret, 1);
    assert_eq!(off(&code(&next)).await.status, 204);
    assert_eq!(off(&code(&next)).await.problem(), (404, "not-found"));
    signed_in(&api, "a@b").await;
}

#[tokio::test]
async fn an_administrator_helps_who_has_lost_their_codes() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    let (access, _) = signed_in(&api, "a@b").await;
    let drawn = api
        .ask_as(As::Bearer(&access), "POST", "/v1/me/totp", &Value::Null)
        .await;
    let code = one_time_code(&api, &text(&drawn.json()["Secret"]), 0);
    let said = api
        .ask_as(As::Bearer(&access), "POST", "/v1/me/totp", &json!({"Code": code}))
        .await;
    assert_eq!(said.status, 204);
    let said = api
        .ask("PUT", "/v1/users/a@b", &json!({"TwoFactor": false}))
        .await;
    assert_eq!((said.status, &said.json()["TwoFactor"]), (200, &json!(false)));
    signed_in(&api, "a@b").await;
    let said = api.ask("PUT", "/v1/users/a@b", &json!({"TwoFactor": true})).await;
    assert_eq!(said.problem(), (422, "invalid"));
}

/// An administrator lends somebody a password who has one-time codes: the code goes with the change.
#[tokio::test]
async fn a_lent_password_is_changed_with_a_one_time_code() {
    let api = api();
    make_user(&api, "a@b", json!({})).await;
    let (access, _) = signed_in(&api, "a@b").await;
    let by = As::Bearer(&access);
    let drawn = api.ask_as(by, "POST", "/v1/me/totp", &Value::Null).await;
    let secret = text(&drawn.json()["Secret"]);
    let on = json!({"Code": one_time_code(&api, &secret, -1)});
    assert_eq!(api.ask_as(by, "POST", "/v1/me/totp", &on).await.status, 204);
    let lent = json!({"Password": "correct horse", "MustResetPassword": true});
    assert_eq!(api.ask("PUT", "/v1/users/a@b", &lent).await.status, 200);

    let form = "grant_type=password&username=a%40b&password=correct+horse";
    let with = format!("{form}&totp={}", one_time_code(&api, &secret, -1));
    assert_eq!(token(&api, &with).await.json()["error"], "must_reset_password");
    let by = As::Basic("a@b", "correct horse");
    let change = async |code: Value| {
        let body = json!({"Current": "correct horse", "New": "battery staple", "Code": code});
        api.ask_as(by, "PUT", "/v1/me/password", &body).await
    };
    let without = change(Value::Null).await;
    assert_eq!(without.problem(), (422, "invalid"));
    assert_eq!(without.json()["Errors"][0]["PropertyName"], "Code");
    for wrong in ["000000", &one_time_code(&api, &secret, -1)] {
        assert_eq!(change(wrong.into()).await.problem(), (422, "invalid"), "{wrong}");
    }
    // Half of what is needed opens nothing else, also when it was good for something before.
    for (method, target) in [("POST", "/v1/me/totp"), ("GET", TOKENS)] {
        assert_eq!(
            api.ask_as(by, method, target, &Value::Null).await.status,
            401,
            "{target}"
        );
    }
    assert_eq!(change(one_time_code(&api, &secret, 0).into()).await.status, 204);
    let form = "grant_type=password&username=a%40b&password=battery+staple";
    let with = format!("{form}&totp={}", one_time_code(&api, &secret, 1));
    assert_eq!(token(&api, &with).await.status, 200);
}
