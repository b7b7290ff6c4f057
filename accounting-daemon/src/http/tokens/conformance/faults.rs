//! The store fails in the middle, or the client goes away: all of it was done, or nothing.

use std::{io::ErrorKind, time::Duration};

use http_body_util::BodyExt;

use super::*;
use crate::store::{Disk, faulty::FaultyDisk};

fn over(disk: &FaultyDisk) -> TestApi {
    let under = disk.clone();
    TestApi::on(Disk::over("the disk", move || under.handle()).unwrap())
}

/// Asks until the store is back: the daemon looks by itself.
async fn recovered(api: &TestApi) {
    let body = json!({"BusinessId": 9, "MinutesIncluded": 1});
    while api.ask("POST", TOKENS, &body).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn count(api: &TestApi, business: u64) -> u64 {
    let page = list(api, &format!("AccessToken_Business={business}")).await;
    page["TotalItems"].as_u64().unwrap()
}

/// "all or nothing", "codes unique": at whichever call of the disk an import or a command fails.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_or_a_command_that_the_store_fails_is_made_whole_or_not_at_all() {
    let disk = FaultyDisk::default();
    let api = over(&disk);
    let (mut failures, mut rounds, mut commands) = (0, 0, 0);
    for call in 1.. {
        rounds += 1;
        let table = format!("BusinessId,MinutesIncluded,AccessCode\n1,5,A-{call}\n1,5,B-{call}\n");
        let order = json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [
            {"Name": "NumberOfTokens", "Value": 3}, {"Name": "BusinessId", "Value": 2}, {"Name": "MinutesIncluded", "Value": 1}]});
        disk.fail_from(Some((disk.calls() + call, ErrorKind::StorageFull)));
        let imported = api
            .send("POST", &format!("{TOKENS}/import"), "text/csv", table.clone())
            .await;
        let ordered = api.ask("POST", &format!("{TOKENS}/runcommand"), &order).await;
        disk.fail_from(None);
        for failed in [&imported, &ordered]
            .into_iter()
            .filter(|read| read.status != 200)
        {
            match failed.status {
                500 => assert_eq!(failed.json(), json!({"Message": "An error has occurred."})),
                // The store is not open again yet.
                409 => assert!(failed.headers.contains_key("retry-after") && failed.body.is_empty()),
                other => panic!("{other}: {}", failed.text()),
            }
            failures += 1;
        }
        recovered(&api).await;
        let made = count(&api, 2).await;
        assert!(
            made == commands || made == commands + 3,
            "{made} after {commands}"
        );
        assert!(ordered.status != 200 || made == commands + 3);
        commands = made;
        // Codes of a table that failed are free, or those of all its rows are in use.
        let again = api
            .send("POST", &format!("{TOKENS}/import"), "text/csv", table)
            .await;
        let rows = list(&api, "AccessToken_Business=1").await["TotalItems"]
            .as_u64()
            .unwrap();
        assert_eq!(rows, 2 * rounds, "{}", again.text());
        match again.status {
            200 => assert_ne!(imported.status, 200),
            400 => assert_eq!(properties(&again), ["AccessCode", "AccessCode"]),
            other => panic!("{other}: {}", again.text()),
        }
        if imported.status == 200 && ordered.status == 200 {
            break;
        }
    }
    assert!(failures > 4, "only {failures} failures were met");
}

/// "streamed": a table that is cut off does not look as if it were whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_the_store_fails_is_cut_off() {
    let disk = FaultyDisk::default();
    let api = over(&disk);
    let order = json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [
        {"Name": "NumberOfTokens", "Value": 8000}, {"Name": "BusinessId", "Value": 1}, {"Name": "MinutesIncluded", "Value": 1}]});
    let made = api.ask("POST", &format!("{TOKENS}/runcommand"), &order).await;
    assert_eq!(made.json()["WasSuccessful"], true);
    // A store that is opened anew has nothing in memory.
    disk.fail_from(Some((disk.calls() + 1, ErrorKind::StorageFull)));
    let failed = api
        .ask("POST", TOKENS, &json!({"BusinessId": 1, "MinutesIncluded": 1}))
        .await;
    assert_eq!(failed.status, 500);
    disk.fail_from(None);
    recovered(&api).await;

    let mut answer = api.open(api.admin(), &format!("{TOKENS}/export"), &[]).await;
    assert_eq!(answer.status(), 200);
    disk.fail_reads(true);
    let mut rows = 0;
    let end = loop {
        match answer.body_mut().frame().await {
            Some(Ok(frame)) => {
                rows += frame
                    .into_data()
                    .unwrap()
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count()
            }
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(
        end.is_some(),
        "half a table of {rows} rows ended as a whole one does"
    );
    assert!(rows > 0 && rows < 8000, "{rows}");
    disk.fail_reads(false);
    recovered(&api).await;
    let whole = api.get(&format!("{TOKENS}/export?AccessToken_Business=1")).await;
    assert_eq!(
        csv::Reader::from_reader(whole.body.as_ref()).records().count(),
        8000
    );
}

/// Whoever hangs up during a command leaves it whole or undone, and nobody else waits for them.
#[tokio::test]
async fn a_client_that_goes_away_leaves_all_or_nothing() {
    let api = TestApi::new();
    for turns in 0..12 {
        let before = count(&api, 5).await;
        let order = json!({"Key": "COMMAND_CREATE_TOKENS_IN_BULK", "Parameters": [
            {"Name": "NumberOfTokens", "Value": 7}, {"Name": "BusinessId", "Value": 5}, {"Name": "MinutesIncluded", "Value": 1}]});
        let target = format!("{TOKENS}/runcommand");
        {
            let asking = api.ask("POST", &target, &order);
            let mut asking = std::pin::pin!(asking);
            for _ in 0..turns {
                let polled = std::future::poll_fn(|task| std::task::Poll::Ready(asking.as_mut().poll(task)));
                if polled.await.is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What comes later in the engine's mailbox is answered later.
        api.create(json!({})).await;
        let after = count(&api, 5).await;
        assert!(after == before || after == before + 7, "{after} after {before}");
    }
    let mut half = api.open(api.admin(), &format!("{TOKENS}/export"), &[]).await;
    assert!(half.body_mut().frame().await.unwrap().is_ok());
    drop(half);
    api.create(json!({})).await;
}
