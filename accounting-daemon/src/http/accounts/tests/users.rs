//! Accounts as administrators manage them.

use super::*;

#[tokio::test]
async fn users_are_made_shown_changed_and_deleted() {
    let api = api();
    let user = json!({
        "Email": "Ann@Lab.test", "Password": "correct horse", "Roles": ["ACCESSTOKEN-LIST", "AccessToken-Read"],
        "BusinessIds": [9, 7], "Unknown": 1,
    });
    let mut shown = json!({
        "Email": "Ann@Lab.test", "Roles": ["AccessToken-List", "AccessToken-Read"], "Administrator": false,
        "BusinessIds": [7, 9], "Disabled": false, "MustResetPassword": false, "TwoFactor": false,
    });
    let said = api.ask("POST", "/v1/users", &user).await;
    assert_eq!((said.status, &said.json()), (201, &shown));
    let said = api.ask("POST", "/v1/users", &user).await;
    assert_eq!(said.problem(), (409, "conflict"));

    let path = "/v1/users/ann%40lab.TEST";
    assert_eq!(api.get(path).await.json(), shown);
    let said = api
        .ask(
            "PUT",
            path,
            &json!({"Roles": ["AccessToken-Edit"], "Disabled": true}),
        )
        .await;
    shown["Roles"] = json!(["AccessToken-Edit"]);
    shown["Disabled"] = json!(true);
    assert_eq!((said.status, &said.json()), (200, &shown));
    // Whole records come back, and null clears.
    let said = api.ask("PUT", path, &shown).await;
    assert_eq!((said.status, &said.json()), (200, &shown));
    let said = api
        .ask("PUT", path, &json!({"BusinessIds": null, "Roles": null}))
        .await;
    assert_eq!(
        (&said.json()["BusinessIds"], &said.json()["Roles"]),
        (&Value::Null, &json!([]))
    );

    assert_eq!(api.ask("DELETE", path, &Value::Null).await.status, 204);
    for method in ["GET", "DELETE"] {
        let said = api.ask(method, path, &Value::Null).await;
        assert_eq!(said.problem(), (404, "not-found"), "{method}");
    }
    assert_eq!(api.ask("PUT", path, &json!({})).await.status, 404);
}

#[tokio::test]
async fn every_problem_of_an_account_is_named_at_once() {
    let api = api();
    let wrong = json!({
        "Email": "no address", "Password": "short", "Roles": ["Root"], "Administrator": 1, "BusinessIds": [0],
        "Disabled": "x",
    });
    let said = api.ask("POST", "/v1/users", &wrong).await;
    assert_eq!(said.problem(), (422, "invalid"));
    let told = said.json();
    let mut names: Vec<_> = told["Errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["PropertyName"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Administrator",
            "BusinessIds",
            "Disabled",
            "Email",
            "Password",
            "Roles"
        ]
    );
    assert!(
        !said.json().to_string().contains("short"),
        "no password is echoed"
    );
    let said = api.ask("POST", "/v1/users", &json!({})).await;
    assert_eq!(said.json()["Errors"].as_array().unwrap().len(), 2);
    let other = json!({"Email": "other@b"});
    let said = api.ask("PUT", "/v1/users/admin%40localhost", &other).await;
    assert_eq!(said.problem(), (422, "invalid"));
    let wrong = json!({"ClientId": "a@b", "Name": 7, "Roles": "x"});
    let said = api.ask("POST", "/v1/clients", &wrong).await;
    assert_eq!(said.json()["Errors"].as_array().unwrap().len(), 3);
    let said = api
        .send_as(
            As::Basic(ADMIN, &api.password),
            "POST",
            "/v1/users",
            "application/json",
            "{",
        )
        .await;
    assert_eq!(said.problem(), (400, "malformed-request"));
}

#[tokio::test]
async fn the_last_administrator_who_can_sign_in_stays() {
    let api = api();
    let path = "/v1/users/admin%40localhost";
    make_user(&api, "off@b", json!({"Administrator": true, "Disabled": true})).await;
    for change in [
        json!({"Administrator": false}),
        json!({"Disabled": true}),
        json!({"Administrator": null}),
    ] {
        let said = api.ask("PUT", path, &change).await;
        assert_eq!(said.problem(), (409, "conflict"), "{change}");
    }
    let said = api.ask("DELETE", path, &Value::Null).await;
    assert_eq!(said.problem(), (409, "conflict"));
    make_user(&api, "b@b", json!({"Administrator": true})).await;
    assert_eq!(api.ask("DELETE", path, &Value::Null).await.status, 204);
    assert_eq!(api.get(path).await.status, 401);
}

#[tokio::test]
async fn a_change_of_a_user_revokes_tokens_and_is_in_the_audit_without_secrets() {
    let api = api();
    make_user(&api, "a@b", json!({"Administrator": true})).await;
    let (access, refresh) = signed_in(&api, "a@b").await;
    let by = As::Basic("a@b", "correct horse");
    assert_eq!(api.ask_as(by, "GET", "/v1/users", &Value::Null).await.status, 200);
    let password = json!({"Password": "another horse", "Administrator": false});
    assert_eq!(api.ask("PUT", "/v1/users/a@b", &password).await.status, 200);
    assert_eq!(api.ask_as(by, "GET", "/v1/users", &Value::Null).await.status, 401);
    assert_eq!(
        api.ask_as(As::Bearer(&access), "GET", "/v1/users", &Value::Null)
            .await
            .status,
        401
    );
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    assert_eq!(token(&api, &form).await.status, 400);

    let said = api.get("/v1/audit?Object=user/a@b").await;
    let told = said.json();
    let records = told["Records"].as_array().unwrap();
    let actions: Vec<_> = records.iter().map(|record| text(&record["Action"])).collect();
    assert_eq!(actions, ["user.edit", "user.create"]);
    let edit = &records[0];
    assert_eq!(
        (&edit["Who"], &edit["Via"], &edit["Address"]),
        (&json!(ADMIN), &json!("User"), &json!("192.0.2.1"))
    );
    assert_eq!(
        (&edit["Before"]["Administrator"], &edit["After"]["Administrator"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(edit["After"]["PasswordChanged"], true);
    let all = told.to_string();
    assert!(!all.contains("horse") && !all.contains("argon2"), "{all}");
    assert_eq!(api.get("/v1/audit?Who=x").await.json()["Records"], json!([]));
}

#[tokio::test]
async fn only_administrators_manage_accounts_and_read_the_audit() {
    let api = api();
    let roles = json!([
        "AccessToken-List",
        "AccessToken-Read",
        "AccessToken-Create",
        "AccessToken-Edit",
        "AccessToken-Delete",
        "AccessToken-Redeem"
    ]);
    make_user(&api, "a@b", json!({"Roles": roles})).await;
    let by = As::Basic("a@b", "correct horse");
    for (method, path) in [
        ("GET", "/v1/users"),
        ("POST", "/v1/users"),
        ("GET", "/v1/users/a@b"),
        ("PUT", "/v1/users/a@b"),
        ("DELETE", "/v1/users/a@b"),
        ("GET", "/v1/clients"),
        ("POST", "/v1/clients"),
        ("GET", "/v1/clients/x"),
        ("PUT", "/v1/clients/x"),
        ("DELETE", "/v1/clients/x"),
        ("GET", "/v1/audit"),
    ] {
        let said = api.ask_as(by, method, path, &json!({})).await;
        assert_eq!(said.problem(), (403, "forbidden"), "{method} {path}");
        assert_eq!(api.ask_as(As::Nobody, method, path, &json!({})).await.status, 401);
    }
}

#[tokio::test]
async fn lists_come_in_parts() {
    let api = api();
    for nth in 0..3 {
        make_user(&api, &format!("u{nth}@b"), json!({})).await;
    }
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/v1/users?Size=2{after}");
        let page = api.get(&path).await.json();
        let records = page["Records"].as_array().unwrap();
        found.extend(records.iter().map(|user| text(&user["Email"])));
        let Some(next) = page["Next"].as_str() else {
            break;
        };
        after = format!("&After={next}");
    }
    assert_eq!(found, [ADMIN, "u0@b", "u1@b", "u2@b"]);
    let said = api.get("/v1/clients?Size=0").await;
    assert_eq!(said.problem(), (400, "malformed-request"));
}

/// "Conditions are checked in this order and the first that fails is the answer."
/// "1. caller not authenticated"
/// "3. caller may not redeem"
#[tokio::test]
async fn who_asks_is_looked_at_first_then_what_is_wrong_with_the_request_then_whether_they_may() {
    let api = api();
    make_user(&api, "desk@lab.test", json!({"Roles": ["AccessToken-List"]})).await;
    let (desk, _) = signed_in(&api, "desk@lab.test").await;
    let good = json!({"AccessCode": "AB-1", "MacAddress": "02:00:00:00:00:01"});
    for path in ["/v1/redemptions", "/v1/check"] {
        for (by, body, expected) in [
            (As::Nobody, &json!({}), (401, "unauthenticated")),
            (As::Nobody, &good, (401, "unauthenticated")),
            (As::Bearer(&desk), &json!({}), (400, "malformed-request")),
            (As::Bearer(&desk), &good, (403, "forbidden")),
        ] {
            let said = api.ask_as(by, "POST", path, body).await;
            assert_eq!(said.problem(), expected, "{path}");
        }
    }
}
