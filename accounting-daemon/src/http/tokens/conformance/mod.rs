//! The contract of the record API, clause by clause as it is written, over the whole edge, a real engine and a real store.

mod callers;
mod client;
mod faults;
mod filters;
mod lists;
mod many;
mod writes;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    http::{
        Role,
        test_api::{Answered, As, FORM, TOKENS, TestApi},
    },
    mac::Mac,
};

async fn list(api: &TestApi, query: &str) -> Value {
    let read = api.get(&format!("{TOKENS}?{query}")).await;
    assert_eq!(read.status, 200, "{query}: {}", read.text());
    read.json()
}

async fn ids(api: &TestApi, query: &str) -> Vec<u64> {
    let list = list(api, query).await;
    list["Records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| record["Id"].as_u64().unwrap())
        .collect()
}

fn properties(read: &Answered) -> Vec<String> {
    let body = read.json();
    let errors = body["Errors"].as_array().unwrap_or_else(|| panic!("{body}"));
    errors
        .iter()
        .map(|error| error["PropertyName"].as_str().unwrap().to_owned())
        .collect()
}
