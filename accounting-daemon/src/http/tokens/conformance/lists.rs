//! Pages, filters, orders, and what exists for whom.

use super::*;

/// "Envelope: Records, CurrentPage, ...", "`page` (1), `size` (25, at most 1000)", "Without `dir`: ascending".
#[tokio::test]
async fn pages_have_their_envelope() {
    let api = TestApi::new();
    for number in 0..60 {
        api.create(json!({"AccessCode": format!("T{number}")})).await;
    }
    let page = list(&api, "").await;
    let members: Vec<&str> = page.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "Records",
        "CurrentPage",
        "CurrentPageSize",
        "CurrentOrderField",
        "CurrentSortDirection",
        "FirstItem",
        "LastItem",
        "PageNumber",
        "PageSize",
        "TotalItems",
        "TotalPages",
        "HasNextPage",
        "HasPreviousPage",
    ];
    expected.sort_unstable();
    assert_eq!(members.iter().copied().collect::<BTreeSet<_>>(), expected.into());
    let shown = |page: &Value| -> Vec<Value> {
        [
            "CurrentPage",
            "CurrentPageSize",
            "FirstItem",
            "LastItem",
            "TotalItems",
            "TotalPages",
            "HasNextPage",
            "HasPreviousPage",
        ]
        .map(|name| page[name].clone())
        .to_vec()
    };
    assert_eq!(
        shown(&page),
        [
            json!(1),
            json!(25),
            json!(1),
            json!(25),
            json!(60),
            json!(3),
            json!(true),
            json!(false)
        ]
    );
    assert_eq!(
        (&page["CurrentOrderField"], &page["CurrentSortDirection"]),
        (&json!("Id"), &json!(0))
    );
    assert_eq!((&page["PageNumber"], &page["PageSize"]), (&json!(1), &json!(25)));
    assert_eq!(page["Records"][0], api.record(1).await);
    let last = list(&api, "PAGE=3&Size=25&dir=0").await;
    assert_eq!(
        shown(&last),
        [
            json!(3),
            json!(25),
            json!(51),
            json!(60),
            json!(60),
            json!(3),
            json!(false),
            json!(true)
        ]
    );
    let beyond = list(&api, "page=9223372036854775807").await;
    assert_eq!(
        (&beyond["Records"], &beyond["FirstItem"], &beyond["TotalItems"]),
        (&json!([]), &json!(0), &json!(60))
    );
    for dir in ["1", "-1", "descending", "Descending"] {
        assert_eq!(
            ids(&api, &format!("size=2&page=2&dir={dir}")).await,
            [58, 57],
            "{dir}"
        );
    }
    assert_eq!(
        ids(&api, "dir=ascending&size=1000&page=1").await,
        (1..=60).collect::<Vec<_>>()
    );
}

/// "1 = descending by default, a setting".
#[tokio::test]
async fn what_one_means_is_a_setting() {
    let api = TestApi::with("[api]\ndir_1_ascending = true\n");
    for _ in 0..3 {
        api.create(json!({})).await;
    }
    for (dir, expected, shown) in [("1", [1, 2, 3], 1), ("-1", [3, 2, 1], -1), ("0", [1, 2, 3], 1)] {
        let page = list(&api, &format!("dir={dir}")).await;
        assert_eq!(page["CurrentSortDirection"], shown);
        assert_eq!(ids(&api, &format!("dir={dir}")).await, expected);
    }
}

/// "Filters `AccessToken_<Field>` ...; `Id` and `AccessToken_Id` (repeatable, comma list), `UniqueId`; from_/to_ inclusive".
#[tokio::test]
async fn filters_find_what_they_say() {
    let api = TestApi::new();
    let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    api.create(json!({"AccessCode": "AB-C1", "Description": "Grosser Übungsraum", "MinutesIncluded": 10, "BookingGuid": guid,
        "ValidFrom": "2030-01-01T10:00:00Z", "MacAddress": "02:00:00:00:00:09"})).await;
    api.create(json!({"AccessCode": "ABCD", "Description": "desk", "MinutesIncluded": 20, "UserLimit": 4, "VisitorGuid": guid,
        "ValidFrom": "2030-01-01T10:30:00Z", "SystemId": "{\"a\":1}", "BusinessId": 2})).await;
    api.create(
        json!({"AccessCode": "00003", "MinutesIncluded": 30, "MinutesLeft": 5, "Metering": "ElapsedTime",
        "ValidTo": "2031-01-01T00:00:00Z"}),
    )
    .await;
    let unique = api.record(2).await["UniqueId"].as_str().unwrap().to_owned();
    let table: Vec<(String, Vec<u64>)> = [
        ("AccessToken_Description=%C3%BCBUNG", vec![1]),
        ("accesstoken_description=S", vec![1, 2]),
        ("AccessToken_AccessCode=abc1", vec![1]),
        ("AccessToken_AccessCode=ABC", vec![]),
        ("AccessToken_AccessCode=3", vec![]),
        ("AccessToken_Business=2", vec![2]),
        ("AccessToken_BusinessId=1", vec![1, 3]),
        ("AccessToken_MinutesIncluded=20", vec![2]),
        ("AccessToken_MinutesLeft=5", vec![3]),
        ("AccessToken_UserLimit=4", vec![2]),
        ("AccessToken_MacAddress=02-00-00-00-00-09", vec![1]),
        (
            "AccessToken_BookingGuid=3F2504E0-4F89-41D3-9A0C-0305E82C3301",
            vec![1],
        ),
        (
            "AccessToken_VisitorGuid=3f2504e0-4f89-41d3-9a0c-0305e82c3301",
            vec![2],
        ),
        ("AccessToken_SystemId=%22A%22", vec![2]),
        ("AccessToken_Metering=elapsed", vec![3]),
        ("AccessToken_ToStringText=0000", vec![3]),
        ("AccessToken_UpdatedBy=ADMIN", vec![1, 2, 3]),
        ("AccessToken_IsNew=false", vec![1, 2, 3]),
        ("AccessToken_IsNew=true", vec![]),
        ("AccessToken_ValidFrom=2030-01-01T10:30", vec![2]),
        ("from_AccessToken_ValidFrom=2030-01-01T10:30", vec![2]),
        ("to_AccessToken_ValidFrom=2030-01-01T10:30", vec![1, 2]),
        (
            "from_AccessToken_ValidFrom=2030-01-01T11:00%2B01:00&to_AccessToken_ValidFrom=2030-01-01T10:00",
            vec![1],
        ),
        ("from_AccessToken_MinutesIncluded=20", vec![2, 3]),
        ("TO_accesstoken_minutesleft=10", vec![1, 3]),
        ("from_AccessToken_CreatedOn=2020-01-01T00:00", vec![1, 2, 3]),
        ("to_AccessToken_UpdatedOn=2020-01-01T00:00", vec![]),
        ("from_AccessToken_LastAccess=2020-01-01T00:00", vec![]),
        ("Id=3", vec![3]),
        ("Id=3&Id=1&id=99", vec![1, 3]),
        ("AccessToken_Id=3,1&Id=2", vec![1, 2, 3]),
        ("Id=1,2&AccessToken_Business=2", vec![2]),
        (
            "AccessToken_MacAddress=020000000009&AccessToken_MinutesIncluded=20",
            vec![],
        ),
    ]
    .into_iter()
    .map(|(query, found)| (query.to_owned(), found))
    .chain([
        (format!("UniqueId={unique}"), vec![2]),
        (format!("AccessToken_UniqueId={unique}"), vec![2]),
    ])
    .collect();
    for (query, expected) in table {
        assert_eq!(ids(&api, &query).await, expected, "{query}");
        assert_eq!(
            ids(&api, &format!("{query}&orderBy=MinutesIncluded")).await,
            expected,
            "{query}"
        );
        assert_eq!(list(&api, &query).await["TotalItems"], expected.len(), "{query}");
        let table = api.get(&format!("{TOKENS}/export?{query}")).await;
        assert_eq!(table.status, 200, "{query}");
        assert_eq!(
            csv::Reader::from_reader(&table.body[..]).records().count(),
            expected.len(),
            "{query}"
        );
    }
}

/// "An unknown filter, a value that does not parse, an unknown `orderBy` or `dir`, a `size` over 1000 or a `page` below 1 is a
/// 400, not ignored."
#[tokio::test]
async fn what_a_list_does_not_know_is_refused() {
    let api = TestApi::new();
    for query in [
        "page=0",
        "page=-1",
        "page=x",
        "page=",
        "page=1.5",
        "page=99999999999999999999",
        "size=0",
        "size=1001",
        "size=a",
        "orderBy=Nothing",
        "orderBy=",
        "dir=2",
        "dir=up",
        "dir=",
        "limit=5",
        "AccessToken_Nothing=1",
        "Description=x",
        "AccessToken_MinutesIncluded=many",
        "AccessToken_MinutesIncluded=",
        "AccessToken_UserLimit=9223372036854775808",
        "AccessToken_ValidFrom=soon",
        "AccessToken_BookingGuid=7",
        "AccessToken_MacAddress=02:00",
        "AccessToken_AccessCode=",
        "AccessToken_IsNew=maybe",
        "UniqueId=x",
        "Id=0",
        "Id=a",
        "Id=1,,2",
        "Id=",
        "from_AccessToken_Description=a",
        "to_AccessToken_AccessCode=1",
        "from_Id=1",
        "from_AccessToken_ValidTo=99999-01-01",
        "page=1&page=2",
        "Page=1&page=1",
        "AccessToken_Business=1&accesstoken_business=1",
        "=",
        "AccessToken_Description=%ff",
    ] {
        let read = api.get(&format!("{TOKENS}?{query}")).await;
        assert_eq!(read.status, 400, "{query}: {}", read.text());
        assert_eq!(read.json()["Status"], 500, "{query}");
        assert!(!properties(&read).is_empty(), "{query}");
    }
    let read = api.get(&format!("{TOKENS}?page=0&size=0&Id=x&Nonsense=1")).await;
    assert_eq!(properties(&read), ["page", "size", "Id", "Nonsense"]);
    assert_eq!(api.get(&format!("{TOKENS}/export?page=1")).await.status, 400);
}

/// Sorting "by every record field", and pages of it that together are all records.
#[tokio::test]
async fn every_field_sorts() {
    let api = TestApi::new();
    for number in [3u64, 1, 2, 5, 4, 1, 2] {
        let more = json!({"Description": format!("d{number}"), "MinutesIncluded": number, "UserLimit": number,
            "BusinessId": number, "ValidTo": format!("203{number}-01-01")});
        api.create(more).await;
    }
    api.create(json!({"MinutesIncluded": 9, "BusinessId": 9})).await;
    let ascending = [8, 2, 6, 3, 7, 1, 5, 4];
    for field in ["Description", "UserLimit", "ValidTo", "validTO"] {
        assert_eq!(ids(&api, &format!("orderBy={field}")).await, ascending, "{field}");
    }
    let last = [2, 6, 3, 7, 1, 5, 4, 8];
    for field in ["MinutesIncluded", "BusinessId", "MinutesLeft"] {
        assert_eq!(ids(&api, &format!("orderBy={field}")).await, last, "{field}");
    }
    for column in crate::http::tokens::column::Column::ALL {
        let name = column.name();
        let forth = ids(&api, &format!("orderBy={name}")).await;
        let mut back = ids(&api, &format!("orderBy={name}&dir=-1")).await;
        back.reverse();
        assert_eq!(forth, back, "{name}");
        for size in [1, 3] {
            for dir in ["0", "-1"] {
                let mut joined = Vec::new();
                for page in 1..=8u64.div_ceil(size) {
                    joined.extend(
                        ids(&api, &format!("orderBy={name}&size={size}&page={page}&dir={dir}")).await,
                    );
                }
                if dir == "-1" {
                    joined.reverse();
                }
                assert_eq!(joined, forth, "{name} by {size} {dir}");
            }
        }
        assert_eq!(
            list(&api, &format!("orderBy={name}")).await["CurrentOrderField"],
            name
        );
    }
}

/// A balance that runs is shown as it stands, in records, lists and filters, though nothing was written since.
#[tokio::test]
async fn balances_that_run_are_shown_as_they_stand() {
    let api = TestApi::new();
    let id = api
        .create(json!({"AccessCode": "RUNS", "MinutesIncluded": 1}))
        .await;
    let other = api
        .create(json!({"AccessCode": "STANDS", "MinutesIncluded": 1}))
        .await;
    assert_eq!(api.redeem("RUNS", 1).await.status, 200);
    let read = |id| {
        let reader = api.context.reader.clone();
        move || reader.token(id).unwrap().unwrap().left()
    };
    let (running, standing) = (read(id), read(other));
    let first = running();
    assert!(first <= 60_000 && standing() == 60_000);
    // It runs by the clock of this machine.
    while running() == first {
        tokio::task::yield_now().await;
    }
    assert!(running() < first && standing() == 60_000);
    api.bed
        .engine
        .release(Mac([2, 0, 0, 0, 0, 1]), None, crate::ledger::Cause::Logout)
        .await
        .unwrap();
    let (stopped, kept) = (
        running(),
        api.bed.engine.token(id).await.unwrap().unwrap().token.left(),
    );
    assert_eq!(stopped, kept);
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
