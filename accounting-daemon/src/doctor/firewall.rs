//! The host's input filter: it must let guests reach the portal, names and addresses, and take redirected connections.

use accounting_ebpf::layout::REDIRECT_MARK;
use serde_json::Value;

use super::Finding;
use crate::config::Config;

pub(super) async fn examine(config: &Config) -> Vec<Finding> {
    let listed = super::tool("nft").args(["-j", "list", "ruleset"]).output().await;
    let found = match listed {
        Ok(output) if output.status.success() => judge(&output.stdout, config.portal.listen_port),
        _ => Finding::warn(
            "input filter",
            "nft is missing, or does not tell its rules",
            format!(
                "see that the input filter accepts the mark {REDIRECT_MARK:#x}, TCP port {}, and DNS and DHCP from guests",
                config.portal.listen_port
            ),
        ),
    };
    vec![found]
}

/// `ruleset` as nft lists it in JSON. Rules are looked through for the mark and the port; what stands between is not
/// understood, so a filter that drops is never called good without them.
fn judge(ruleset: &[u8], portal: u16) -> Finding {
    let Ok(ruleset) = serde_json::from_slice::<Value>(ruleset) else {
        let advice = "look at `nft list ruleset` by hand";
        return Finding::warn("input filter", "the rules of nft are not understood", advice);
    };
    let items = ruleset["nftables"].as_array().cloned().unwrap_or_default();
    let dropping: Vec<_> = items
        .iter()
        .map(|item| &item["chain"])
        .filter(|chain| chain["hook"] == "input" && chain["policy"] == "drop")
        .collect();
    if dropping.is_empty() {
        return Finding::ok("input filter", "nothing is dropped unless a rule says so");
    }
    let in_input = |rule: &Value| {
        dropping
            .iter()
            .any(|chain| chain["table"] == rule["table"] && chain["name"] == rule["chain"])
    };
    let rules: Vec<_> = items
        .iter()
        .map(|item| &item["rule"])
        .filter(|rule| in_input(rule))
        .collect();
    let marked = rules
        .iter()
        .any(|rule| matches(rule, "mark", u64::from(REDIRECT_MARK)));
    let portal_open = rules.iter().any(|rule| matches(rule, "dport", portal.into()));
    let mut missing = Vec::new();
    if !marked {
        missing.push(format!("meta mark {REDIRECT_MARK:#x} accept"));
    }
    if !portal_open {
        missing.push(format!("tcp dport {portal} accept"));
    }
    if missing.is_empty() {
        return Finding::ok(
            "input filter",
            "it drops by default, and accepts the redirect and the portal",
        );
    }
    Finding::fail(
        "input filter",
        "it drops by default, and no rule of its chain names the redirect or the portal",
        format!(
            "add for the guests' interface: {}; and DNS (53) and DHCP (67, 547)",
            missing.join(", ")
        ),
    )
}

/// Whether a rule compares something that is called so with a number.
fn matches(rule: &Value, key: &str, number: u64) -> bool {
    let expressions = rule["expr"].as_array();
    expressions.into_iter().flatten().any(|expression| {
        let compared = &expression["match"];
        names(&compared["left"], key) && holds(&compared["right"], number)
    })
}

fn names(left: &Value, key: &str) -> bool {
    left["meta"]["key"] == key || left["payload"]["field"] == key
}

fn holds(right: &Value, number: u64) -> bool {
    match right {
        Value::Number(found) => found.as_u64() == Some(number),
        Value::Array(values) => values.iter().any(|value| holds(value, number)),
        Value::Object(members) => members.values().any(|value| holds(value, number)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::Verdict;

    fn ruleset(policy: &str, rules: &[Value]) -> Vec<u8> {
        let chain = json!({"chain": {"table": "f", "name": "in", "hook": "input", "policy": policy}});
        let rules = rules
            .iter()
            .map(|expr| json!({"rule": {"table": "f", "chain": "in", "expr": [{"match": expr}, {"accept": null}]}}));
        let items: Vec<_> = std::iter::once(chain).chain(rules).collect();
        json!({"nftables": items}).to_string().into_bytes()
    }

    #[test]
    fn a_filter_that_drops_must_name_the_redirect_and_the_portal() {
        let mark = json!({"op": "==", "left": {"meta": {"key": "mark"}}, "right": REDIRECT_MARK});
        let port = json!({"left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [443, 8880]}});
        assert_eq!(judge(&ruleset("accept", &[]), 8880).verdict, Verdict::Ok);
        assert_eq!(
            judge(&ruleset("drop", &[mark.clone(), port.clone()]), 8880).verdict,
            Verdict::Ok
        );
        for rules in [&[][..], std::slice::from_ref(&mark), std::slice::from_ref(&port)] {
            let found = judge(&ruleset("drop", rules), 8880);
            assert_eq!(found.verdict, Verdict::Fail, "{found:?}");
        }
        assert!(
            judge(&ruleset("drop", &[mark, port]), 8881)
                .advice
                .unwrap()
                .contains("8881")
        );
        assert_eq!(judge(b"", 8880).verdict, Verdict::Warn);
    }
}
