//! How often it may fail, and what costs no check.

use super::*;
use crate::store::Client;

#[tokio::test]
async fn ten_failures_close_the_account_to_that_address_only() {
    let bench = bench();
    for _ in 0..10 {
        let denied = bench.sign_in("admin@localhost", "wrong", "192.0.2.1").await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    let denied = bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.1")
        .await;
    assert_eq!(denied, Err(Denied::Throttled { retry_after_s: 60 }));
    assert_eq!(bench.checks(), 0, "refused without a check");
    bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.2")
        .await
        .unwrap();
    bench.pass(60_000);
    bench.change(|_| {}).await;
    bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.1")
        .await
        .unwrap();
}

#[tokio::test]
async fn checks_that_pass_use_up_no_budget() {
    let bench = bench();
    for _ in 0..12 {
        bench.change(|_| {}).await;
        bench
            .sign_in("admin@localhost", &bench.password, "::1")
            .await
            .unwrap();
    }
    assert_eq!(bench.checks(), 12);
}

#[tokio::test]
async fn thirty_parallel_guesses_are_not_more_than_the_budget() {
    let bench = Arc::new(bench());
    let guesses: Vec<_> = (0..30)
        .map(|nth| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.sign_in("admin@localhost", &nth.to_string(), "::1").await })
        })
        .collect();
    let mut checked = 0;
    for guess in guesses {
        checked += u32::from(guess.await.unwrap() == Err(Denied::Unauthenticated));
    }
    assert_eq!(checked, 10);
}

#[tokio::test]
async fn a_client_signs_in_by_its_secret_within_the_same_budgets() {
    let bench = bench();
    let (secret, secret_hash) = draw_secret().unwrap();
    let client = Client {
        id: "kiosk".to_owned(),
        secret_hash,
        name: None,
        roles: [Role::Redeem].into(),
        business_ids: Some([7].into()),
    };
    let made = bench.store.change(|accounts| accounts.set_client(&client));
    made.map_err(|error: StoreError| error).unwrap();
    let caller = bench.sign_in("kiosk", &secret, "::1").await.unwrap();
    assert_eq!(
        (caller.name.as_str(), caller.via),
        ("kiosk", crate::store::Via::Client)
    );
    assert!(caller.may(Role::Redeem) && !caller.may(Role::List) && !caller.sees(8));
    for _ in 0..10 {
        let denied = bench.sign_in("kiosk", "wrong", "192.0.2.1").await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    let throttled = bench.sign_in("kiosk", "wrong again", "192.0.2.1").await;
    assert_eq!(throttled, Err(Denied::Throttled { retry_after_s: 60 }));
}

#[tokio::test]
async fn nobody_is_unauthenticated_and_costs_nothing() {
    let bench = bench();
    for _ in 0..100 {
        let denied = bench.auth.authenticate(None, "::1".parse().unwrap(), false).await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    for name in ["other@localhost", "other"] {
        let unknown = bench.sign_in(name, &bench.password, "::1").await;
        assert_eq!(unknown, Err(Denied::Unauthenticated));
    }
}
