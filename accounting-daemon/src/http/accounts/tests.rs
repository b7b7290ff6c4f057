//! Signing in and managing accounts, from the request to the answer.

mod budgets;
mod giving;
mod me;
mod users;

use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::http::test_api::{ADMIN, Answered, As, FORM, TOKENS, TestApi};

/// Milliseconds since 1970.
const NOW: i64 = 1_800_000_000_000;

/// The API at a time that stands still.
fn api() -> TestApi {
    let api = TestApi::new();
    api.bed.time.stop_at(NOW);
    api
}

/// Asks for an access token.
async fn token(api: &TestApi, form: &str) -> Answered {
    api.send_as(As::Nobody, "POST", "/api/token", FORM, form.to_owned())
        .await
}

/// Makes a user whose password is "correct horse".
async fn make_user(api: &TestApi, email: &str, more: Value) {
    let mut user = json!({"Email": email, "Password": "correct horse"});
    let members = more.as_object().cloned().unwrap_or_default();
    user.as_object_mut().unwrap().extend(members);
    let said = api.ask("POST", "/v1/users", &user).await;
    assert_eq!(said.status, 201, "{}", said.text());
}

/// The access token and the refresh token of such a user.
async fn signed_in(api: &TestApi, email: &str) -> (String, String) {
    let form = format!("grant_type=password&username={email}&password=correct+horse");
    let said = token(api, &form).await;
    assert_eq!(said.status, 200, "{}", said.text());
    let given = said.json();
    (text(&given["access_token"]), text(&given["refresh_token"]))
}

/// The one-time code so many steps from now.
fn one_time_code(api: &TestApi, secret: &str, steps: i64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let codes = Builder::new().with_secret(secret).build().unwrap();
    let seconds = api.bed.time.now().wall / 1000 + 30 * steps;
    codes.generate(u64::try_from(seconds).unwrap()).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
