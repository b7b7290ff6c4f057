//! Every index says what a walk over all tokens says, whatever was made, changed and deleted.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use uuid::Uuid;

use super::{damage_tests::Draw, tests::token, *};
use crate::mac::Mac;

fn ids(disk: &Disk, among: &Among, direction: Direction, rows_max: usize) -> Vec<TokenId> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let stretch = disk.stretch(among, after, direction, rows_max).unwrap();
        assert!(stretch.tokens.len() <= rows_max);
        found.extend(stretch.tokens.iter().map(|token| token.id));
        after = stretch.next;
        if after.is_none() {
            return found;
        }
    }
}

/// What every index must say of these tokens, in both directions and in stretches of different lengths.
fn check(disk: &Disk, expected: &BTreeMap<TokenId, Token>, rows_max: usize) {
    type Wanted<'a> = (Among, Box<dyn Fn(&Token) -> bool + 'a>);
    let guid = Uuid::from_u128;
    let mut table: Vec<Wanted<'_>> = vec![
        (Among::All, Box::new(|_| true)),
        (
            Among::Ids([2, 5, 1_030, 9_999].into()),
            Box::new(|token| [2, 5, 1_030].contains(&token.id)),
        ),
        (
            Among::Locations([1, 3].into()),
            Box::new(|token| [1, 3].contains(&token.business_id)),
        ),
        (Among::Locations(BTreeSet::new()), Box::new(|_| false)),
    ];
    for key in 0..4u8 {
        let mac = Mac([2, 0, 0, 0, 0, key]);
        table.push((
            Among::Mac(mac),
            Box::new(move |token| token.mac_address == Some(mac)),
        ));
        let one = guid(key.into());
        table.push((
            Among::Booking(one),
            Box::new(move |token| token.booking_guid == Some(one)),
        ));
        table.push((
            Among::Visitor(one),
            Box::new(move |token| token.visitor_guid == Some(one)),
        ));
    }
    for token in expected.values() {
        let (id, code) = (token.unique_id, token.code.folded());
        table.push((Among::UniqueId(id), Box::new(move |token| token.unique_id == id)));
        table.push((
            Among::Code(code.clone()),
            Box::new(move |token| token.code.folded() == code),
        ));
    }
    for (among, belongs) in table {
        let mut wanted: Vec<TokenId> = expected
            .values()
            .filter(|token| belongs(token))
            .map(|token| token.id)
            .collect();
        assert_eq!(
            ids(disk, &among, Direction::Ascending, rows_max),
            wanted,
            "{among:?}"
        );
        let counted = disk.count(&among).unwrap();
        let places = matches!(among, Among::All | Among::Locations(_));
        assert_eq!(counted, places.then_some(wanted.len() as u64), "{among:?}");
        for (direction, wanted) in [
            (Direction::Ascending, wanted.clone()),
            (Direction::Descending, {
                wanted.reverse();
                wanted.clone()
            }),
        ] {
            assert_eq!(ids(disk, &among, direction, rows_max), wanted, "{among:?}");
            for skip in [0, 1, wanted.len() / 2, wanted.len()]
                .into_iter()
                .filter(|_| places)
            {
                let nth = disk.nth(&among, skip as u64, direction).unwrap();
                assert_eq!(nth, wanted.get(skip).copied(), "{among:?} after {skip}");
            }
        }
    }
}

fn some(id: TokenId, draw: &mut Draw) -> Token {
    let small = |draw: &mut Draw| u8::try_from(draw.below(4)).unwrap();
    let guid = |draw: &mut Draw| (draw.below(2) == 0).then(|| Uuid::from_u128(small(draw).into()));
    Token {
        business_id: 1 + u64::from(small(draw)),
        mac_address: (draw.below(2) == 0).then(|| Mac([2, 0, 0, 0, 0, small(draw)])),
        booking_guid: guid(draw),
        visitor_guid: guid(draw),
        description: (draw.below(2) == 0).then(|| "some text".to_owned()),
        ..token(id)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn indexes_follow_every_write(seed: u64, steps in 1usize..60, rows_max in 1usize..7) {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        let (mut expected, mut draw) = (BTreeMap::new(), Draw(seed));
        for _ in 0..steps {
            // Numbers on both sides of the edge of a block.
            let id = [1, 2, 3, 5, 1_022, 1_023, 1_024, 1_025, 1_030][draw.below(9)];
            let known = expected.contains_key(&id);
            let writes = match (known, draw.below(3)) {
                (true, 0) => {
                    let gone: Token = expected.remove(&id).unwrap();
                    disk.commit(&[Write::Uncode(gone.code.folded())], Checkpoint::default()).unwrap();
                    vec![Write::Delete(id)]
                }
                _ => {
                    let token = some(id, &mut draw);
                    expected.insert(id, token.clone());
                    let balance = Write::Update(token.balance());
                    if known { vec![Write::Edit(token), balance] } else { vec![Write::Create(token)] }
                }
            };
            disk.commit(&writes, Checkpoint::default()).unwrap();
            // Some of them are used, and edited or deleted then.
            if let Some(token) = expected.get_mut(&id).filter(|_| draw.below(2) == 0) {
                token.mac_address = some(id, &mut draw).mac_address;
                token.used = 1;
                disk.commit(&[Write::Update(token.balance())], Checkpoint::default()).unwrap();
            }
            let (found, wanted) = (disk.token(id).unwrap(), expected.get(&id));
            prop_assert_eq!(found.as_ref(), wanted);
        }
        check(&disk, &expected, rows_max);
    }
}

#[test]
fn a_store_of_version_1_gets_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/store-v1.redb");
    std::fs::copy(fixture, folder.path().join("accounting.redb")).unwrap();
    let disk = Disk::open(folder.path()).unwrap();
    let stretch = disk.stretch(&Among::All, None, Direction::Ascending, 10).unwrap();
    let expected: BTreeMap<TokenId, Token> = stretch
        .tokens
        .into_iter()
        .map(|token| (token.id, token))
        .collect();
    assert_eq!(expected.len(), 2);
    for token in expected.values() {
        let found = |among| ids(&disk, &among, Direction::Ascending, 10);
        // Both tokens of the fixture have the same one.
        assert_eq!(found(Among::UniqueId(token.unique_id)), [2]);
        assert!(found(Among::Locations([token.business_id].into())).contains(&token.id));
        if let Some(mac) = token.mac_address {
            assert_eq!(found(Among::Mac(mac)), [token.id]);
        }
        if let Some(guid) = token.booking_guid {
            assert_eq!(found(Among::Booking(guid)), [token.id]);
        }
    }
    assert_eq!(disk.count(&Among::All).unwrap(), Some(2));
}
