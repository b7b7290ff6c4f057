//! Commands and tables.

use super::*;

/// "Bulk: command key `COMMAND_CREATE_TOKENS_IN_BULK` ... answer `"Value":{"Ids":[...]}`. All or nothing; an unknown parameter
/// fails it. `COMMAND_DELETE` deletes the given `Ids` likewise." "200 even on failure; `WasSuccessful` says".
#[tokio::test]
async fn commands_do_all_or_nothing() {
    let api = TestApi::new();
    let run = format!("{TOKENS}/runcommand");
    let bulk = |parameters: &[(&str, Value)]| {
        let parameters: Vec<Value> = parameters
            .iter()
            .map(|(name, value)| json!({"Name": name, "Type": "String", "Value": value}))
            .collect();
        json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Ids": [], "Parameters": parameters})
    };
    let good = [
        ("NumberOfTokens", json!(5)),
        ("BusinessId", json!("7")),
        ("minutesincluded", json!(60)),
        ("Description", json!("Fair")),
    ];
    let read = api.ask("POST", &run, &bulk(&good)).await;
    let body = read.json();
    assert_eq!(
        (read.status, &body["WasSuccessful"], &body["Value"]),
        (200, &json!(true), &json!({"Ids": [1, 2, 3, 4, 5]})),
        "{body}"
    );
    assert_eq!((&body["Status"], &body["Errors"]), (&json!(200), &Value::Null));
    let page = list(
        &api,
        "AccessToken_Business=7&AccessToken_Description=Fair&AccessToken_MinutesLeft=60",
    )
    .await;
    assert_eq!(page["TotalItems"], 5);
    let codes: BTreeSet<String> = page["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["AccessCode"].to_string())
        .collect();
    assert_eq!(codes.len(), 5);

    // GET with a body, and a form.
    assert_eq!(
        api.ask("GET", &run, &bulk(&good[..3])).await.json()["WasSuccessful"],
        true
    );
    let form =
        "Key=COMMAND_CREATE_TOKENS_IN_BULK&NumberOfTokens=1&BusinessId=7&MinutesIncluded=5&AccessCode=MINE";
    assert_eq!(
        api.send("POST", &run, FORM, form).await.json()["Value"],
        json!({"Ids": [11]})
    );
    let listed = "Key=COMMAND_CREATE_TOKENS_IN_BULK&Parameters[0].Name=NumberOfTokens&Parameters[0].Value=1\
        &Parameters[1][Name]=BusinessId&Parameters[1][Value]=7&Parameters[2].Name=MinutesIncluded&Parameters[2].Value=5";
    let read = api.send("GET", &run, FORM, listed).await;
    assert_eq!(read.json()["Value"], json!({"Ids": [12]}), "{}", read.text());
    let read = api
        .send("POST", &run, FORM, "Key=COMMAND_DELETE&Ids=12&Ids[]=13")
        .await;
    assert_eq!(read.json()["Errors"][0]["AttemptedValue"], "13");
    let read = api.send("POST", &run, FORM, "Key=COMMAND_DELETE&Ids[0]=12").await;
    assert_eq!(read.json()["WasSuccessful"], true, "{}", read.text());
    // A GET whose body was lost on the way.
    let read = api.get(&run).await;
    assert_eq!(
        (read.status, &read.json()["Errors"][0]["PropertyName"]),
        (200, &json!("Key"))
    );
    assert_eq!(api.send("GET", &run, "text/plain", "{}").await.status, 415);
    // Who asks for a header wants nothing to happen.
    let head = api.send("HEAD", &run, FORM, form.replace("MINE", "OTHER")).await;
    assert_eq!((head.status, head.header("allow")), (405, "GET, POST"));
    assert_eq!(list(&api, "").await["TotalItems"], 11);

    let with = |name: &'static str, value: Value| {
        let mut all: Vec<_> = good.iter().filter(|(other, _)| *other != name).cloned().collect();
        all.push((name, value));
        bulk(&all)
    };
    for (order, named) in [
        (with("NumberOfTokens", json!(0)), "NumberOfTokens"),
        (with("NumberOfTokens", json!(100_001)), "NumberOfTokens"),
        (with("NumberOfTokens", json!("many")), "NumberOfTokens"),
        (with("NumberOfTokens", Value::Null), "NumberOfTokens"),
        (with("BusinessId", json!(0)), "BusinessId"),
        (with("UserLimit", json!(0)), "UserLimit"),
        (with("AccessCode", json!("SAME")), "AccessCode"),
        (with("Minutes", json!(1)), "Minutes"),
        (with("Id", json!(1)), "Id"),
        (
            bulk(&[
                ("NumberOfTokens", json!(1)),
                ("BusinessId", json!(1)),
                ("MinutesIncluded", json!(1)),
                ("AccessCode", json!("mine")),
            ]),
            "AccessCode",
        ),
        (
            bulk(&[
                ("BusinessId", json!(1)),
                ("businessid", json!(1)),
                ("MinutesIncluded", json!(1)),
                ("NumberOfTokens", json!(1)),
            ]),
            "BusinessId",
        ),
        (json!({"Key": "COMMAND_NOTHING"}), "Key"),
        (json!({}), "Key"),
        (json!({"Key": "COMMAND_DELETE"}), "Ids"),
        (json!({"Key": "COMMAND_DELETE", "Ids": 1}), "Ids"),
        (json!({"Key": "COMMAND_DELETE", "Ids": [1, 99]}), "Ids"),
        (json!({"Key": "COMMAND_DELETE", "Ids": [1, "x"]}), "Ids"),
        (
            json!({"Key": "COMMAND_DELETE", "Ids": [1], "Parameters": [{"Name": "Force", "Value": true}]}),
            "Force",
        ),
        (
            json!({"Key": "COMMAND_DELETE", "Ids": [1], "Parameters": 1}),
            "Parameters",
        ),
    ] {
        let read = api.ask("POST", &run, &order).await;
        let body = read.json();
        assert_eq!(
            (
                read.status,
                &body["Status"],
                &body["WasSuccessful"],
                &body["Value"]
            ),
            (200, &json!(500), &json!(false), &Value::Null),
            "{order}"
        );
        assert_eq!(properties(&read), [named], "{order}");
    }
    assert_eq!(list(&api, "").await["TotalItems"], 11);
    let read = api
        .ask(
            "POST",
            &run,
            &json!({"Key": "COMMAND_DELETE", "Ids": [1, 2, 2, 3]}),
        )
        .await
        .json();
    assert_eq!(
        (&read["WasSuccessful"], &read["Value"]),
        (&json!(true), &Value::Null),
        "{read}"
    );
    assert_eq!(ids(&api, "size=3").await, [4, 5, 6]);
    for broken in ["{", "[]", "{\"Key\":\"a\",\"Key\":\"b\"}"] {
        assert_eq!(
            api.send("POST", &run, "application/json", broken).await.status,
            400,
            "{broken}"
        );
    }
    // Each change is in the audit: four creations in bulk, and as many deletions.
    let audit = api
        .bed
        .disk
        .audit(&Default::default(), None, 100)
        .unwrap()
        .records;
    let count = |action: &str| audit.iter().filter(|(_, record)| record.action == action).count();
    assert_eq!((count("token.create"), count("token.delete")), (4, 4));
}

#[tokio::test]
async fn commands_are_described() {
    let api = TestApi::new();
    let read = api.get(&format!("{TOKENS}/commands")).await.json();
    let keys: Vec<&str> = read
        .as_array()
        .unwrap()
        .iter()
        .map(|command| command["Key"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["COMMAND_CREATE_TOKENS_IN_BULK", "COMMAND_DELETE"]);
    let members: BTreeSet<&str> = read[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "Key",
        "Name",
        "AppliesOnlyToMultipleEntities",
        "AppliesOnlyToOneEntity",
        "AppliesOnlyToTwoEntities",
        "NeedsEntitiesToRun",
        "Order",
        "RequiresParameters",
        "DisplayInDropdown",
        "DisplayInDropdownV2",
        "DisplayInGrid",
        "Icon",
    ];
    assert_eq!(members, expected.into());
    assert_eq!(
        read[0]["RequiresParameters"][0],
        json!({"Name": "NumberOfTokens", "Type": "Integer"})
    );
}

/// "`GET .../export` gives CSV (RFC 4180, UTF-8, header row of field names, ...)"; "`?dryrun=true` first; all or nothing";
/// "a validation error whose Errors carry `Row` too".
#[tokio::test]
async fn tables_go_out_and_come_in() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "=A1", "Description": "+1, \"two\"\r\nlines \u{e9}", "UserLimit": 2, "MinutesLeft": 3,
        "SystemId": "'=x", "MacAddress": "02:00:00:00:00:09", "ValidTo": "2035-01-01T00:00:00Z", "Metering": "ElapsedTime"})).await;
    api.create(json!({})).await;
    let read = api.get(&format!("{TOKENS}/export")).await;
    assert_eq!(
        read.headers["content-type"],
        "text/csv; charset=utf-8; header=present"
    );
    let text = read.text();
    let (header, rest) = text.split_once("\r\n").unwrap();
    assert!(
        header.starts_with("BusinessId,AccessCode,Description,MinutesIncluded,ValidFrom")
            && header.ends_with(",Metering")
    );
    assert!(
        rest.starts_with(
            "1,'=A1,\"'+1, \"\"two\"\"\r\nlines \u{e9}\",60,,2035-01-01T00:00:00Z,2,3,02:00:00:00:00:09,"
        ),
        "{rest}"
    );

    let import = async |query: &str, body: String| {
        api.send(
            "POST",
            &format!("{TOKENS}/import{query}"),
            "text/csv; charset=utf-8",
            body,
        )
        .await
    };
    // The codes are still in use.
    let read = import("?dryrun=true", text.clone()).await;
    assert_eq!(
        (read.status, properties(&read)),
        (400, vec!["AccessCode".to_owned(); 2]),
        "{}",
        read.text()
    );
    assert_eq!(read.json()["Errors"][1]["Row"], 2);
    let before = [api.record(1).await, api.record(2).await];
    api.ask(
        "POST",
        &format!("{TOKENS}/runcommand"),
        &json!({"Key": "COMMAND_DELETE", "Ids": [1, 2]}),
    )
    .await;
    let dry = import("?DryRun=TRUE", text.clone()).await.json();
    assert_eq!(
        (&dry["WasSuccessful"], &dry["Value"]),
        (&json!(true), &json!({"Rows": 2, "Ids": []}))
    );
    assert_eq!(list(&api, "").await["TotalItems"], 0);
    let read = import("", text).await.json();
    assert_eq!(
        (&read["Status"], &read["Value"]),
        (&json!(200), &json!({"Rows": 2, "Ids": [3, 4]})),
        "{read}"
    );
    for (before, id) in before.iter().zip([3, 4]) {
        let after = api.record(id).await;
        for (name, value) in before.as_object().unwrap() {
            if !["Id", "UniqueId", "CreatedOn", "UpdatedOn"].contains(&name.as_str()) {
                assert_eq!(&after[name], value, "{name}");
            }
        }
    }

    let bad = "BusinessId,MinutesIncluded,AccessCode\r\n1,5,NEW\r\n1,x,\r\n1,5,'=a1\r\n";
    for query in ["", "?dryrun=true"] {
        let read = import(query, bad.to_owned()).await;
        let body = read.json();
        assert_eq!(
            (read.status, &body["Status"], &body["WasSuccessful"]),
            (400, &json!(500), &json!(false))
        );
        let errors = body["Errors"].as_array().unwrap();
        assert_eq!(
            errors
                .iter()
                .map(|error| (&error["Row"], &error["PropertyName"]))
                .collect::<Vec<_>>(),
            [
                (&json!(2), &json!("MinutesIncluded")),
                (&json!(3), &json!("AccessCode"))
            ]
        );
    }
    assert_eq!(list(&api, "").await["TotalItems"], 2, "all or nothing");
    let many = format!("BusinessId,MinutesIncluded\n{}", "0,1\n".repeat(150));
    let errors = import("", many).await.json()["Errors"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        (errors.len(), errors[100]["Message"].as_str().unwrap()),
        (101, "has 50 more problems")
    );
    for (query, media_type, expected) in [
        ("?dry=true", "text/csv", 400),
        ("?dryrun=1", "text/csv", 400),
        ("", "application/json", 415),
    ] {
        let read = api
            .send(
                "POST",
                &format!("{TOKENS}/import{query}"),
                media_type,
                "BusinessId\n",
            )
            .await;
        assert_eq!(read.status, expected, "{query}");
    }
}
