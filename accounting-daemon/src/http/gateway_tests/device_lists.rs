//! The bypass and the block list.

use super::*;

/// "An audit record for each administrative write: who, what, before and after."
#[tokio::test]
async fn devices_are_put_on_the_lists_and_taken_off() {
    let api = TestApi::new();
    let until = "2999-01-01T00:00:00Z";
    for list in ["bypass", "block"] {
        let target = format!("/v1/{list}/{}", mac(1));
        assert_eq!(api.get(&target).await.problem(), (404, "not-found"));
        let body = json!({"Note": "the printer", "Until": until});
        let entry = json!({"MacAddress": mac(1), "Zone": 0, "Note": "the printer", "Until": until});
        for status in [201, 200] {
            let put = api.ask("PUT", &target, &body).await;
            assert_eq!((put.status, put.json()), (status, entry.clone()));
        }
        assert_eq!(api.get(&target).await.json(), entry);
        // Whole entries are sent back.
        assert_eq!(api.ask("PUT", &target, &entry).await.status, 200);
        let plain = api
            .ask("PUT", &format!("/v1/{list}/{}", mac(2)), &json!({}))
            .await;
        assert_eq!(
            (&plain.json()["Until"], &plain.json()["Note"]),
            (&Value::Null, &Value::Null)
        );
        let page = api.get(&format!("/v1/{list}?Size=1")).await.json();
        assert_eq!(page["Records"], json!([entry]));
        let next = page["Next"].as_str().unwrap();
        let page = api.get(&format!("/v1/{list}?After={next}")).await.json();
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
            let refused = api.ask("PUT", &target, &wrong).await;
            assert_eq!(refused.problem(), (422, "invalid"), "{wrong}");
            assert!(refused.json()["Errors"][0]["PropertyName"].is_string());
        }
        let gone = api.ask("DELETE", &target, &Value::Null).await;
        assert_eq!((gone.status, gone.body.len()), (204, 0));
        let again = api.ask("DELETE", &target, &Value::Null).await;
        assert_eq!(again.problem(), (404, "not-found"));
    }
    let odd = api.ask("PUT", "/v1/block/ff:ff:ff:ff:ff:ff", &json!({})).await;
    assert_eq!(odd.problem(), (400, "malformed-request"));
}

#[tokio::test]
async fn a_block_cuts_a_session_and_refuses_the_next() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1"})).await;
    api.redeem("ONE-1", 1).await;
    let target = format!("/v1/block/{}", mac(1));
    assert_eq!(api.ask("PUT", &target, &json!({})).await.status, 201);
    let device = api.get(&format!("/v1/devices/{}", mac(1))).await.json();
    assert_eq!(device["Online"], json!(false));
    let usage = api.get("/v1/usage").await.json();
    assert_eq!(usage["Records"][0]["Cause"], json!("Disconnected"));
    assert_eq!(api.redeem("ONE-1", 1).await.problem(), (503, "gate-full"));
    // A bypass does not help.
    let bypass = format!("/v1/bypass/{}", mac(1));
    assert_eq!(api.ask("PUT", &bypass, &json!({})).await.status, 201);
    assert_eq!(api.redeem("ONE-1", 1).await.problem(), (503, "gate-full"));
    api.ask("DELETE", &target, &Value::Null).await;
    assert_eq!(api.redeem("ONE-1", 1).await.status, 200);
    let audit = api.get("/v1/audit?Object=block").await.json();
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
    let api = TestApi::with_zones(&[(1, 1), (2, 2)]);
    let target = format!("/v1/bypass/{}", mac(1));
    let unnamed = api.ask("PUT", &target, &json!({})).await;
    assert_eq!(unnamed.problem(), (422, "invalid"), "there are two zones");
    for zone in [1, 2] {
        let put = api.ask("PUT", &target, &json!({"Zone": zone})).await;
        assert_eq!(put.status, 201, "{zone}");
    }
    assert_eq!(api.get(&target).await.problem(), (409, "conflict"));
    assert_eq!(
        api.get(&format!("{target}?Zone=2")).await.json()["Zone"],
        json!(2)
    );
    let there = local(&api, 2).await;
    let seen = api.ask_as(As::Bearer(&there), "GET", &target, &Value::Null).await;
    assert_eq!(seen.json()["Zone"], json!(2), "the other does not exist for them");
    let put = api
        .ask_as(As::Bearer(&there), "PUT", &target, &json!({"Zone": 1}))
        .await;
    assert_eq!(put.problem(), (403, "forbidden"));
    let other = api
        .ask_as(
            As::Bearer(&there),
            "DELETE",
            &format!("{target}?Zone=1"),
            &Value::Null,
        )
        .await;
    assert_eq!(other.problem(), (404, "not-found"));
    let gone = api
        .ask_as(As::Bearer(&there), "DELETE", &target, &Value::Null)
        .await;
    assert_eq!(gone.status, 204);
    assert_eq!(api.get(&target).await.json()["Zone"], json!(1));
}

#[tokio::test]
async fn lists_are_there_after_a_restart() {
    let api = TestApi::new();
    api.create(json!({"AccessCode": "ONE-1"})).await;
    let target = format!("/v1/block/{}", mac(1));
    api.ask("PUT", &target, &json!({"Note": "noisy"})).await;
    let api = api.restarted();
    assert_eq!(api.get(&target).await.json()["Note"], json!("noisy"));
    assert_eq!(
        api.redeem("ONE-1", 1).await.problem(),
        (503, "gate-full"),
        "the gate knows"
    );
}
