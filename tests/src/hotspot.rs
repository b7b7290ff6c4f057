//! A lab with the daemon in it, and what its operator and its guests do there.

mod flows;

use std::sync::Mutex;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::lab::{Answer, Client, Daemon, Lab, Nonce, Options, build_daemon};

pub use flows::{HOSTS, Watched, address, online, reaches};

/// A hotspot that is up.
#[derive(Debug)]
pub struct Hotspot {
    /// Its network.
    pub lab: Lab,
    /// All access codes that were made.
    codes: Mutex<Vec<String>>,
}

/// A token as its operator knows it.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its number.
    pub id: u64,
    /// Its access code.
    pub code: String,
}

impl Hotspot {
    /// Builds the daemon, unless the options name one, and brings everything up.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn up(options: Options) -> Result<Self> {
        let daemon = match options.daemon {
            Some(daemon) => Some(daemon),
            None => Some(build_daemon()?),
        };
        let lab = Lab::up(&Options { daemon, ..options })?;
        let codes = Mutex::default();
        Ok(Self { lab, codes })
    }

    /// The same with so many clients and nothing else configured.
    ///
    /// # Errors
    /// As [`Lab::up`].
    pub fn with_clients(clients: usize) -> Result<Self> {
        Self::up(Options {
            clients,
            ..Options::default()
        })
    }

    /// The daemon.
    ///
    /// # Panics
    /// Never: there is one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a hotspot has a daemon")]
    pub fn daemon(&self) -> &Daemon {
        self.lab.daemon().expect("a hotspot has a daemon")
    }

    /// The client of this number, counted from 1.
    ///
    /// # Panics
    /// When there are fewer.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test knows how many it asked for")]
    pub fn client(&self, number: usize) -> &Client {
        self.lab.client(number).expect("a client of this number")
    }

    /// Makes a token; `more` holds further members of the record.
    ///
    /// # Errors
    /// When the daemon does not.
    pub fn token(&self, minutes: u32, more: &Value) -> Result<Token> {
        let code = Nonce::draw()?.to_string();
        if let Ok(mut codes) = self.codes.lock() {
            codes.push(code.clone());
        }
        let mut body = json!({"BusinessId": 1, "MinutesIncluded": minutes, "AccessCode": code});
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        let answer = self
            .daemon()
            .api("POST", "/api/spaces/accesstokens", Some(&body))?;
        ensure!(answer.status == 200, "no token: {}", answer.text());
        let id = answer.json()?["Value"]["Id"].as_u64();
        Ok(Token {
            id: id.context("a token without number")?,
            code,
        })
    }

    /// The token's record.
    ///
    /// # Errors
    /// When the daemon does not give it.
    pub fn record(&self, token: &Token) -> Result<Value> {
        let target = format!("/api/spaces/accesstokens/{}", token.id);
        let answer = self.daemon().api("GET", &target, None)?;
        ensure!(answer.status == 200, "no record: {}", answer.text());
        answer.json()
    }

    /// Redeems a code for a device, whatever comes of it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn redeem_for(&self, code: &str, mac: &str) -> Result<Answer> {
        let body = json!({"AccessCode": code, "MacAddress": mac});
        self.daemon().api("POST", "/v1/redemptions", Some(&body))
    }

    /// Redeems a code for a client; gives the session.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub fn admit(&self, client: &Client, token: &Token) -> Result<Value> {
        let answer = self.redeem_for(&token.code, &client.mac_text())?;
        ensure!(answer.status == 200, "not admitted: {}", answer.text());
        answer.json()
    }

    /// Lets a client in by a new token of an hour, which it gives.
    ///
    /// # Errors
    /// As [`Hotspot::token`] and [`Hotspot::admit`].
    pub fn let_in(&self, client: &Client) -> Result<Token> {
        let token = self.token(60, &json!({}))?;
        self.admit(client, &token)?;
        Ok(token)
    }

    /// Ends a client's session, whatever comes of it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn release(&self, client: &Client) -> Result<Answer> {
        let target = format!("/v1/sessions/{}", client.mac_text());
        self.daemon().api("DELETE", &target, None)
    }

    /// A client as the daemon sees it.
    ///
    /// # Errors
    /// When the daemon does not answer.
    pub fn device(&self, client: &Client) -> Result<Value> {
        let target = format!("/v1/devices/{}", client.mac_text());
        self.daemon().api("GET", &target, None)?.json()
    }

    /// A counter or gauge of `/metrics`; `name` with its labels as they are written there.
    ///
    /// # Errors
    /// When it is not there.
    pub fn metric(&self, name: &str) -> Result<f64> {
        let value = self.daemon().metric(name)?;
        value.with_context(|| format!("no metric {name}"))
    }
}

/// Whatever was done in it: codes and MAC addresses of guests are in no log.
impl Drop for Hotspot {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = self.daemon().log().to_lowercase();
        let codes = self.codes.lock().map(|codes| codes.clone()).unwrap_or_default();
        let macs = self.lab.clients().iter().map(Client::mac_text);
        for personal in codes.into_iter().chain(macs) {
            let bare: String = personal.chars().filter(char::is_ascii_alphanumeric).collect();
            for text in [personal, bare] {
                assert!(
                    !log.contains(&text.to_lowercase()),
                    "{text} is in the log:\n{log}"
                );
            }
        }
    }
}
