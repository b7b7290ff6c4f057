//! Creating, changing and deleting one record; what is refused.

use super::*;

/// "Id in the body. Absent field: unchanged; null: cleared"; "MinutesLeft is ... ignored in an update"; "unknown members
/// are ignored (clients send back whole records)".
/// "`MinutesLeft` is kept by the server: honoured at creation, ignored in an update (clients read, change and write
/// back whole records)."
#[tokio::test]
async fn a_change_merges() {
    let api = TestApi::new();
    let id = api
        .create(
            json!({"AccessCode": "A-1", "Description": "Desk", "UserLimit": 3, "SystemId": "x",
        "ValidTo": "2035-01-01T00:00:00Z"}),
        )
        .await;
    let put = async |body: Value| api.ask("PUT", TOKENS, &body).await;

    let read =
        put(json!({"Id": id, "Description": null, "UserLimit": 2, "MinutesLeft": 1, "Unknown": [1]})).await;
    let expected = format!(
        concat!(
            r#"{{"Status":200,"Message":"The record 'A-1' was updated successfully","Value":{{"Id":{}}},"#,
            r#""WasSuccessful":true,"OpenInDialog":false,"RedirectURL":null,"JavaScript":null,"Errors":null}}"#,
        ),
        id
    );
    assert_eq!((read.status, read.text()), (200, expected));
    let mut record = api.record(id).await;
    assert_eq!(
        (
            &record["Description"],
            &record["UserLimit"],
            &record["MinutesLeft"],
            &record["SystemId"]
        ),
        (&Value::Null, &json!(2), &json!(60), &json!("x"))
    );
    assert_eq!(record["ValidTo"], "2035-01-01T00:00:00Z");

    // The whole record comes back with one member changed.
    record["MinutesIncluded"] = json!(90);
    record["MinutesLeft"] = json!(7);
    record["LastAccess"] = json!("no time at all");
    assert_eq!(put(record.clone()).await.status, 200);
    let after = api.record(id).await;
    assert_eq!(
        (
            &after["MinutesIncluded"],
            &after["MinutesLeft"],
            &after["LastAccess"]
        ),
        (&json!(90), &json!(90), &Value::Null)
    );

    // The same as a form; an empty field clears.
    let form = format!("Id={id}&BusinessId=1&AccessCode=A-1&MinutesIncluded=30&MinutesLeft=5&SystemId=");
    let read = api.send("PUT", TOKENS, FORM, form).await;
    assert_eq!(read.status, 200, "{}", read.text());
    let after = api.record(id).await;
    assert_eq!(
        (&after["MinutesIncluded"], &after["SystemId"], &after["UserLimit"]),
        (&json!(30), &Value::Null, &json!(2))
    );
}

/// "all problems at once"; "Null for a required field is a 400"; "A code in use: 400 naming `AccessCode`".
#[tokio::test]
async fn a_wrong_change_is_told_whole_and_changes_nothing() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "TAKEN"})).await;
    let id = api
        .create(json!({"AccessCode": "MINE", "ValidTo": "2030-01-01T00:00:00Z", "Metering": "ElapsedTime"}))
        .await;
    assert_eq!(api.redeem("MINE", 1).await.status, 200);
    let before = api.record(id).await;
    let put = async |body: Value| api.ask("PUT", TOKENS, &body).await;

    let read = put(
        json!({"Id": id, "BusinessId": null, "MinutesIncluded": -1, "AccessCode": "taken", "UserLimit": 0,
        "ValidFrom": "2031-01-01", "Metering": "ConnectedTime", "MacAddress": "x"}),
    )
    .await;
    assert_eq!(read.status, 400);
    let body = read.json();
    assert_eq!(
        (&body["Status"], &body["WasSuccessful"], &body["Value"]),
        (&json!(500), &json!(false), &Value::Null)
    );
    let named: BTreeSet<String> = properties(&read).into_iter().collect();
    let expected = [
        "AccessCode",
        "BusinessId",
        "MacAddress",
        "Metering",
        "MinutesIncluded",
        "UserLimit",
        "ValidFrom",
    ];
    assert_eq!(named, expected.map(str::to_owned).into());
    let first = &body["Errors"][0];
    assert_eq!(
        body["Message"],
        format!(
            "{}: {}",
            first["PropertyName"].as_str().unwrap(),
            first["Message"].as_str().unwrap()
        )
    );

    for (body, named) in [
        (json!({"AccessCode": "x"}), "Id"),
        (json!({"Id": null}), "Id"),
        (json!({"Id": 0}), "Id"),
        (json!({"Id": 9_223_372_036_854_775_808u64}), "Id"),
        (json!({"Id": "one"}), "Id"),
        (json!({"Id": id, "AccessCode": null}), "AccessCode"),
        (json!({"Id": id, "AccessCode": " - "}), "AccessCode"),
        (json!({"Id": id, "MinutesIncluded": null}), "MinutesIncluded"),
        (
            json!({"Id": id, "ValidTo": "2029-12-31", "ValidFrom": "2030-01-01"}),
            "ValidTo",
        ),
        (json!({"Id": id, "ValidFrom": "2030-01-02"}), "ValidFrom"),
        (json!({"Id": id, "AccessCode": "T-A-K-E-N"}), "AccessCode"),
    ] {
        let read = put(body.clone()).await;
        assert_eq!(
            (read.status, properties(&read)),
            (400, vec![named.to_owned()]),
            "{body}"
        );
    }
    let mut after = api.record(id).await;
    after["MinutesLeft"] = before["MinutesLeft"].clone();
    assert_eq!(after, before);
    assert_eq!(
        put(json!({"Id": id, "AccessCode": "m-i-n-e"})).await.status,
        200,
        "its own code, written otherwise"
    );

    let missing = put(json!({"Id": 99})).await;
    assert_eq!(
        (missing.status, missing.text()),
        (404, "\"Not found\"".to_owned())
    );
    // Creation tells a code in use beside the rest.
    let read = api
        .ask(
            "POST",
            TOKENS,
            &json!({"AccessCode": "TAKEN", "MinutesIncluded": 1}),
        )
        .await;
    assert_eq!(properties(&read), ["BusinessId", "AccessCode"]);
}

/// "delete has `"Value":null`"; "404 is the JSON string `"Not found"`".
#[tokio::test]
async fn a_deleted_record_is_gone() {
    let api = TestApi::new();
    let id = api.create(json!({"AccessCode": "GONE"})).await;
    let target = format!("{TOKENS}/{id}");
    let read = api.send("DELETE", &target, "", "").await;
    let expected = concat!(
        r#"{"Status":200,"Message":"The record was deleted successfully.","Value":null,"WasSuccessful":true,"#,
        r#""OpenInDialog":false,"RedirectURL":null,"JavaScript":null,"Errors":null}"#,
    );
    assert_eq!((read.status, read.text()), (200, expected.to_owned()));
    for (method, target) in [
        ("DELETE", target.as_str()),
        ("GET", &target),
        ("DELETE", "/api/spaces/accesstokens/x"),
    ] {
        let read = api.send(method, target, "", "").await;
        assert_eq!(
            (read.status, read.text()),
            (404, "\"Not found\"".to_owned()),
            "{method} {target}"
        );
    }
    assert_eq!(list(&api, "").await["TotalItems"], 0);
    let again = api.create(json!({"AccessCode": "GONE"})).await;
    assert!(again > id, "Ids grow with creation");
}

/// "Throttled: **409** with `Retry-After` and no body"; "Throttling of writes is a setting, off by default."
#[tokio::test]
async fn writes_are_throttled_where_configured() {
    let api = TestApi::with("[api]\nwrites_per_minute = 3\n");
    for _ in 0..3 {
        api.create(json!({})).await;
    }
    for (method, target) in [
        ("POST", TOKENS.to_owned()),
        ("PUT", TOKENS.to_owned()),
        ("DELETE", format!("{TOKENS}/1")),
        ("POST", format!("{TOKENS}/runcommand")),
    ] {
        let read = api.send(method, &target, "application/json", "{}").await;
        assert_eq!(
            (read.status, read.text()),
            (409, String::new()),
            "{method} {target}"
        );
        assert!((1..=20).contains(&read.header("retry-after").parse::<u32>().unwrap()));
    }
    assert_eq!(list(&api, "").await["TotalItems"], 3, "reads go on");
}

/// Bad input of every kind is answered, and nothing comes of it.
#[tokio::test]
async fn rubbish_is_refused() {
    let api = TestApi::new();
    let deep = format!("{{\"Id\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[1]".to_vec(),
        b"{\"Id\":1,\"Id\":1}".to_vec(),
        deep.into_bytes(),
        b"{\"Description\":\"\xff\"}".to_vec(),
        b"{\"Description\":\"\0\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
    ];
    for method in ["POST", "PUT"] {
        for body in &bodies {
            let read = api.send(method, TOKENS, "application/json", body.clone()).await;
            assert_eq!(read.status, 400, "{method} {:?}", body.get(..20.min(body.len())));
        }
        for form in [
            "%ff=1",
            "Id=1&Id=1",
            "Id=%00",
            "Description=%00&BusinessId=1&MinutesIncluded=1&Id=1",
        ] {
            assert!(
                matches!(api.send(method, TOKENS, FORM, form).await.status, 400 | 404),
                "{method} {form}"
            );
        }
        for media_type in [
            "text/plain",
            "text/csv",
            "application/xml",
            "application/json; charset=latin1",
        ] {
            assert_eq!(
                api.send(method, TOKENS, media_type, "{}").await.status,
                415,
                "{media_type}"
            );
        }
        let coded = [("content-type", "application/json"), ("content-encoding", "gzip")];
        let read = api
            .send_from("127.0.0.1", api.admin(), method, TOKENS, &coded, "{}")
            .await;
        assert_eq!((read.status, read.header("accept-encoding")), (415, "identity"));
        let plain = [
            ("content-type", "application/json"),
            ("content-encoding", "identity"),
        ];
        let read = api
            .send_from("127.0.0.1", api.admin(), method, TOKENS, &plain, "{}")
            .await;
        assert_eq!(read.status, 400);
        let huge = format!("{{\"Description\":\"{}\"}}", "x".repeat(1 << 20));
        assert_eq!(
            api.send(method, TOKENS, "application/json", huge).await.status,
            413
        );
    }
    for (method, target, allow) in [
        ("PATCH", TOKENS.to_owned(), "GET, HEAD, POST, PUT"),
        ("POST", format!("{TOKENS}/1"), "GET, HEAD, DELETE"),
        ("PUT", format!("{TOKENS}/export"), "GET, HEAD"),
        ("GET", format!("{TOKENS}/import"), "POST"),
    ] {
        let read = api.send(method, &target, "", "").await;
        assert_eq!(
            (read.status, read.header("allow")),
            (405, allow),
            "{method} {target}"
        );
    }
    assert_eq!(list(&api, "").await["TotalItems"], 0);
}

/// "a drop-in for Nexudus API clients": that API's own server reads `"60"` as a number, and an empty text as none.
#[tokio::test]
async fn numbers_may_be_texts_in_json() {
    let api = TestApi::new();
    let body = json!({"BusinessId": "7", "MinutesIncluded": "60", "MinutesLeft": "20", "UserLimit": ""});
    let made = api.ask("POST", TOKENS, &body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let record = api.record(1).await;
    let shown =
        ["BusinessId", "MinutesIncluded", "MinutesLeft", "UserLimit"].map(|name| record[name].clone());
    assert_eq!(shown, [json!(7), json!(60), json!(20), Value::Null]);
    let body = json!({"Id": "1", "UserLimit": "2", "MinutesIncluded": 61});
    assert_eq!(api.ask("PUT", TOKENS, &body).await.status, 200);
    assert_eq!(api.record(1).await["UserLimit"], 2);
    let body = json!({"Id": 1, "UserLimit": ""});
    assert_eq!(api.ask("PUT", TOKENS, &body).await.status, 200);
    assert_eq!(api.record(1).await["UserLimit"], Value::Null);
    let body = json!({"Id": 1, "MinutesIncluded": "", "UserLimit": "two", "BusinessId": "0"});
    let read = api.ask("PUT", TOKENS, &body).await;
    assert_eq!(read.status, 400);
    assert_eq!(properties(&read), ["BusinessId", "MinutesIncluded", "UserLimit"]);
}

/// Clients write names as their language does: "works after its base URL was changed".
#[tokio::test]
async fn names_are_matched_without_case_and_none_is_there_twice() {
    let api = TestApi::new();
    for (media_type, body) in [
        (
            "application/json",
            r#"{"businessId":1,"minutesIncluded":5,"accessCode":"LOWER-1"}"#,
        ),
        (
            "application/json; charset=UTF8",
            r#"{"BUSINESSID":1,"MINUTESINCLUDED":5,"ACCESSCODE":"LOWER-2"}"#,
        ),
        (FORM, "businessid=1&minutesincluded=5&accesscode=LOWER-3"),
        (
            "application/x-www-form-urlencoded; charset=\"utf-8\"",
            "BusinessId=1&minutesIncluded=5&AccessCode=LOWER-4",
        ),
    ] {
        let read = api.send("POST", TOKENS, media_type, body).await;
        assert_eq!(read.status, 200, "{body}: {}", read.text());
    }
    assert_eq!(list(&api, "AccessToken_MinutesIncluded=5").await["TotalItems"], 4);
    let change = json!({"id": 1, "minutesIncluded": 9, "description": null});
    assert_eq!(api.ask("PUT", TOKENS, &change).await.status, 200);
    assert_eq!(api.record(1).await["MinutesIncluded"], 9);
    let order = json!({"key": "COMMAND_DELETE", "ids": [2]});
    let run = format!("{TOKENS}/runcommand");
    assert_eq!(api.ask("POST", &run, &order).await.json()["WasSuccessful"], true);
    let run = api.send("POST", &run, FORM, "key=COMMAND_DELETE&ids=3").await;
    assert_eq!(run.json()["WasSuccessful"], true);

    // "a JSON key given twice is a 400", at any depth, and in other letters too.
    for body in [
        r#"{"BusinessId":1,"BusinessId":1,"MinutesIncluded":1}"#,
        r#"{"BusinessId":1,"businessid":2,"MinutesIncluded":1}"#,
        r#"{"BusinessId":1,"MinutesIncluded":1,"Unknown":[{"a":1,"a":2}]}"#,
    ] {
        let read = api.send("POST", TOKENS, "application/json", body).await;
        assert_eq!(
            (read.status, properties(&read)),
            (400, vec!["Body".to_owned()]),
            "{body}"
        );
    }
    let twice = api
        .send(
            "POST",
            TOKENS,
            FORM,
            "BusinessId=1&businessId=1&MinutesIncluded=1",
        )
        .await;
    assert_eq!((twice.status, properties(&twice)), (400, vec!["Body".to_owned()]));
    assert_eq!(list(&api, "").await["TotalItems"], 2);
}
