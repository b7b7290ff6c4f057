//! Changes by somebody are in the audit, in the commit of the change itself.

use super::*;
use crate::{
    engine::answer::Balance,
    ledger::Edit,
    store::{AuditFilter, AuditRecord},
};

fn audit(bench: &Bench) -> Vec<AuditRecord> {
    let part = bench
        .core
        .store
        .0
        .audit(&AuditFilter::default(), None, 99)
        .unwrap();
    part.records.into_iter().rev().map(|(_, record)| record).collect()
}

/// "An audit record for each administrative write: who, what, before and after."
#[test]
fn each_change_of_a_token_has_its_record_with_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let a = bench.create("SECRET-77", 60, 1).unwrap().id;
    let edit = Edit {
        minutes_included: Some(90),
        code: Some(AccessCode::new("OTHER-88").unwrap()),
        ..Edit::default()
    };
    bench
        .ask(|answer| Message::Edit(a, Box::new(edit), Actor::daemon(), answer))
        .unwrap();
    let balance = Balance {
        token: a,
        left: 60_000,
        who: "test".into(),
        reason: "a gift".into(),
    };
    bench
        .ask(|answer| Message::Balance(balance, Actor::daemon(), answer))
        .unwrap();
    bench
        .ask(|answer| Message::Delete(a, Actor::daemon(), answer))
        .unwrap();

    let found = audit(&bench);
    let actions: Vec<_> = found.iter().map(|record| record.action.as_ref()).collect();
    assert_eq!(
        actions,
        ["token.create", "token.edit", "token.balance", "token.delete"]
    );
    let minutes = |text: &Option<String>| -> Option<(u64, u64)> {
        let shown: serde_json::Value = serde_json::from_str(text.as_ref()?).unwrap();
        Some((
            shown["MinutesIncluded"].as_u64().unwrap(),
            shown["MinutesLeft"].as_u64().unwrap(),
        ))
    };
    let minutes: Vec<_> = found
        .iter()
        .map(|record| (minutes(&record.before), minutes(&record.after)))
        .collect();
    let expected = [
        (None, Some((60, 60))),
        (Some((60, 60)), Some((90, 90))),
        (Some((90, 90)), Some((90, 1))),
        (Some((90, 1)), None),
    ];
    assert_eq!(minutes, expected);
    let reasons = found.iter().map(|record| {
        let after = record.after.as_ref()?;
        let shown: serde_json::Value = serde_json::from_str(after).unwrap();
        shown.get("Reason").cloned()
    });
    let reasons: Vec<_> = reasons.collect();
    assert_eq!(reasons, [None, None, Some("a gift".into()), None]);
    for record in &found {
        assert_eq!(record.object, format!("token/{a}"));
        assert_eq!((record.on, &record.by), (bench.now.wall, &Actor::daemon()));
        let text = format!("{record:?}");
        assert!(!text.contains("SECRET") && !text.contains("OTHER"), "{text}");
    }
}

#[test]
fn what_is_refused_and_what_guests_do_is_not_in_the_audit() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    bench.create("A", 60, 1).unwrap();
    bench.create("A", 60, 1).unwrap_err();
    bench
        .ask(|answer| Message::Delete(99, Actor::daemon(), answer))
        .unwrap_err();
    let mac = device(1).mac;
    let release = |by, answer| Message::Release {
        mac,
        zone: None,
        cause: Cause::Logout,
        by,
        answer,
    };
    bench.redeem("A", 1).unwrap();
    bench.ask(|answer| release(None, answer)).unwrap();
    assert_eq!(audit(&bench).len(), 1);
    bench.redeem("A", 1).unwrap();
    bench
        .ask(|answer| release(Some(Actor::daemon()), answer))
        .unwrap();
    assert_eq!(audit(&bench)[1].action, "session.disconnect");
    bench
        .ask(|answer| release(Some(Actor::daemon()), answer))
        .unwrap_err();
    assert_eq!(audit(&bench).len(), 2);
}

/// "An audit record for each administrative write: who, what, before and after."
#[test]
fn a_record_comes_with_the_commit_of_its_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let log = Arc::clone(&bench.core.store.1);
    log.lock().unwrap().clear();
    bench.create("A", 60, 1).unwrap();
    let commits = log
        .lock()
        .unwrap()
        .iter()
        .filter(|what| *what == "commit")
        .count();
    assert_eq!((commits, audit(&bench).len()), (1, 1));
}
