//! The walled garden by name: which addresses listed names have, learnt from what the gateway's resolver answers to strangers.
//!
//! An answer opens addresses only for a name that is listed; aliases are followed within the answer. Each address is open for as
//! long as its record says, within bounds, and closed after that. Sites that share an address with a listed name are open too: the
//! gate sees addresses, not names. Addresses that are nobody's site are never opened, whatever a server answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    thread,
};

use accounting_ebpf::layout::{ANSWER_MAX, map};
use aya::maps::{Map, RingBuf};
use ipnet::IpNet;
use rustix::{
    event::{PollFd, PollFlags, poll},
    time::Timespec,
};
use simple_dns::{Packet, PacketFlag, RCODE, rdata::RData};
use tokio::sync::mpsc;

use super::{
    StartError,
    maps::{Maps, failed},
};

/// Names and wildcards that can be listed.
pub const NAMES_MAX: usize = 256;

/// Addresses that one listed name can have at a time; the one that expires first makes room.
const ADDRESSES_MAX: usize = 64;

/// Answers that wait to be read.
const WAITING_MAX: usize = 256;

/// How often the thread that reads answers looks whether anybody listens.
const LOOK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Aliases that are followed in one answer.
const ALIASES_MAX: usize = 16;

/// How long an address is open, in seconds, whatever its record says.
const OPEN_MIN: u64 = 60;
const OPEN_MAX: u64 = 86_400;

/// A listed name, or all names below one: `example.org`, `*.example.org`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern {
    /// In lower case, without a dot at either end.
    name: String,
    below: bool,
}

/// What was given names no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a name of DNS: expected labels of letters, digits and hyphens such as example.org, or *.example.org"
)]
pub struct PatternError;

impl Pattern {
    /// Whether a name of lower case is meant. `*.example.org` means all names below `example.org`, and not itself.
    fn matches(&self, name: &str) -> bool {
        if !self.below {
            return name == self.name;
        }
        name.strip_suffix(&self.name)
            .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (name, below) = text.strip_prefix("*.").map_or((text, false), |rest| (rest, true));
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if name.len() > 253 || !name.contains('.') || !name.split('.').all(is_label) {
            return Err(PatternError);
        }
        Ok(Self { name, below })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        write!(f, "{below}{}", self.name)
    }
}

/// What the programs copy, as it comes.
pub(super) struct Answers(mpsc::Receiver<Vec<u8>>);

impl Answers {
    /// Reads the ring buffer on a thread of its own, which ends when nobody listens any more.
    pub(super) fn open(maps: &Maps) -> Result<Self, StartError> {
        let pinned = Map::RingBuf(maps.get(map::ANSWERS)?);
        let mut ring = RingBuf::try_from(pinned).map_err(failed(map::ANSWERS, "open"))?;
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let read = move || {
            while !sender.is_closed() {
                // A failure to wait is a wait that has ended.
                let _ = poll(&mut [PollFd::new(&ring, PollFlags::IN)], Some(&LOOK));
                while let Some(record) = ring.next() {
                    // Without room it is not learnt: the next one who asks brings it again.
                    let _ = sender.try_send(message(&record).to_vec());
                }
            }
        };
        let thread = thread::Builder::new().name("names".into()).spawn(read);
        thread.map_err(|error| failed(map::ANSWERS, "read")(error.into()))?;
        Ok(Self(receiver))
    }

    /// The next message; `None` when the thread has ended. Nothing is lost when the wait is given up.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        self.0.recv().await
    }
}

/// The message in a record, which is a `layout::Answer`.
fn message(record: &[u8]) -> &[u8] {
    let Some((length, bytes)) = record.split_first_chunk::<4>() else {
        return &[];
    };
    let length = (u32::from_ne_bytes(*length) as usize).min(ANSWER_MAX);
    bytes.get(..length).unwrap_or(&[])
}

/// What became known or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Open with these ports.
    Open(IpAddr, [u16; 4]),
    /// Closed.
    Close(IpAddr),
}

/// The listed names and the addresses they have. Times are seconds of any clock that only goes on.
#[derive(Debug, Default)]
pub(super) struct Names {
    listed: Vec<(Pattern, [u16; 4])>,
    /// What is configured by address stays as it is configured.
    prefixes: Vec<IpNet>,
    /// By address: which name has it, and until when.
    open: BTreeMap<IpAddr, (usize, u64)>,
}

impl Names {
    pub(super) fn new(listed: &[(Pattern, [u16; 4])], garden: &[(IpNet, [u16; 4])]) -> Self {
        Self {
            listed: listed.to_vec(),
            prefixes: garden.iter().map(|(prefix, _)| *prefix).collect(),
            open: BTreeMap::new(),
        }
    }

    /// Takes an answer in. `own`: the gateway's addresses.
    pub(super) fn learn(&mut self, message: &[u8], own: &[IpAddr], now: u64) -> Vec<Change> {
        let Some((name, records)) = self.read(message) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        for (address, ttl) in records.into_iter().take(ADDRESSES_MAX) {
            let configured = self.prefixes.iter().any(|prefix| prefix.contains(&address));
            if configured || own.contains(&address) || !is_public(address) {
                continue;
            }
            let until = now + u64::from(ttl).clamp(OPEN_MIN, OPEN_MAX);
            if let Some((_, known)) = self.open.get_mut(&address) {
                *known = until.max(*known);
                continue;
            }
            changes.extend(self.make_room(name));
            self.open.insert(address, (name, until));
            if let Some((_, ports)) = self.listed.get(name) {
                changes.push(Change::Open(address, *ports));
            }
        }
        changes
    }

    /// Forgets what has ended.
    pub(super) fn expire(&mut self, now: u64) -> Vec<Change> {
        let ended: Vec<IpAddr> = self
            .open
            .iter()
            .filter(|(_, (_, until))| *until <= now)
            .map(|(address, _)| *address)
            .collect();
        for address in &ended {
            self.open.remove(address);
        }
        ended.into_iter().map(Change::Close).collect()
    }

    fn make_room(&mut self, name: usize) -> Option<Change> {
        let held = self.open.iter().filter(|(_, (holder, _))| *holder == name);
        if held.clone().count() < ADDRESSES_MAX {
            return None;
        }
        let (&first, _) = held.min_by_key(|(address, (_, until))| (*until, **address))?;
        self.open.remove(&first);
        Some(Change::Close(first))
    }

    /// The listed name that was asked for, and the addresses and seconds it was answered.
    fn read(&self, message: &[u8]) -> Option<(usize, Vec<(IpAddr, u32)>)> {
        let packet = Packet::parse(message).ok()?;
        let [question] = packet.questions.as_slice() else {
            return None;
        };
        if !packet.has_flags(PacketFlag::RESPONSE) || packet.rcode() != RCODE::NoError {
            return None;
        }
        let asked = question.qname.to_string().to_ascii_lowercase();
        let listed = self
            .listed
            .iter()
            .position(|(pattern, _)| pattern.matches(&asked))?;
        let mut aliases = BTreeSet::from([asked]);
        for _ in 0..ALIASES_MAX {
            let more: Vec<String> = packet
                .answers
                .iter()
                .filter(|record| aliases.contains(&record.name.to_string().to_ascii_lowercase()))
                .filter_map(|record| match &record.rdata {
                    RData::CNAME(alias) => Some(alias.0.to_string().to_ascii_lowercase()),
                    _ => None,
                })
                .filter(|alias| !aliases.contains(alias))
                .collect();
            if more.is_empty() {
                break;
            }
            aliases.extend(more);
        }
        let found = packet
            .answers
            .iter()
            .filter(|record| aliases.contains(&record.name.to_string().to_ascii_lowercase()))
            .filter_map(|record| {
                let address: IpAddr = match &record.rdata {
                    RData::A(four) => Ipv4Addr::from(four.address).into(),
                    RData::AAAA(six) => Ipv6Addr::from(six.address).into(),
                    _ => return None,
                };
                Some((address, record.ttl))
            });
        Some((listed, found.collect()))
    }
}

/// Whether a site can have the address: not this host or link, no group, nothing private.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [a, b, ..] = four.octets();
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b)))
        }
        IpAddr::V6(six) => {
            let first = six.segments()[0];
            // Only what is routed worldwide: no mapped address, no other private one either.
            (0x2000..0x4000).contains(&first)
        }
    }
}

/// See [`crate::fuzz`].
#[cfg(feature = "fuzz")]
pub(crate) fn fuzz(message: &[u8]) {
    let Ok(pattern) = "*.example.org".parse() else {
        return;
    };
    let mut names = Names::new(&[(pattern, [443, 0, 0, 0])], &[]);
    for now in [0, u64::MAX / 2] {
        names.learn(message, &[], now);
        names.expire(now);
    }
}

#[cfg(test)]
mod tests {
    use simple_dns::{
        CLASS, Name, QCLASS, QTYPE, Question, ResourceRecord, TYPE,
        rdata::{A, AAAA, CNAME},
    };

    use super::*;

    const PORTS: [u16; 4] = [443, 0, 0, 0];

    fn names(listed: &[&str]) -> Names {
        let listed: Vec<_> = listed.iter().map(|name| (name.parse().unwrap(), PORTS)).collect();
        Names::new(&listed, &[("198.51.100.0/24".parse().unwrap(), [80, 0, 0, 0])])
    }

    fn record<'a>(name: &'a str, ttl: u32, rdata: RData<'a>) -> ResourceRecord<'a> {
        ResourceRecord::new(Name::new(name).unwrap(), CLASS::IN, ttl, rdata)
    }

    fn address<'a>(name: &'a str, ttl: u32, address: &str) -> ResourceRecord<'a> {
        let rdata = match address.parse().unwrap() {
            IpAddr::V4(four) => RData::A(A { address: four.into() }),
            IpAddr::V6(six) => RData::AAAA(AAAA { address: six.into() }),
        };
        record(name, ttl, rdata)
    }

    fn alias<'a>(name: &'a str, to: &'a str) -> ResourceRecord<'a> {
        record(name, 300, RData::CNAME(CNAME(Name::new(to).unwrap())))
    }

    fn answer(asked: &str, answers: Vec<ResourceRecord<'_>>) -> Vec<u8> {
        let mut packet = Packet::new_reply(7);
        let name = Name::new(asked).unwrap();
        let question = Question::new(name, QTYPE::TYPE(TYPE::A), QCLASS::CLASS(CLASS::IN), false);
        packet.questions.push(question);
        packet.answers = answers;
        packet.build_bytes_vec_compressed().unwrap()
    }

    fn open(address: &str) -> Change {
        Change::Open(address.parse().unwrap(), PORTS)
    }

    #[test]
    fn a_listed_name_opens_what_it_is_answered_and_no_other_does() {
        let mut names = names(&["pay.example.org", "*.cdn.example"]);
        for (asked, opens) in [
            ("pay.example.org", true),
            ("PAY.Example.ORG", true),
            ("www.pay.example.org", false),
            ("example.org", false),
            ("a.cdn.example", true),
            ("a.b.cdn.example", true),
            ("cdn.example", false),
            ("evilcdn.example", false),
        ] {
            let message = answer(asked, vec![address(asked, 300, "203.0.113.7")]);
            let changes = names.learn(&message, &[], 0);
            assert_eq!(changes == [open("203.0.113.7")], opens, "{asked}");
            names.expire(1_000);
        }
    }

    #[test]
    fn aliases_are_followed_within_the_answer_and_strays_are_not() {
        let mut names = names(&["pay.example.org"]);
        let message = answer(
            "pay.example.org",
            vec![
                address("edge.cdn.example", 300, "203.0.113.7"),
                alias("cdn.example", "edge.cdn.example"),
                alias("pay.example.org", "cdn.example"),
                // Not asked for, and not an alias of what was.
                address("evil.example", 300, "203.0.113.66"),
                // Aliases in a circle end.
                alias("edge.cdn.example", "pay.example.org"),
                address("edge.cdn.example", 300, "2001:db8:113::7"),
            ],
        );
        let changes = names.learn(&message, &[], 0);
        assert_eq!(changes, [open("203.0.113.7"), open("2001:db8:113::7")]);
    }

    #[test]
    fn an_address_is_open_for_as_long_as_its_record_says_within_bounds() {
        let mut names = names(&["pay.example.org"]);
        let learn = |names: &mut Names, ttl, at| {
            let message = answer(
                "pay.example.org",
                vec![address("pay.example.org", ttl, "203.0.113.7")],
            );
            names.learn(&message, &[], at)
        };
        let closed = [Change::Close("203.0.113.7".parse().unwrap())];
        for (ttl, ends) in [(0, OPEN_MIN), (300, 300), (u32::MAX, OPEN_MAX)] {
            assert_eq!(learn(&mut names, ttl, 0), [open("203.0.113.7")]);
            assert_eq!(names.expire(ends - 1), []);
            assert_eq!(names.expire(ends), closed);
        }
        // Another answer prolongs it, and never shortens it.
        learn(&mut names, 300, 0);
        assert_eq!(learn(&mut names, 300, 100), []);
        learn(&mut names, 0, 110);
        assert_eq!(names.expire(399), []);
        assert_eq!(names.expire(400), closed);
    }

    #[test]
    fn hostile_addresses_stay_closed() {
        let own: Vec<IpAddr> = vec!["203.0.113.1".parse().unwrap(), "2001:db8:113::1".parse().unwrap()];
        let mut names = names(&["pay.example.org"]);
        for hostile in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "203.0.113.1",
            "198.51.100.9",
            "::",
            "::1",
            "::ffff:203.0.113.7",
            "64:ff9b::1",
            "fe80::1",
            "fc00::1",
            "fd00::1",
            "ff02::1",
            "2001:db8:113::1",
        ] {
            let message = answer("pay.example.org", vec![address("pay.example.org", 300, hostile)]);
            assert_eq!(names.learn(&message, &own, 0), [], "{hostile}");
        }
    }

    #[test]
    fn only_good_answers_to_one_question_count() {
        let mut names = names(&["pay.example.org"]);
        let good = answer(
            "pay.example.org",
            vec![address("pay.example.org", 300, "203.0.113.7")],
        );
        for length in 0..good.len() {
            assert_eq!(names.learn(&good[..length], &[], 0), [], "{length}");
        }
        let mut question = good.clone();
        question[2] &= 0x7f;
        let mut failure = good.clone();
        failure[3] |= 3;
        for bad in [question, failure] {
            assert_eq!(names.learn(&bad, &[], 0), []);
        }
        assert_eq!(names.learn(&good, &[], 0), [open("203.0.113.7")]);
    }

    #[test]
    fn a_name_has_room_for_so_many_and_the_first_to_end_goes() {
        let mut names = names(&["*.example.org"]);
        let mut opened = BTreeSet::new();
        for number in 0..200_u32 {
            let text = Ipv4Addr::from(0xcb00_7100 + number % 250).to_string();
            let message = answer(
                "a.example.org",
                vec![address("a.example.org", 100 + number, &text)],
            );
            for change in names.learn(&message, &[], 0) {
                match change {
                    Change::Open(address, _) => assert!(opened.insert(address)),
                    Change::Close(address) => assert!(opened.remove(&address)),
                }
            }
            assert!(opened.len() <= ADDRESSES_MAX);
        }
        assert_eq!(opened.len(), ADDRESSES_MAX);
        assert!(opened.contains(&"203.0.113.199".parse().unwrap()));
    }

    #[test]
    fn names_are_checked() {
        for good in ["example.org", "*.example.org", "EXAMPLE.org.", "_x.a-b.example"] {
            assert!(good.parse::<Pattern>().is_ok(), "{good}");
        }
        for bad in [
            "", "*", "*.", "org", "*.org", "a..b", ".a.b", "a b.c", "*.*.a.b", "a.*.b", "ä.de",
        ] {
            assert!(bad.parse::<Pattern>().is_err(), "{bad}");
        }
        assert_eq!(
            "*.Example.org.".parse::<Pattern>().unwrap().to_string(),
            "*.example.org"
        );
    }
}
