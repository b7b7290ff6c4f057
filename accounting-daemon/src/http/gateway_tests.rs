//! The gateway API as a whole, endpoint by endpoint.

mod device_lists;
mod session_stream;
mod sessions;
mod tokens;
mod usage;

use serde_json::{Value, json};

use super::{
    Role,
    test_api::{As, TOKENS, TestApi, mac},
};

/// Somebody who has every role and sees one location only.
async fn local(api: &TestApi, location: u64) -> String {
    api.somebody(&Role::ALL, &[location]).await
}
