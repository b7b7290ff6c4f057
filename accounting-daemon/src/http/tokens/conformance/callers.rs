//! What exists for whom: roles, and locations.

use super::*;

/// "401 ... for bad credentials and for a missing role"; "a full administrator passes all".
#[tokio::test]
async fn each_call_has_its_role() {
    let api = TestApi::new();
    api.create(json!({})).await;
    let calls = [
        ("GET", TOKENS.to_owned(), Role::List, 200),
        ("GET", format!("{TOKENS}/1"), Role::Read, 200),
        ("POST", TOKENS.to_owned(), Role::Create, 400),
        ("PUT", TOKENS.to_owned(), Role::Edit, 400),
        ("DELETE", format!("{TOKENS}/9"), Role::Delete, 404),
        ("GET", format!("{TOKENS}/commands"), Role::List, 200),
        ("POST", format!("{TOKENS}/runcommand"), Role::Edit, 200),
        ("GET", format!("{TOKENS}/runcommand"), Role::Edit, 200),
        ("GET", format!("{TOKENS}/export"), Role::List, 200),
        ("POST", format!("{TOKENS}/import"), Role::Create, 415),
    ];
    for role in Role::ALL {
        let holder = api.somebody(&[role], &[1]).await;
        for (method, target, needed, expected) in &calls {
            let read = api.ask_as(As::Bearer(&holder), method, target, &json!({})).await;
            let wanted = if role == *needed { *expected } else { 401 };
            assert_eq!(
                read.status,
                wanted,
                "{method} {target} as {role}: {}",
                read.text()
            );
            if wanted == 401 {
                assert_eq!(
                    read.json(),
                    json!({"Message": "Authorization has been denied for this request."})
                );
            }
        }
    }
}

/// "Records outside the caller's BusinessIds are answered as not found and never listed."
#[tokio::test]
async fn other_locations_do_not_exist() {
    let api = TestApi::new();
    for (business, code) in [(1, "ONE"), (2, "TWO"), (3, "THREE")] {
        api.create(json!({"BusinessId": business, "AccessCode": code}))
            .await;
    }
    let mine = api.somebody(&Role::ALL, &[1, 3]).await;
    let ask = async |method: &str, target: &str, body: Value| {
        api.ask_as(As::Bearer(&mine), method, target, &body).await
    };
    for (query, expected) in [
        ("", vec![1, 3]),
        ("?dir=-1", vec![3, 1]),
        ("?orderBy=AccessCode", vec![1, 3]),
        ("?Id=1,2,3", vec![1, 3]),
        ("?AccessToken_Business=2", vec![]),
        ("?AccessToken_Business=3", vec![3]),
        ("?AccessToken_AccessCode=TWO", vec![]),
        ("?AccessToken_UpdatedBy=a&page=2&size=1", vec![3]),
        ("?page=2&size=1", vec![3]),
    ] {
        let page = ask("GET", &format!("{TOKENS}{query}"), Value::Null).await.json();
        let found: Vec<u64> = page["Records"]
            .as_array()
            .unwrap()
            .iter()
            .map(|record| record["Id"].as_u64().unwrap())
            .collect();
        assert_eq!(found, expected, "{query}");
        let total = if query.contains("size=1") {
            2
        } else {
            expected.len()
        };
        assert_eq!(page["TotalItems"], total, "{query}");
    }
    let table = ask("GET", &format!("{TOKENS}/export"), Value::Null).await.text();
    assert!(table.contains("THREE") && !table.contains("TWO"));
    for (method, target, body) in [
        ("GET", format!("{TOKENS}/2"), Value::Null),
        ("DELETE", format!("{TOKENS}/2"), Value::Null),
        ("PUT", TOKENS.to_owned(), json!({"Id": 2, "MinutesIncluded": 1})),
    ] {
        let read = ask(method, &target, body).await;
        assert_eq!(
            (read.status, read.text()),
            (404, "\"Not found\"".to_owned()),
            "{method}"
        );
    }
    // Neither made there nor moved there.
    for (method, body) in [
        ("POST", json!({"BusinessId": 2, "MinutesIncluded": 1})),
        ("PUT", json!({"Id": 1, "BusinessId": 2})),
    ] {
        let read = ask(method, TOKENS, body).await;
        assert_eq!(
            (read.status, properties(&read)),
            (400, vec!["BusinessId".to_owned()]),
            "{method}"
        );
    }
    let run = format!("{TOKENS}/runcommand");
    for order in [
        json!({"Key": "COMMAND_DELETE", "Ids": [1, 2]}),
        json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [{"Name": "NumberOfTokens", "Value": 1},
            {"Name": "BusinessId", "Value": 2}, {"Name": "MinutesIncluded", "Value": 1}]}),
    ] {
        let read = ask("POST", &run, order).await;
        assert_eq!((read.status, &read.json()["WasSuccessful"]), (200, &json!(false)));
    }
    assert_eq!(list(&api, "").await["TotalItems"], 3);
}
