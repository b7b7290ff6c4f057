//! Usage records, as JSON and as a table.

use super::*;

/// "Exportable as JSON and CSV, kept for `retention` (default 1 year)."
#[tokio::test]
async fn usage_is_listed_as_json_and_csv() {
    let api = TestApi::new();
    let first = api.create(json!({"AccessCode": "ONE-1"})).await;
    let second = api.create(json!({"AccessCode": "TWO-1", "BusinessId": 2})).await;
    for (code, last) in [("ONE-1", 1), ("TWO-1", 2), ("ONE-1", 3)] {
        assert_eq!(api.redeem(code, last).await.status, 200);
        let session = format!("/v1/sessions/{}", mac(last));
        assert_eq!(api.ask("DELETE", &session, &Value::Null).await.status, 204);
    }
    let devices = async |by: As<'_>, query: &str| -> Vec<String> {
        let target = format!("/v1/usage?{query}");
        let page = api.ask_as(by, "GET", &target, &Value::Null).await.json();
        let records = page["Records"].as_array().unwrap().iter();
        records
            .map(|one| one["MacAddress"].as_str().unwrap().to_owned())
            .collect()
    };
    let (admin, there) = (api.admin(), local(&api, 2).await);
    assert_eq!(devices(admin, "").await, [mac(1), mac(2), mac(3)]);
    assert_eq!(
        devices(admin, &format!("TokenId={first}")).await,
        [mac(1), mac(3)]
    );
    assert_eq!(
        devices(admin, &format!("TokenId={second}&Cause=disconnected")).await,
        [mac(2)]
    );
    assert_eq!(devices(admin, "Cause=Idle").await, [] as [String; 0]);
    assert_eq!(devices(admin, &format!("MacAddress={}", mac(3))).await, [mac(3)]);
    assert_eq!(devices(admin, "From=2999-01-01").await, [] as [String; 0]);
    assert_eq!(devices(admin, "To=2001-01-01").await, [] as [String; 0]);
    assert_eq!(devices(admin, "From=2001-01-01&To=2999-01-01").await.len(), 3);
    assert_eq!(devices(admin, "Zone=1").await, [] as [String; 0]);
    assert_eq!(devices(As::Bearer(&there), "").await, [mac(2)]);
    let page = api.get("/v1/usage?Size=2").await.json();
    let next = page["Next"].as_str().unwrap();
    assert_eq!(devices(admin, &format!("After={next}")).await, [mac(3)]);
    let of_first = api.get(&format!("/v1/usage?TokenId={first}&Size=1")).await.json();
    let next = of_first["Next"].as_str().unwrap();
    assert_eq!(
        devices(admin, &format!("TokenId={first}&After={next}")).await,
        [mac(3)]
    );

    let csv = api.get("/v1/usage?Format=csv").await;
    assert!(csv.media_type().starts_with("text/csv"));
    let text = String::from_utf8(csv.body.to_vec()).unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 4, "{text}");
    assert!(
        lines[0].starts_with("Id,TokenId,MacAddress,Zone,Addresses,OpenedOn,"),
        "{text}"
    );
    assert!(
        lines[1].contains(&mac(1)) && lines[1].ends_with(",Disconnected"),
        "{text}"
    );
    let accepting = async |media_type| {
        let headers = [("accept", media_type)];
        api.open(admin, "/v1/usage", &headers).await
    };
    let asked_for = accepting("text/csv").await;
    let media_type = asked_for.headers()["content-type"].to_str().unwrap();
    assert!(media_type.starts_with("text/csv"));
    assert_eq!(accepting("image/png").await.status(), 406);
    for wrong in ["Cause=Boredom", "From=yesterday", "Format=xml"] {
        let answer = api.get(&format!("/v1/usage?{wrong}")).await;
        assert_eq!(answer.problem(), (400, "malformed-request"), "{wrong}");
    }
}
