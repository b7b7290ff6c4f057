//! What an answer opens, for how long, and what it never does.

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
        "2001:db8:113::77",
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
    let mut chaos = address("pay.example.org", 300, "203.0.113.7");
    chaos.class = CLASS::CH;
    let other_class = answer("pay.example.org", vec![chaos]);
    assert_eq!(names.learn(&other_class, &[], 0), []);
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
