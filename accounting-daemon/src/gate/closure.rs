//! Rules that keep the frames of an interface from being forwarded while it is not gated: the kernel knows it by its name,
//! so they hold from the first frame of one that is made anew. What is for the gateway itself is not routed by them.

use futures_util::TryStreamExt;
use rtnetlink::{
    Error, Handle, IpVersion,
    packet_route::rule::{RuleAction, RuleAttribute, RuleMessage},
};

use super::steer;

/// The priority of the rules, before everything but the table of the gateway's own addresses.
const PRIORITY: u32 = steer::TABLE - 1;

const FAMILIES: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

/// Closes an interface, whether it is there or not.
pub(super) async fn close(handle: &Handle, interface: &str) -> Result<(), Error> {
    for family in FAMILIES {
        let rule = handle
            .rule()
            .add()
            .action(RuleAction::Prohibit)
            .priority(PRIORITY)
            .input_interface(interface);
        let added = match family {
            IpVersion::V4 => rule.v4().execute().await,
            IpVersion::V6 => rule.v6().execute().await,
        };
        match added {
            Err(error) if errno(&error) == Some(libc::EEXIST) => {}
            Err(error) if matches!(family, IpVersion::V6) && steer::is_unsupported(&error) => {}
            added => added?,
        }
    }
    Ok(())
}

/// Opens an interface, or all; says whether there was anything to open.
pub(super) async fn open(handle: &Handle, interface: Option<&str>) -> Result<bool, Error> {
    let mut found = false;
    for family in FAMILIES {
        let rules: Vec<RuleMessage> = match handle.rule().get(family.clone()).execute().try_collect().await {
            Err(error) if matches!(family, IpVersion::V6) && steer::is_unsupported(&error) => continue,
            rules => rules?,
        };
        for rule in rules.into_iter().filter(|rule| closes(rule, interface)) {
            handle.rule().del(rule).execute().await?;
            found = true;
        }
    }
    Ok(found)
}

fn closes(rule: &RuleMessage, interface: Option<&str>) -> bool {
    let of = rule.attributes.iter().find_map(|attribute| match attribute {
        RuleAttribute::Iifname(name) => Some(name.as_str()),
        _ => None,
    });
    rule.header.action == RuleAction::Prohibit
        && rule.attributes.contains(&RuleAttribute::Priority(PRIORITY))
        && of.is_some_and(|name| interface.is_none_or(|interface| interface == name))
}

fn errno(error: &Error) -> Option<i32> {
    let Error::NetlinkError(message) = error else {
        return None;
    };
    message.to_io().raw_os_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_others_stay() {
        let mut rule = RuleMessage::default();
        rule.header.action = RuleAction::Prohibit;
        rule.attributes = vec![
            RuleAttribute::Priority(PRIORITY),
            RuleAttribute::Iifname("lan0".to_owned()),
        ];
        assert!(closes(&rule, None) && closes(&rule, Some("lan0")));
        assert!(!closes(&rule, Some("lan1")));
        let mut other = rule.clone();
        other.header.action = RuleAction::ToTable;
        assert!(!closes(&other, None));
        let mut other = rule.clone();
        other.attributes[0] = RuleAttribute::Priority(PRIORITY + 7);
        assert!(!closes(&other, None));
        rule.attributes.pop();
        assert!(!closes(&rule, None));
    }
}
