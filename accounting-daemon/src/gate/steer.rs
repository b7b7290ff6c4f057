//! The rule by which the kernel keeps what the gate hands to the portal: frames that bear the gate's mark are for this host,
//! whatever address they carry. The same for IPv4 and IPv6, in a table of its own.

use std::net::{Ipv4Addr, Ipv6Addr};

use accounting_ebpf::layout::REDIRECT_MARK;
use futures_util::TryStreamExt;
use rtnetlink::{
    Error, Handle, IpVersion, RouteMessageBuilder,
    packet_route::{
        route::{RouteMessage, RouteScope, RouteType},
        rule::{RuleAction, RuleAttribute, RuleMessage},
    },
};

/// The number of the routing table, and the priority of the rules.
pub(super) const TABLE: u32 = 2_764;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Makes rules and routes what they should be, and says whether a rule was missing. `loopback` is the interface's number.
pub(super) async fn install(handle: &Handle, loopback: u32) -> Result<bool, Error> {
    let mut missing = false;
    for family in FAMILIES {
        match install_for(handle, loopback, family).await {
            Ok(was_missing) => missing |= was_missing,
            // A kernel without IPv6 has nothing to redirect there.
            Err(error) if family == Family::V6 && is_unsupported(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

/// Removes rules and routes, and says whether there were any.
pub(super) async fn remove(handle: &Handle, loopback: u32) -> Result<bool, Error> {
    let mut found = false;
    for family in FAMILIES {
        for rule in rules(handle, family).await? {
            handle.rule().del(rule).execute().await?;
            found = true;
        }
        // Routes of a table that has none any more are gone with it.
        found |= handle
            .route()
            .del(route(family, loopback))
            .execute()
            .await
            .is_ok();
    }
    Ok(found)
}

async fn install_for(handle: &Handle, loopback: u32, family: Family) -> Result<bool, Error> {
    let add = handle.route().add(route(family, loopback));
    add.replace().execute().await?;
    if !rules(handle, family).await?.is_empty() {
        return Ok(false);
    }
    let rule = handle
        .rule()
        .add()
        .action(RuleAction::ToTable)
        .table_id(TABLE)
        .priority(TABLE)
        .fw_mark(REDIRECT_MARK);
    match family {
        Family::V4 => rule.v4().execute().await,
        Family::V6 => rule.v6().execute().await,
    }?;
    Ok(true)
}

/// The gate's rules of a family.
async fn rules(handle: &Handle, family: Family) -> Result<Vec<RuleMessage>, Error> {
    let version = match family {
        Family::V4 => IpVersion::V4,
        Family::V6 => IpVersion::V6,
    };
    let all: Vec<RuleMessage> = handle.rule().get(version).execute().try_collect().await?;
    Ok(all.into_iter().filter(is_ours).collect())
}

fn is_ours(rule: &RuleMessage) -> bool {
    let has = |wanted: RuleAttribute| rule.attributes.contains(&wanted);
    has(RuleAttribute::FwMark(REDIRECT_MARK))
        && has(RuleAttribute::Table(TABLE))
        && has(RuleAttribute::Priority(TABLE))
}

fn route(family: Family, loopback: u32) -> RouteMessage {
    match family {
        Family::V4 => RouteMessageBuilder::<Ipv4Addr>::new()
            .table_id(TABLE)
            .kind(RouteType::Local)
            .scope(RouteScope::Host)
            .output_interface(loopback)
            .build(),
        Family::V6 => RouteMessageBuilder::<Ipv6Addr>::new()
            .table_id(TABLE)
            .kind(RouteType::Local)
            .output_interface(loopback)
            .build(),
    }
}

pub(super) fn is_unsupported(error: &Error) -> bool {
    let Error::NetlinkError(message) = error else {
        return false;
    };
    matches!(
        message.to_io().raw_os_error(),
        Some(libc::EAFNOSUPPORT | libc::EOPNOTSUPP)
    )
}
