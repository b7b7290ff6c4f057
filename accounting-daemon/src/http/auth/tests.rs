//! Signing in as a whole: budgets, memory, and the account that the first start makes.

use std::sync::{
    Mutex as StdMutex,
    atomic::{AtomicU64, Ordering},
};

use argon2::PasswordHasher;
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::*;
use crate::{config::AdministratorConfig, ledger::Now};

#[derive(Default)]
struct Kept {
    account: StdMutex<Option<Account>>,
    reads: AtomicU64,
}

impl Accounts for Kept {
    fn administrator(&self) -> Result<Option<Account>, AccountsError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(self.account.lock().unwrap().clone())
    }

    fn set_administrator(&self, account: &Account) -> Result<(), AccountsError> {
        *self.account.lock().unwrap() = Some(account.clone());
        Ok(())
    }
}

struct Bench {
    auth: Arc<Auth>,
    kept: Arc<Kept>,
    time: Arc<AtomicU64>,
    password: String,
}

fn config(password_file: Option<&std::path::Path>) -> AdministratorConfig {
    AdministratorConfig {
        email: "Admin@localhost".to_owned(),
        password_file: password_file.map(Into::into),
    }
}

fn bench() -> Bench {
    let kept = Arc::new(Kept::default());
    let made = first_start(kept.as_ref(), &config(None)).unwrap().unwrap();
    let time = Arc::new(AtomicU64::new(1_000_000));
    let shown = Arc::clone(&time);
    let clock: Clock = Arc::new(move || Now {
        monotonic: shown.load(Ordering::Relaxed),
        wall: 0,
        trusted: false,
    });
    let metrics = Arc::new(Metrics::new(Box::new(Vec::new)).unwrap());
    kept.reads.store(0, Ordering::Relaxed);
    Bench {
        auth: Arc::new(Auth::new(Arc::clone(&kept) as _, clock, metrics).unwrap()),
        kept,
        time,
        password: made.password.to_string(),
    }
}

impl Bench {
    async fn sign_in(&self, email: &str, password: &str, peer: &str) -> Result<Caller, Denied> {
        let header = format!("Basic {}", BASE64_STANDARD.encode(format!("{email}:{password}")));
        let header = HeaderValue::from_str(&header).unwrap();
        self.auth.authenticate(Some(&header), peer.parse().unwrap()).await
    }

    fn reads(&self) -> u64 {
        self.kept.reads.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn the_right_password_passes_and_is_checked_once_in_five_minutes() {
    let bench = bench();
    let caller = bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(caller.name, "Admin@localhost");
    for _ in 0..100 {
        bench
            .sign_in("admin@LOCALHOST", &bench.password, "::1")
            .await
            .unwrap();
    }
    assert_eq!(bench.reads(), 1);
    bench.time.fetch_add(300_000, Ordering::Relaxed);
    bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(bench.reads(), 2);
    bench.auth.forget();
    bench
        .sign_in("admin@LOCALHOST", &bench.password, "::1")
        .await
        .unwrap();
    assert_eq!(bench.reads(), 3);
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
    assert_eq!(bench.reads(), 1);
}

#[tokio::test]
async fn ten_failures_close_the_account_to_that_address_only() {
    let bench = bench();
    for _ in 0..10 {
        let denied = bench.sign_in("admin@localhost", "wrong", "192.0.2.1").await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    let reads = bench.reads();
    let denied = bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.1")
        .await;
    assert_eq!(denied, Err(Denied::Throttled { retry_after_s: 60 }));
    assert_eq!(bench.reads(), reads, "refused without a check");
    bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.2")
        .await
        .unwrap();
    bench.time.fetch_add(60_000, Ordering::Relaxed);
    bench.auth.forget();
    bench
        .sign_in("admin@localhost", &bench.password, "192.0.2.1")
        .await
        .unwrap();
}

#[tokio::test]
async fn checks_that_pass_use_up_no_budget() {
    let bench = bench();
    for _ in 0..12 {
        bench.auth.forget();
        bench
            .sign_in("admin@localhost", &bench.password, "::1")
            .await
            .unwrap();
    }
    assert_eq!(bench.reads(), 12);
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
async fn nobody_is_unauthenticated_and_costs_nothing() {
    let bench = bench();
    for _ in 0..100 {
        let denied = bench.auth.authenticate(None, "::1".parse().unwrap()).await;
        assert_eq!(denied, Err(Denied::Unauthenticated));
    }
    let unknown = bench.sign_in("other@localhost", &bench.password, "::1").await;
    assert_eq!(unknown, Err(Denied::Unauthenticated));
}

#[test]
fn the_first_start_makes_one_administrator_and_later_ones_none() {
    let kept = Kept::default();
    let made = first_start(&kept, &config(None)).unwrap().unwrap();
    assert_eq!(made.email, "Admin@localhost");
    assert_eq!(made.password.len(), 20);
    let account = kept.administrator().unwrap().unwrap();
    assert!(
        account
            .password_hash
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert!(!format!("{account:?}").contains("argon2"));
    assert!(first_start(&kept, &config(None)).unwrap().is_none());
    assert_eq!(kept.administrator().unwrap(), Some(account));
}

#[test]
fn the_first_password_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("password");
    let kept = Kept::default();
    let error = first_start(&kept, &config(Some(&path)))
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("password cannot be read"), "{error}");
    for wrong in ["", "\n", "short\n", "two\nlines of it\n"] {
        std::fs::write(&path, wrong).unwrap();
        assert!(first_start(&kept, &config(Some(&path))).is_err(), "{wrong:?}");
    }
    assert!(kept.administrator().unwrap().is_none());
    std::fs::write(&path, "correct horse\n").unwrap();
    assert!(first_start(&kept, &config(Some(&path))).unwrap().is_none());
    let hash = kept.administrator().unwrap().unwrap().password_hash;
    Argon2::default()
        .verify_password(b"correct horse", hash.as_str())
        .unwrap();
}

/// The time of an unknown account must be that of a known one: the stand-in has to be a hash that is really computed.
#[test]
fn the_stand_in_of_unknown_accounts_costs_what_a_real_one_costs() {
    let parsed = argon2::password_hash::phc::PasswordHash::new(NOBODY).unwrap();
    let real = Argon2::default().hash_password(b"password").unwrap();
    assert_eq!(parsed.algorithm, real.algorithm);
    assert_eq!(parsed.version, real.version);
    assert_eq!(parsed.params, real.params);
    assert_eq!(
        parsed.hash.map(|hash| hash.len()),
        real.hash.map(|hash| hash.len())
    );
}
