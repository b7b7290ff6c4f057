//! Why sessions end.

use super::idle;
use crate::ledger::{
    Cause, Rules,
    scenario::{check, check_with},
};

const CAPPED: &str = "token A 600m
    token B 600m
    redeem A d1 -> ok
    logout d1 -> ok
    record d1 Logout 0s
    redeem A d1 -> ok
    release d1 -> ok
    record d1 Disconnected 0s
    redeem A d1 -> ok
    redeem B d1 -> ok
    record d1 Switched 0s
    tick 10m
    record d1 Idle 0s
    redeem B d1 -> ok
    tick 8m
    up d1
    tick 8m
    record d1 SessionTimeout 15m
    token C 1m
    redeem C d1 -> ok
    tick 1m
    record d1 Depleted 1m
    token D 60m to 1m
    redeem D d1 -> ok
    tick 1m
    record d1 Expired 1m
    token E 60m
    redeem E d1 -> ok
    delete E
    record d1 Revoked 0s
    redeem A d1 -> ok
    tick 2m
    redeem A d2 -> ok
    record d1 Displaced 2m";

const LOST: &str = "token A 600m
    redeem A d1 -> ok
    tick 1m
    reboot 1m
    tick 60m
    record d1 GatewayLost 1m";

/// "Release cause: Logout, Idle, SessionTimeout, Depleted, Expired, Revoked, Displaced, Disconnected (an admin),
/// Switched (the device redeemed another code), GatewayLost."
#[test]
fn each_release_has_its_cause() {
    let capped = Rules {
        session_timeout: Some(15 * 60_000),
        ..idle(false)
    };
    check_with(capped, CAPPED);
    check(LOST);
    for cause in Cause::ALL {
        let named = format!("record d1 {} ", cause.as_str());
        assert!(CAPPED.contains(&named) || LOST.contains(&named), "{cause:?}");
    }
}
