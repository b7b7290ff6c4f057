//! The stream of sessions: what is told, to whom, and for how long.

use http_body_util::BodyExt;

use super::*;
use crate::http::session_stream::STREAMS_MAX;

const STREAM: &str = "/v1/sessions/stream";

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
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1", "UserLimit": 2})).await;
    api.create(json!({"AccessCode": "ELSEWHERE-1", "BusinessId": 2}))
        .await;
    api.redeem("ONE-1", 1).await;
    let stream = async |by: As<'_>, headers: &[(&str, &str)]| {
        let answer = api.open(by, STREAM, headers).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        answer.into_body()
    };
    let mut all = stream(api.admin(), &[]).await;
    let here = local(&api, 1).await;
    let mut some = stream(As::Bearer(&here), &[]).await;
    let begun = events_until(&mut all, "live").await;
    assert_eq!(begun[0].0, "snapshot");
    assert_eq!(begun[0].2["Records"][0]["MacAddress"], json!(mac(1)));
    events_until(&mut some, "live").await;

    api.redeem("ELSEWHERE-1", 9).await;
    api.redeem("ONE-1", 2).await;
    let target = format!("/v1/sessions/{}", mac(2));
    api.ask("DELETE", &target, &Value::Null).await;
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
    let mut again = stream(api.admin(), &[("last-event-id", &told[1].1)]).await;
    let missed = events_until(&mut again, "released").await;
    assert_eq!(missed[0].0, "changed", "no snapshot, and nothing twice");
    // An id of another life means nothing.
    let mut anew = stream(api.admin(), &[("last-event-id", "abc-1")]).await;
    assert_eq!(events_until(&mut anew, "live").await[0].0, "snapshot");

    api.context.stopping.send_replace(true);
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
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1"})).await;
    let answer = api.open(api.admin(), STREAM, &[]).await;
    let mut body = answer.into_body();
    events_until(&mut body, "live").await;
    // More than the ring and all that waits on the way can hold.
    for _ in 0..400 {
        api.redeem("ONE-1", 1).await;
        api.ask("DELETE", &format!("/v1/sessions/{}", mac(1)), &Value::Null)
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
    let api = TestApi::new();
    let mut streams = Vec::new();
    for _ in 0..STREAMS_MAX {
        let stream = api.open(api.admin(), STREAM, &[]).await;
        assert_eq!(stream.status(), 200);
        streams.push(stream);
    }
    let refused = api.open(api.admin(), STREAM, &[]).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
}
