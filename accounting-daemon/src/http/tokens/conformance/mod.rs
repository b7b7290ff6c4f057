//! The contract of the record API, clause by clause as it is written, over the whole edge, a real engine and a real store.

mod client;
mod lists;
mod many;
mod writes;

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use crate::{
    http::{
        Caller, Rights, Role,
        site::{Read, Site},
    },
    ledger::{AccessCode, Asker, Given, Redemption},
    mac::{DeviceId, Mac},
    store::Via,
};

const TOKENS: &str = "/api/spaces/accesstokens";
const FORM: &str = "application/x-www-form-urlencoded";

async fn create(site: &Site, more: Value) -> u64 {
    let mut body = json!({"BusinessId": 1, "MinutesIncluded": 60});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let read = site.json(Method::POST, TOKENS, &body).await;
    assert_eq!(read.status, 200, "{}", read.text());
    read.json()["Value"]["Id"].as_u64().unwrap()
}

async fn list(site: &Site, query: &str) -> Value {
    let read = site.ask("GET", &format!("{TOKENS}?{query}"), "", "").await;
    assert_eq!(read.status, 200, "{query}: {}", read.text());
    read.json()
}

async fn ids(site: &Site, query: &str) -> Vec<u64> {
    let list = list(site, query).await;
    list["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["Id"].as_u64().unwrap())
        .collect()
}

async fn redeem(site: &Site, code: &str, last: u8) {
    let redemption = Redemption {
        code: AccessCode::new(code).unwrap(),
        given: Given::Nothing,
        device: DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        },
        takeover: false,
        asker: Asker::Client("test".to_owned()),
    };
    site.context.engine.redeem(redemption).await.unwrap();
}

fn properties(read: &Read) -> Vec<String> {
    let body = read.json();
    let errors = body["Errors"].as_array().unwrap_or_else(|| panic!("{body}"));
    errors
        .iter()
        .map(|error| error["PropertyName"].as_str().unwrap().to_owned())
        .collect()
}

fn caller(roles: &[Role], locations: &[u64]) -> Caller {
    Caller {
        name: "somebody".to_owned(),
        via: Via::User,
        rights: Rights::Roles(roles.iter().copied().collect()),
        locations: Some(locations.iter().copied().collect()),
    }
}
