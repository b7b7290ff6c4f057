//! What the lists hold, for how long, and in what order they are shown.

use super::*;

const NOW: Now = Now {
    monotonic: 1,
    wall: 1_000,
    trusted: true,
};

fn device(last: u8) -> DeviceId {
    DeviceId {
        mac: Mac([2, 0, 0, 0, 0, last]),
        zone: 0,
    }
}

fn entry(kind: ListKind, last: u8, until: Option<i64>) -> ListEntry {
    ListEntry {
        kind,
        device: device(last),
        note: None,
        until,
    }
}

fn lists() -> Lists {
    Lists::new(vec![(device(1), Listed::Bypass), (device(2), Listed::Blocked)])
}

#[test]
fn a_block_wins_wherever_it_comes_from() {
    let mut lists = lists();
    for change in [
        entry(ListKind::Block, 1, None),
        entry(ListKind::Bypass, 2, None),
        entry(ListKind::Bypass, 3, None),
        entry(ListKind::Block, 4, None),
        entry(ListKind::Bypass, 4, None),
    ] {
        lists.change(&ListChange::Put(change), NOW).unwrap();
    }
    let of = |last| lists.of(device(last));
    for blocked in [1, 2, 4] {
        assert_eq!(of(blocked), Some(Listed::Blocked), "{blocked}");
    }
    assert_eq!((of(3), of(5)), (Some(Listed::Bypass), None));
    let off = ListChange::Delete(ListKind::Block, device(1));
    lists.change(&off, NOW).unwrap();
    assert_eq!(lists.of(device(1)), Some(Listed::Bypass), "as configured");
}

#[test]
fn what_is_configured_stays() {
    let mut lists = lists();
    let put = ListChange::Put(entry(ListKind::Bypass, 1, None));
    let delete = ListChange::Delete(ListKind::Block, device(2));
    for change in [put, delete] {
        assert_eq!(lists.change(&change, NOW), Err(ListError::Configured));
    }
    let absent = ListChange::Delete(ListKind::Block, device(1));
    assert_eq!(lists.change(&absent, NOW), Err(ListError::NotListed));
}

#[test]
fn entries_end_by_a_trusted_clock_alone() {
    let mut lists = lists();
    let over = ListChange::Put(entry(ListKind::Block, 3, Some(1_000)));
    assert_eq!(lists.change(&over, NOW), Err(ListError::Over));
    let soon = ListChange::Put(entry(ListKind::Block, 3, Some(1_001)));
    lists.change(&soon, NOW).unwrap();
    let later = Now { wall: 1_001, ..NOW };
    lists.end(Now {
        trusted: false,
        ..later
    });
    lists.end(NOW);
    assert_eq!(lists.of(device(3)), Some(Listed::Blocked));
    lists.end(later);
    assert_eq!(lists.of(device(3)), None);
    assert!(matches!(
        lists.writes.last(),
        Some(Write::Unlist(ListKind::Block, _))
    ));
}

#[test]
fn the_lists_are_bounded() {
    let mut lists = Lists::default();
    for number in 0..ENTRIES_MAX {
        let [a, b] = u16::try_from(number).unwrap().to_be_bytes();
        let mut entry = entry(ListKind::Bypass, 0, None);
        entry.device.mac = Mac([2, 0, 0, 0, a, b]);
        lists.change(&ListChange::Put(entry), NOW).unwrap();
    }
    let mut more = entry(ListKind::Block, 9, None);
    assert!(lists.change(&ListChange::Put(more.clone()), NOW).is_err());
    (more.kind, more.note) = (ListKind::Bypass, Some("replaced".to_owned()));
    assert!(lists.change(&ListChange::Put(more), NOW).unwrap().is_some());
}

#[test]
fn pages_go_by_device() {
    let mut lists = lists();
    for last in [9, 3, 5] {
        let put = ListChange::Put(entry(ListKind::Bypass, last, None));
        lists.change(&put, NOW).unwrap();
    }
    let mut asked = ListAsked {
        kind: ListKind::Bypass,
        mac: None,
        zones: BTreeSet::from([0]),
        after: None,
        size: 3,
    };
    let devices = |page: &ListPage| {
        page.entries
            .iter()
            .map(|one| one.device.mac.0[5])
            .collect::<Vec<_>>()
    };
    let page = lists.page(&asked);
    assert_eq!((devices(&page), page.next), (vec![1, 3, 5], Some(device(5))));
    asked.after = page.next;
    let page = lists.page(&asked);
    assert_eq!((devices(&page), page.next), (vec![9], None));
    asked.zones.clear();
    assert!(lists.page(&asked).entries.is_empty());
}
