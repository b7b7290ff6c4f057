//! Access tokens and refresh tokens.

use super::*;

#[tokio::test]
async fn an_access_token_lets_in_until_it_runs_out() {
    let bench = bench();
    let given = bench.give("").await;
    assert_eq!(given.expires_in, 604_799);
    let bearer = format!("bearer {}", given.access.as_str());
    assert_eq!(bench.show(&bearer, "::1").await.unwrap().name, "Admin@localhost");
    bench.pass(604_798_999);
    bench.show(&bearer, "::1").await.unwrap();
    bench.pass(1);
    assert_eq!(bench.show(&bearer, "::1").await, Err(Denied::Unauthenticated));
    let refresh = format!("Bearer {}", given.refresh.unwrap().as_str());
    assert_eq!(bench.show(&refresh, "::1").await, Err(Denied::Unauthenticated));
    assert_eq!(
        bench.show("Bearer AAAA", "::1").await,
        Err(Denied::Unauthenticated)
    );
}

#[tokio::test]
async fn who_is_changed_between_the_check_and_the_giving_gets_nothing() {
    let bench = bench();
    let user = bench.store.user("admin@localhost").unwrap().unwrap();
    for change in [
        |user: &mut User| user.password_hash.push('x'),
        |user: &mut User| user.disabled = true,
    ] {
        bench.change(change).await;
        let given = bench.auth.give_user(user.clone(), String::new()).await;
        assert_eq!(given.err(), Some(Denied::Unauthenticated));
    }
}

#[tokio::test]
async fn tokens_are_kept_as_hashes_only() {
    let bench = bench();
    let given = bench.give("").await;
    let hash = hash_of(&given.access);
    assert!(bench.store.grant(&hash).unwrap().is_some());
    assert_eq!(given.access.len(), 43, "256 bits");
}

#[tokio::test]
async fn of_two_who_refresh_at_once_one_wins_and_ends_the_family_of_the_other() {
    let bench = Arc::new(bench());
    let given = bench.give("").await;
    let refresh = given.refresh.unwrap();
    let tries: Vec<_> = (0..8)
        .map(|_| {
            let (bench, refresh) = (Arc::clone(&bench), refresh.clone());
            tokio::spawn(async move { bench.auth.refresh(&refresh, None).await })
        })
        .collect();
    let mut won = Vec::new();
    for one in tries {
        won.extend(one.await.unwrap().ok());
    }
    assert_eq!(won.len(), 1);
    let next = won.pop().unwrap();
    let again = bench.auth.refresh(&next.refresh.unwrap(), None).await;
    assert!(matches!(again, Err(NotGiven::Wrong)), "the family has ended");
    for access in [given.access, next.access] {
        let bearer = format!("Bearer {}", access.as_str());
        bench.show(&bearer, "::1").await.unwrap();
    }
}

#[tokio::test]
async fn a_refresh_token_is_for_its_client_for_its_time_and_for_users_who_may_sign_in() {
    let bench = bench();
    let wrong = |given: Result<Given, NotGiven>| assert!(matches!(given, Err(NotGiven::Wrong)));
    let first = bench.give("app").await;
    let token = first.refresh.unwrap();
    wrong(bench.auth.refresh(&token, Some("other".to_owned())).await);
    wrong(bench.auth.refresh(&first.access, None).await);
    wrong(bench.auth.refresh("nothing", None).await);
    let second = bench.auth.refresh(&token, Some("app".to_owned())).await.unwrap();
    let token = second.refresh.unwrap();
    let third = bench
        .auth
        .refresh(&token, Some("ADMIN@localhost".to_owned()))
        .await
        .unwrap();
    bench.pass(15 * 24 * 60 * 60 * 1000);
    wrong(bench.auth.refresh(&third.refresh.unwrap(), None).await);
    let last = bench.give("app").await;
    let kept = move |user: &mut User| user.must_reset = true;
    bench.change(kept).await;
    wrong(bench.auth.refresh(&last.refresh.unwrap(), None).await);
}
