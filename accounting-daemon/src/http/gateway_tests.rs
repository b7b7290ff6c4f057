//! The gateway API as a whole, endpoint by endpoint.

use std::collections::BTreeSet;

use http_body_util::BodyExt;
use hyper::Method;
use serde_json::{Value, json};

use super::{
    auth::{Caller, Rights, Role},
    testbed::{Testbed, mac},
};

/// Somebody who has every role and sees one location only.
fn local(location: u64) -> Caller {
    let mut caller = Caller::administrator("local");
    caller.rights = Rights::Roles(Role::ALL.into());
    caller.locations = Some(BTreeSet::from([location]));
    caller
}

/// "The balance is set on purpose by `PUT /v1/tokens/{id}/balance`: entitled becomes used + the value."
#[tokio::test]
async fn a_balance_is_set_and_the_record_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    let id = bed.token("B-1", &json!({})).await;
    let target = format!("/v1/tokens/{id}/balance");
    let set = bed
        .ask(
            Method::PUT,
            &target,
            &json!({"MinutesLeft": 7, "Reason": "a gift"}),
        )
        .await;
    assert_eq!(
        (set.status.as_u16(), &set.json()["MinutesLeft"]),
        (200, &json!(7))
    );
    assert_eq!(set.json()["MinutesIncluded"], json!(60), "what was sold stays");
    let wrong = bed.ask(Method::PUT, &target, &json!({"MinutesLeft": -1})).await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.problem().as_str()),
        (422, "invalid")
    );
    assert_eq!(wrong.json()["Errors"][0]["PropertyName"], json!("MinutesLeft"));
    for nobody in ["/v1/tokens/99/balance", "/v1/tokens/x/balance"] {
        let absent = bed.ask(Method::PUT, nobody, &json!({"MinutesLeft": 1})).await;
        assert_eq!(
            (absent.status.as_u16(), absent.problem().as_str()),
            (404, "not-found")
        );
    }
    let elsewhere = bed
        .ask_as(&local(2), Method::PUT, &target, &json!({"MinutesLeft": 1}))
        .await;
    assert_eq!(elsewhere.status, 404, "tokens of other locations do not exist");
}

#[tokio::test]
async fn a_check_says_what_a_redemption_would() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("GOOD-1", &json!({})).await;
    bed.token("LATER-1", &json!({"ValidFrom": "2999-01-01T00:00:00Z"}))
        .await;
    bed.token("OVER-1", &json!({"ValidTo": "2001-01-01T00:00:00Z"}))
        .await;
    bed.token("EMPTY-1", &json!({"MinutesLeft": 0})).await;
    bed.token("TAKEN-1", &json!({})).await;
    assert_eq!(bed.redeem("TAKEN-1", 1).await.status, 200);
    for (code, status, problem) in [
        ("NOBODYS", 404, "unknown-code"),
        ("LATER-1", 409, "not-yet-valid"),
        ("OVER-1", 410, "expired"),
        ("EMPTY-1", 410, "depleted"),
        ("TAKEN-1", 409, "no-seat"),
    ] {
        let checked = bed
            .ask(Method::POST, "/v1/check", &json!({"AccessCode": code}))
            .await;
        assert_eq!(
            (checked.status.as_u16(), checked.problem().as_str()),
            (status, problem)
        );
        let redeemed = bed.redeem(code, 2).await;
        assert_eq!(
            (redeemed.status.as_u16(), redeemed.problem().as_str()),
            (status, problem)
        );
    }
    let good = bed
        .ask(
            Method::POST,
            "/v1/check",
            &json!({"AccessCode": "good1", "Email": "a@b"}),
        )
        .await;
    assert_eq!((good.status.as_u16(), good.body.len()), (204, 0));
    let sessions = bed.get("/v1/sessions").await.json();
    assert_eq!(
        sessions["Records"].as_array().unwrap().len(),
        1,
        "a check opens nothing"
    );
}

/// "Per device 10 a minute, per client or address 300 a minute."
#[tokio::test]
async fn checks_of_wrong_codes_spend_the_budget_of_the_client() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("GOOD-1", &json!({})).await;
    let wrong = json!({"AccessCode": "NOBODYS"});
    for _ in 0..1_000 {
        assert_eq!(bed.ask(Method::POST, "/v1/check", &wrong).await.status, 404);
    }
    for code in ["NOBODYS", "GOOD-1"] {
        let refused = bed
            .ask(Method::POST, "/v1/check", &json!({"AccessCode": code}))
            .await;
        assert_eq!(refused.problem(), "too-many-attempts");
        assert!(refused.headers.contains_key("retry-after"));
    }
    assert_eq!(bed.redeem("GOOD-1", 1).await.problem(), "too-many-attempts");
}

/// "A token opens only in a zone of its own `BusinessId`, when zones are mapped to locations."
#[tokio::test]
async fn a_code_of_a_location_without_a_zone_opens_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[(0, 1), (1, 2)]);
    for (code, location, expected) in [("HERE-1", 1, 204), ("THERE-1", 2, 204), ("NOWHERE-1", 3, 403)] {
        bed.token(code, &json!({"BusinessId": location})).await;
        let checked = bed
            .ask(Method::POST, "/v1/check", &json!({"AccessCode": code}))
            .await;
        assert_eq!(checked.status, expected, "{code}");
    }
}

#[tokio::test]
async fn sessions_are_listed_oldest_first_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("MANY-1", &json!({"UserLimit": 100})).await;
    let other = bed.token("ONE-1", &json!({"BusinessId": 2})).await;
    // The order of their addresses is not the order in which they came.
    let lasts: Vec<u16> = (1..=7).rev().collect();
    for last in &lasts {
        assert_eq!(bed.redeem("MANY-1", *last).await.status, 200);
    }
    assert_eq!(bed.redeem("ONE-1", 99).await.status, 200);
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = bed
            .get(&format!("/v1/sessions?Size=3&After={after}"))
            .await
            .json();
        let records = page["Records"].as_array().unwrap();
        assert!(records.len() <= 3);
        seen.extend(
            records
                .iter()
                .map(|one| one["MacAddress"].as_str().unwrap().to_owned()),
        );
        pages += 1;
        match page["Next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => break,
        }
    }
    let expected: Vec<String> = lasts.into_iter().chain([99]).map(mac).collect();
    assert_eq!((seen, pages), (expected, 3));

    let count = async |query: &str| {
        let page = bed.get(&format!("/v1/sessions?{query}")).await.json();
        page["Records"].as_array().unwrap().len()
    };
    assert_eq!(count(&format!("TokenId={other}")).await, 1);
    assert_eq!(count(&format!("MacAddress={}", mac(3))).await, 1);
    assert_eq!(count("Zone=0").await, 8);
    assert_eq!(count("Zone=1").await, 0);
    let seen = bed
        .ask_as(&local(2), Method::GET, "/v1/sessions", &Value::Null)
        .await
        .json();
    assert_eq!(
        seen["Records"].as_array().unwrap().len(),
        1,
        "only those of the location"
    );
    for wrong in [
        "Size=0",
        "Size=1001",
        "After=x",
        "TokenId=0",
        "Zone=70000",
        "MacAddress=1",
    ] {
        let answer = bed.get(&format!("/v1/sessions?{wrong}")).await;
        assert_eq!(answer.problem(), "malformed-request", "{wrong}");
    }
}

#[tokio::test]
async fn devices_of_other_locations_are_not_seen_and_not_cut() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("ONE-1", &json!({"BusinessId": 2})).await;
    assert_eq!(bed.redeem("ONE-1", 1).await.status, 200);
    let device = format!("/v1/devices/{}", mac(1));
    let session = format!("/v1/sessions/{}", mac(1));
    let online = async |caller: &Caller| {
        let answer = bed.ask_as(caller, Method::GET, &device, &Value::Null).await;
        answer.json()["Online"].clone()
    };
    assert_eq!(
        (online(&local(1)).await, online(&local(2)).await),
        (json!(false), json!(true))
    );
    let cut = bed
        .ask_as(&local(1), Method::DELETE, &session, &Value::Null)
        .await;
    assert_eq!(cut.problem(), "not-found");
    assert_eq!(online(&local(2)).await, json!(true));
    let cut = bed
        .ask_as(&local(2), Method::DELETE, &session, &Value::Null)
        .await;
    assert_eq!(cut.status, 204);
}

/// "Exportable as JSON and CSV, kept for `retention` (default 1 year)."
#[tokio::test]
async fn usage_is_listed_as_json_and_csv() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    let first = bed.token("ONE-1", &json!({})).await;
    let second = bed.token("TWO-1", &json!({"BusinessId": 2})).await;
    for (code, last) in [("ONE-1", 1), ("TWO-1", 2), ("ONE-1", 3)] {
        assert_eq!(bed.redeem(code, last).await.status, 200);
        let session = format!("/v1/sessions/{}", mac(last));
        assert_eq!(bed.ask(Method::DELETE, &session, &Value::Null).await.status, 204);
    }
    let devices = async |caller: &Caller, query: &str| -> Vec<String> {
        let target = format!("/v1/usage?{query}");
        let page = bed
            .ask_as(caller, Method::GET, &target, &Value::Null)
            .await
            .json();
        let records = page["Records"].as_array().unwrap().iter();
        records
            .map(|one| one["MacAddress"].as_str().unwrap().to_owned())
            .collect()
    };
    let admin = Caller::administrator("a");
    assert_eq!(devices(&admin, "").await, [mac(1), mac(2), mac(3)]);
    assert_eq!(
        devices(&admin, &format!("TokenId={first}")).await,
        [mac(1), mac(3)]
    );
    assert_eq!(
        devices(&admin, &format!("TokenId={second}&Cause=disconnected")).await,
        [mac(2)]
    );
    assert_eq!(devices(&admin, "Cause=Idle").await, [] as [String; 0]);
    assert_eq!(devices(&admin, &format!("MacAddress={}", mac(3))).await, [mac(3)]);
    assert_eq!(devices(&admin, "From=2999-01-01").await, [] as [String; 0]);
    assert_eq!(devices(&admin, "To=2001-01-01").await, [] as [String; 0]);
    assert_eq!(devices(&admin, "From=2001-01-01&To=2999-01-01").await.len(), 3);
    assert_eq!(devices(&admin, "Zone=1").await, [] as [String; 0]);
    assert_eq!(devices(&local(2), "").await, [mac(2)]);
    let page = bed.get("/v1/usage?Size=2").await.json();
    let next = page["Next"].as_str().unwrap();
    assert_eq!(devices(&admin, &format!("After={next}")).await, [mac(3)]);
    let of_first = bed.get(&format!("/v1/usage?TokenId={first}&Size=1")).await.json();
    let next = of_first["Next"].as_str().unwrap();
    assert_eq!(
        devices(&admin, &format!("TokenId={first}&After={next}")).await,
        [mac(3)]
    );

    let csv = bed.get("/v1/usage?Format=csv").await;
    assert!(
        csv.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
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
    let asked_for = bed
        .begin(
            &admin,
            Method::GET,
            "/v1/usage",
            &Value::Null,
            &[("accept", "text/csv")],
        )
        .await;
    assert!(
        asked_for.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    let neither = bed
        .begin(
            &admin,
            Method::GET,
            "/v1/usage",
            &Value::Null,
            &[("accept", "image/png")],
        )
        .await;
    assert_eq!(neither.status(), 406);
    for wrong in ["Cause=Boredom", "From=yesterday", "Format=xml"] {
        let answer = bed.get(&format!("/v1/usage?{wrong}")).await;
        assert_eq!(answer.problem(), "malformed-request", "{wrong}");
    }
}

/// "An audit record for each administrative write: who, what, before and after."
#[tokio::test]
async fn devices_are_put_on_the_lists_and_taken_off() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    let until = "2999-01-01T00:00:00Z";
    for list in ["bypass", "block"] {
        let target = format!("/v1/{list}/{}", mac(1));
        assert_eq!(bed.get(&target).await.problem(), "not-found");
        let body = json!({"Note": "the printer", "Until": until});
        let entry = json!({"MacAddress": mac(1), "Zone": 0, "Note": "the printer", "Until": until});
        for status in [201, 200] {
            let put = bed.ask(Method::PUT, &target, &body).await;
            assert_eq!((put.status.as_u16(), put.json()), (status, entry.clone()));
        }
        assert_eq!(bed.get(&target).await.json(), entry);
        // Whole entries are sent back.
        assert_eq!(bed.ask(Method::PUT, &target, &entry).await.status, 200);
        let plain = bed
            .ask(Method::PUT, &format!("/v1/{list}/{}", mac(2)), &json!({}))
            .await;
        assert_eq!(
            (&plain.json()["Until"], &plain.json()["Note"]),
            (&Value::Null, &Value::Null)
        );
        let page = bed.get(&format!("/v1/{list}?Size=1")).await.json();
        assert_eq!(page["Records"], json!([entry]));
        let next = page["Next"].as_str().unwrap();
        let page = bed.get(&format!("/v1/{list}?After={next}")).await.json();
        assert_eq!(
            (&page["Records"][0]["MacAddress"], &page["Next"]),
            (&json!(mac(2)), &Value::Null)
        );
        for wrong in [
            json!({"Until": "2001-01-01T00:00:00Z"}),
            json!({"Until": "tomorrow"}),
            json!({"Note": 5}),
            json!({"Zone": 7}),
            json!({"MacAddress": mac(9)}),
        ] {
            let refused = bed.ask(Method::PUT, &target, &wrong).await;
            assert_eq!(
                (refused.status.as_u16(), refused.problem().as_str()),
                (422, "invalid"),
                "{wrong}"
            );
            assert!(refused.json()["Errors"][0]["PropertyName"].is_string());
        }
        let gone = bed.ask(Method::DELETE, &target, &Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        let again = bed.ask(Method::DELETE, &target, &Value::Null).await;
        assert_eq!(again.problem(), "not-found");
    }
    let odd = bed
        .ask(Method::PUT, "/v1/block/ff:ff:ff:ff:ff:ff", &json!({}))
        .await;
    assert_eq!(odd.problem(), "malformed-request");
}

#[tokio::test]
async fn a_block_cuts_a_session_and_refuses_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("ONE-1", &json!({})).await;
    bed.redeem("ONE-1", 1).await;
    let target = format!("/v1/block/{}", mac(1));
    assert_eq!(bed.ask(Method::PUT, &target, &json!({})).await.status, 201);
    let device = bed.get(&format!("/v1/devices/{}", mac(1))).await.json();
    assert_eq!(device["Online"], json!(false));
    let usage = bed.get("/v1/usage").await.json();
    assert_eq!(usage["Records"][0]["Cause"], json!("Disconnected"));
    assert_eq!(bed.redeem("ONE-1", 1).await.problem(), "gate-full");
    // A bypass does not help.
    let bypass = format!("/v1/bypass/{}", mac(1));
    assert_eq!(bed.ask(Method::PUT, &bypass, &json!({})).await.status, 201);
    assert_eq!(bed.redeem("ONE-1", 1).await.problem(), "gate-full");
    bed.ask(Method::DELETE, &target, &Value::Null).await;
    assert_eq!(bed.redeem("ONE-1", 1).await.status, 200);
    let audit = bed.get("/v1/audit?Object=block").await.json();
    let actions: Vec<_> = audit["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["Action"])
        .collect();
    assert_eq!(actions, [&json!("block.delete"), &json!("block.put")]);
}

#[tokio::test]
async fn lists_go_by_zone_and_location() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[(1, 1), (2, 2)]);
    let target = format!("/v1/bypass/{}", mac(1));
    let unnamed = bed.ask(Method::PUT, &target, &json!({})).await;
    assert_eq!(unnamed.problem(), "invalid", "there are two zones");
    for zone in [1, 2] {
        let put = bed.ask(Method::PUT, &target, &json!({"Zone": zone})).await;
        assert_eq!(put.status, 201, "{zone}");
    }
    assert_eq!(bed.get(&target).await.problem(), "conflict");
    assert_eq!(
        bed.get(&format!("{target}?Zone=2")).await.json()["Zone"],
        json!(2)
    );
    let seen = bed.ask_as(&local(2), Method::GET, &target, &Value::Null).await;
    assert_eq!(seen.json()["Zone"], json!(2), "the other does not exist for them");
    let put = bed
        .ask_as(&local(2), Method::PUT, &target, &json!({"Zone": 1}))
        .await;
    assert_eq!((put.status.as_u16(), put.problem().as_str()), (403, "forbidden"));
    let other = bed
        .ask_as(
            &local(2),
            Method::DELETE,
            &format!("{target}?Zone=1"),
            &Value::Null,
        )
        .await;
    assert_eq!(other.problem(), "not-found");
    let gone = bed.ask_as(&local(2), Method::DELETE, &target, &Value::Null).await;
    assert_eq!(gone.status, 204);
    assert_eq!(bed.get(&target).await.json()["Zone"], json!(1));
}

#[tokio::test]
async fn lists_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("ONE-1", &json!({})).await;
    let target = format!("/v1/block/{}", mac(1));
    bed.ask(Method::PUT, &target, &json!({"Note": "noisy"})).await;
    drop(bed);
    let bed = Testbed::new(folder.path(), &[]);
    assert_eq!(bed.get(&target).await.json()["Note"], json!("noisy"));
    assert_eq!(
        bed.redeem("ONE-1", 1).await.problem(),
        "gate-full",
        "the gate knows"
    );
}

/// Reads events up to one of this name, and gives them as name, id and data.
async fn events_until(
    body: &mut (impl hyper::body::Body<Data = hyper::body::Bytes, Error: std::fmt::Debug> + Unpin),
    last: &str,
) -> Vec<(String, String, Value)> {
    let mut text = String::new();
    loop {
        let found: Vec<_> = text
            .split_inclusive("\n\n")
            .filter(|one| one.ends_with("\n\n"))
            .filter_map(event)
            .collect();
        if found.iter().any(|(name, ..)| name == last) {
            return found;
        }
        let Some(piece) = body.frame().await else {
            panic!("the stream ended before {last}: {text}");
        };
        text += std::str::from_utf8(&piece.unwrap().into_data().unwrap()).unwrap();
    }
}

fn event(text: &str) -> Option<(String, String, Value)> {
    let member = |name: &str| {
        let mut lines = text.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let data = serde_json::from_str(member("data")?).unwrap();
    Some((
        member("event")?.to_owned(),
        member("id").unwrap_or_default().to_owned(),
        data,
    ))
}

#[tokio::test]
async fn the_stream_tells_what_is_and_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("ONE-1", &json!({"UserLimit": 2})).await;
    bed.token("ELSEWHERE-1", &json!({"BusinessId": 2})).await;
    bed.redeem("ONE-1", 1).await;
    let stream = async |caller: &Caller, headers: &[(&'static str, &str)]| {
        let target = "/v1/sessions/stream";
        let answer = bed
            .begin(caller, Method::GET, target, &Value::Null, headers)
            .await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer.into_body()
    };
    let mut all = stream(&Caller::administrator("a"), &[]).await;
    let mut some = stream(&local(1), &[]).await;
    let begun = events_until(&mut all, "live").await;
    assert_eq!(begun[0].0, "snapshot");
    assert_eq!(begun[0].2["Records"][0]["MacAddress"], json!(mac(1)));
    events_until(&mut some, "live").await;

    bed.redeem("ELSEWHERE-1", 9).await;
    bed.redeem("ONE-1", 2).await;
    let target = format!("/v1/sessions/{}", mac(2));
    bed.ask(Method::DELETE, &target, &Value::Null).await;
    let told = events_until(&mut all, "released").await;
    let names: Vec<&str> = told.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["opened", "opened", "changed", "released", "changed"]);
    assert_eq!(told[1].2["MacAddress"], json!(mac(2)));
    assert_eq!(told[2].2["SeatsUsed"], json!(2));
    assert_eq!(
        (&told[3].2["MacAddress"], &told[3].2["Cause"]),
        (&json!(mac(2)), &json!("Disconnected"))
    );
    let told_some = events_until(&mut some, "released").await;
    assert!(
        told_some
            .iter()
            .all(|(.., data)| data["MacAddress"] != json!(mac(9))),
        "of another location"
    );
    drop(some);

    // Whoever comes back goes on where they were.
    let mut again = stream(&Caller::administrator("a"), &[("last-event-id", &told[1].1)]).await;
    let missed = events_until(&mut again, "released").await;
    assert_eq!(missed[0].0, "changed", "no snapshot, and nothing twice");
    // An id of another life means nothing.
    let mut anew = stream(&Caller::administrator("a"), &[("last-event-id", "abc-1")]).await;
    assert_eq!(events_until(&mut anew, "live").await[0].0, "snapshot");

    bed.context.stopping.send_replace(true);
    let end = events_until(&mut again, "end").await;
    assert!(
        end.last().unwrap().2["Reason"]
            .as_str()
            .unwrap()
            .contains("stopping")
    );
    assert!(again.frame().await.is_none(), "and then it ends");
}

#[tokio::test]
async fn who_reads_too_slowly_is_cut_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    bed.token("ONE-1", &json!({})).await;
    let admin = Caller::administrator("a");
    let answer = bed
        .begin(&admin, Method::GET, "/v1/sessions/stream", &Value::Null, &[])
        .await;
    let mut body = answer.into_body();
    events_until(&mut body, "live").await;
    // More than the ring and all that waits on the way can hold.
    for _ in 0..400 {
        bed.redeem("ONE-1", 1).await;
        bed.ask(Method::DELETE, &format!("/v1/sessions/{}", mac(1)), &Value::Null)
            .await;
    }
    let told = events_until(&mut body, "end").await;
    assert!(
        told.last().unwrap().2["Reason"]
            .as_str()
            .unwrap()
            .contains("missed")
    );
    assert!(told.len() < 1_000, "the rest was not kept for them");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn streams_are_limited() {
    let folder = tempfile::tempdir().unwrap();
    let bed = Testbed::new(folder.path(), &[]);
    let admin = Caller::administrator("a");
    let open = async || {
        bed.begin(&admin, Method::GET, "/v1/sessions/stream", &Value::Null, &[])
            .await
    };
    let mut streams = Vec::new();
    for _ in 0..super::session_stream::STREAMS_MAX {
        let stream = open().await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = open().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
}
