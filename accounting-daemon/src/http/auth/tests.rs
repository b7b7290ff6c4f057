//! Signing in as a whole: budgets, memory, and the account that the first start makes.

use std::sync::atomic::{AtomicU64, Ordering};

use argon2::{Argon2, PasswordVerifier};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use redb::backends::InMemoryBackend;

use super::*;
use crate::{
    config::AdministratorConfig,
    gate::status::GateStatus,
    ledger::Now,
    store::{Client, User},
};

struct Bench {
    auth: Arc<Auth>,
    store: Disk,
    metrics: Arc<Metrics>,
    time: Arc<AtomicU64>,
    password: String,
}

const WALL: u64 = 1_800_000_000_000;

fn memory() -> Disk {
    Disk::over("memory", InMemoryBackend::new).unwrap()
}

fn config(password_file: Option<&std::path::Path>) -> AdministratorConfig {
    AdministratorConfig {
        email: "Admin@localhost".to_owned(),
        password_file: password_file.map(Into::into),
    }
}

fn bench() -> Bench {
    let store = memory();
    let made = first_start(&store, &config(None)).unwrap().unwrap();
    let time = Arc::new(AtomicU64::new(1_000_000));
    let shown = Arc::clone(&time);
    let clock: Clock = Arc::new(move || {
        let monotonic = shown.load(Ordering::Relaxed);
        Now {
            monotonic,
            wall: i64::try_from(WALL + monotonic).unwrap(),
            trusted: false,
        }
    });
    let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
    let auth = Auth::new(
        store.clone(),
        clock,
        Arc::clone(&metrics),
        SignInConfig::default(),
    );
    Bench {
        auth: Arc::new(auth.unwrap()),
        store,
        metrics,
        time,
        password: made.password.to_string(),
    }
}

impl Bench {
    async fn show(&self, header: &str, peer: &str) -> Result<Caller, Denied> {
        let header = HeaderValue::from_str(header).unwrap();
        let peer = peer.parse().unwrap();
        self.auth.authenticate(Some(&header), peer, false).await
    }

    async fn sign_in(&self, name: &str, password: &str, peer: &str) -> Result<Caller, Denied> {
        let basic = BASE64_STANDARD.encode(format!("{name}:{password}"));
        self.show(&format!("Basic {basic}"), peer).await
    }

    /// How many checks of credentials passed.
    fn checks(&self) -> u64 {
        let text = self.metrics.render(&GateStatus::default()).unwrap();
        let text = String::from_utf8(text).unwrap();
        let line = "accounting_sign_ins_total{result=\"passed\"} ";
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.unwrap().parse().unwrap()
    }

    fn pass(&self, ms: u64) {
        self.time.fetch_add(ms, Ordering::Relaxed);
    }

    /// Tokens for the administrator.
    async fn give(&self, client_id: &str) -> Given {
        let user = self.store.user("admin@localhost").unwrap().unwrap();
        let given = self.auth.give_user(user, client_id.to_owned()).await;
        given.unwrap_or_else(|denied| panic!("{denied}"))
    }

    /// Changes the administrator as an administrator would.
    async fn change(&self, change: impl FnOnce(&mut User) + Send + 'static) {
        let work = move |accounts: &Accounts<'_>| -> Result<(), Denied> {
            let found = accounts.user("admin@localhost").map_err(|_| Denied::Failed)?;
            let mut user = found.unwrap();
            change(&mut user);
            accounts.set_user(&user).map_err(|_| Denied::Failed)?;
            accounts.revoke(&user.owner()).map_err(|_| Denied::Failed)
        };
        self.auth.change(work).await.unwrap();
    }
}

impl From<StoreError> for Denied {
    fn from(_: StoreError) -> Self {
        Self::Failed
    }
}

#[tokio::test]
async fn the_right_password_passes_and_is_checked_once_in_five_minutes() {
    let bench = bench();
    for _ in 0..100 {
        let caller = bench.sign_in("admin@LOCALHOST", &bench.password, "::1").await;
        assert_eq!(caller.unwrap().name, "Admin@localhost");
    }
    assert_eq!(bench.checks(), 1);
    bench.pass(299_999);
    bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(bench.checks(), 1);
    bench.pass(1);
    bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(bench.checks(), 2);
    bench.change(|_| {}).await;
    bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(bench.checks(), 3);
}

#[tokio::test]
async fn a_change_holds_from_the_next_request_on() {
    let bench = bench();
    bench
        .sign_in("admin@localhost", &bench.password, "::1")
        .await
        .unwrap();
    let given = bench.give("").await;
    let bearer = format!("Bearer {}", given.access.as_str());
    assert!(bench.show(&bearer, "::1").await.unwrap().is_administrator());
    bench.change(|user| user.disabled = true).await;
    let denied = Err(Denied::Unauthenticated);
    assert_eq!(
        bench.sign_in("admin@localhost", &bench.password, "::1").await,
        denied
    );
    assert_eq!(bench.show(&bearer, "::1").await, denied);
    bench.change(|user| user.disabled = false).await;
    assert_eq!(bench.show(&bearer, "::1").await, denied, "revoked for good");
}

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

#[tokio::test]
async fn parallel_requests_with_the_right_password_all_pass_and_are_checked_once() {
    let bench = Arc::new(bench());
    let requests: Vec<_> = (0..50)
        .map(|_| {
            let bench = Arc::clone(&bench);
            tokio::spawn(async move { bench.sign_in("admin@localhost", &bench.password, "::1").await })
        })
        .collect();
    for request in requests {
        request.await.unwrap().unwrap();
    }
    assert_eq!(bench.checks(), 1);
}

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

#[test]
fn the_first_start_makes_one_administrator_and_later_ones_none() {
    let store = memory();
    let made = first_start(&store, &config(None)).unwrap().unwrap();
    assert_eq!(made.email, "Admin@localhost");
    assert_eq!(made.password.len(), 20);
    let user = store.user("admin@localhost").unwrap().unwrap();
    assert!(user.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(user.administers() && !user.must_reset);
    assert!(first_start(&store, &config(None)).unwrap().is_none());
    assert_eq!(store.users(None, 9).unwrap(), [user]);
}

#[test]
fn the_first_password_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let store = memory();
    let error = first_start(&store, &config(Some(&path)))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("password cannot be read"), "{error}");
    for wrong in ["", "\n", "short\n", "two\nlines of it\n"] {
        std::fs::write(&path, wrong).unwrap();
        assert!(first_start(&store, &config(Some(&path))).is_err(), "{wrong:?}");
    }
    assert!(store.users(None, 1).unwrap().is_empty());
    std::fs::write(&path, "correct horse\n").unwrap();
    assert!(first_start(&store, &config(Some(&path))).unwrap().is_none());
    let hash = store.user("admin@localhost").unwrap().unwrap().password_hash;
    Argon2::default()
        .verify_password(b"correct horse", hash.as_str())
        .unwrap();
}
