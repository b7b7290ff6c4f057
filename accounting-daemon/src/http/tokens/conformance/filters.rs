//! What a list is asked for: filters, and what is refused.

use super::*;

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
