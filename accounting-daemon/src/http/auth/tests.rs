//! Signing in as a whole, and what is remembered of it.

mod budgets;
mod first_start;
mod tokens;

use std::sync::atomic::{AtomicU64, Ordering};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use redb::backends::InMemoryBackend;

use super::*;
use crate::{config::AdministratorConfig, gate::status::GateStatus, ledger::Now, store::User};

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
