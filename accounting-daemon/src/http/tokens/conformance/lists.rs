//! Pages and orders of a list, and balances as they stand.

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
