//! See [`crate::fuzz`].

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;
use simple_dns::{Packet, rdata::RData};

use super::{ADDRESSES_MAX, Change, Names, OPEN_MIN};

/// Where no site of the internet is.
const NOWHERE: [&str; 9] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// Only what a listed name was answered is opened, and each address is closed once.
pub(crate) fn answers(message: &[u8]) {
    let Ok(pattern) = "*.example.org".parse() else {
        return;
    };
    let mut names = Names::new(&[(pattern, [443, 0, 0, 0])], &[]);
    let answered = answered(message).unwrap_or_default();
    let mut open = BTreeSet::new();
    let mut follow = |changes: Vec<Change>| {
        for change in changes {
            match change {
                Change::Open(address, _) => {
                    let fits = answered.contains(&address) && is_somewhere(address);
                    assert!(fits && open.insert(address), "{address} is opened");
                }
                Change::Close(address) => assert!(open.remove(&address), "{address} is closed"),
            }
        }
        assert!(open.len() <= ADDRESSES_MAX);
        open.len()
    };
    for now in [0, OPEN_MIN, u64::MAX / 2] {
        follow(names.learn(message, &[], now));
        follow(names.expire(now + OPEN_MIN));
    }
    assert_eq!(follow(names.expire(u64::MAX)), 0, "some stay open");
}

/// The addresses of a name below `example.org` and of its aliases, to the last of them.
fn answered(message: &[u8]) -> Option<BTreeSet<IpAddr>> {
    let packet = Packet::parse(message).ok()?;
    let lower = |name: &simple_dns::Name<'_>| name.to_string().to_lowercase();
    let mut known = BTreeSet::from([lower(&packet.questions.first()?.qname)]);
    if !known.iter().all(|name| name.ends_with(".example.org")) {
        return None;
    }
    let mut addresses = BTreeSet::new();
    for _ in &packet.answers {
        for record in &packet.answers {
            if !known.contains(&lower(&record.name)) {
                continue;
            }
            match &record.rdata {
                RData::CNAME(alias) => drop(known.insert(lower(&alias.0))),
                RData::A(four) => drop(addresses.insert(IpAddr::from(four.address.to_be_bytes()))),
                RData::AAAA(six) => drop(addresses.insert(IpAddr::from(six.address.to_be_bytes()))),
                _ => {}
            }
        }
    }
    Some(addresses)
}

fn is_somewhere(address: IpAddr) -> bool {
    let nowhere = NOWHERE.iter().filter_map(|prefix| prefix.parse::<IpNet>().ok());
    match address {
        IpAddr::V4(_) => !nowhere.into_iter().any(|prefix| prefix.contains(&address)),
        IpAddr::V6(six) => six.octets()[0] >> 5 == 1,
    }
}
