//! Short codes: the e-mail address that must come with them, and the budget of their class.

use crate::{
    ledger::*,
    mac::{DeviceId, Mac},
};

const NOBODY: Seen = Seen { up: None, down: None };

struct Place {
    ledger: Ledger,
    now: Now,
    attempts: u16,
}

fn email(text: &str) -> Given {
    Given::Email(Email::new(text).unwrap())
}

impl Place {
    fn new() -> Self {
        let now = Now {
            monotonic: 1_000_000,
            wall: 1_800_000_000_000,
            trusted: true,
        };
        Self {
            ledger: Ledger::new(Rules::default(), 1, 1),
            now,
            attempts: 0,
        }
    }

    fn token(
        &mut self,
        code: &str,
        of: Option<(Class, &str)>,
        change: impl FnOnce(&mut NewToken),
    ) -> TokenId {
        let factor = of.map(|(class, email)| SecondFactor::new(class, &Email::new(email).unwrap(), [7; 16]));
        let mut new = NewToken {
            unique_id: uuid::Uuid::nil(),
            business_id: 1,
            code: AccessCode::new(code).unwrap(),
            description: None,
            minutes_included: 60,
            minutes_left: None,
            valid_from: None,
            valid_to: None,
            user_limit: Some(9),
            mac_address: None,
            booking_guid: None,
            visitor_guid: None,
            system_id: None,
            metering: Metering::ConnectedTime,
            factor,
            by: String::new(),
        };
        change(&mut new);
        self.ledger.create(new, self.now).unwrap()
    }

    /// From a device and an address of its own, as somebody does who has many.
    fn redeem(&mut self, code: &str, given: Given) -> Result<(), RedeemError> {
        self.attempts += 1;
        let [a, b] = self.attempts.to_be_bytes();
        let redemption = Redemption {
            code: AccessCode::new(code).unwrap(),
            given,
            device: DeviceId {
                mac: Mac([2, 0, 0, 0, a, b]),
                zone: 0,
            },
            takeover: false,
            asker: Asker::Address([10, 0, a, b].into()),
            among: None,
        };
        let done = self.ledger.redeem(&redemption, &|_| NOBODY, self.now);
        done.map(|_| ())
    }

    fn closed(&mut self, class: Class) -> bool {
        self.ledger.class_attempts(class, self.now).1
    }
}

#[test]
fn without_the_address_such_a_code_is_an_unknown_one_whatever_else_is_wrong_with_it() {
    let mut place = Place::new();
    let ann = Some((Class::Visitor, "ann@example.org"));
    place.token("11111", ann, |_| {});
    place.token("22222", ann, |new| new.minutes_included = 0);
    let over = place.now.wall - 1;
    place.token("33333", ann, |new| new.valid_to = Some(over));
    for code in ["11111", "22222", "33333", "99999"] {
        for given in [Given::Nothing, email("bob@example.org"), Given::Secret(99)] {
            assert_eq!(place.redeem(code, given), Err(RedeemError::UnknownCode), "{code}");
        }
    }
    assert_eq!(place.redeem("11111", email("ann@example.org")), Ok(()));
    assert_eq!(
        place.redeem("22222", email("ann@example.org")),
        Err(RedeemError::Depleted)
    );
    assert_eq!(
        place.redeem("33333", email("ann@example.org")),
        Err(RedeemError::Expired)
    );
}

#[test]
fn a_secret_of_a_former_redemption_stands_for_the_address() {
    let mut place = Place::new();
    let id = place.token("11111", Some((Class::Visitor, "ann@example.org")), |_| {});
    assert_eq!(place.redeem("11111", Given::Secret(id)), Ok(()));
}

/// "A class with a small space has its own global budget, which refuses that class only."
#[test]
fn the_budget_of_a_class_refuses_this_class_and_nobody_else() {
    let mut place = Place::new();
    place.token("11111", Some((Class::Visitor, "ann@example.org")), |_| {});
    place.token("22222", Some((Class::Booking, "ann@example.org")), |_| {});
    place.token("ORDINARY", None, |_| {});
    // Whose code it is not is tried at one class; what is nobody's may have been meant for any.
    let over = place.now.wall - 1;
    place.token("33333", Some((Class::Visitor, "ann@example.org")), |new| {
        new.valid_to = Some(over)
    });
    for nth in 0..30 {
        assert!(!place.closed(Class::Visitor), "{nth}");
        assert_eq!(
            place.redeem("33333", email("ann@example.org")),
            Err(RedeemError::Expired)
        );
    }
    assert!(place.closed(Class::Visitor) && !place.closed(Class::Booking));
    let refused = Err(RedeemError::TooManyAttempts { retry_after_s: 60 });
    assert_eq!(place.redeem("11111", email("ann@example.org")), refused);
    assert_eq!(place.redeem("22222", email("ann@example.org")), Ok(()));
    assert_eq!(place.redeem("ORDINARY", Given::Nothing), Ok(()));
    assert_eq!(place.redeem("ORDINARY", email("ann@example.org")), Ok(()));
    assert_eq!(
        place.redeem("NOBODYS", Given::Nothing),
        Err(RedeemError::UnknownCode)
    );
    // Nobody learns by the answer which codes are somebody's.
    for code in ["11111", "22222", "44444"] {
        assert_eq!(place.redeem(code, email("bob@example.org")), refused, "{code}");
    }
    place.now.monotonic += 60_000;
    assert!(!place.closed(Class::Visitor));
    assert_eq!(place.redeem("11111", email("ann@example.org")), Ok(()));
}

#[test]
fn attempts_with_an_address_count_for_every_class_they_may_have_been_meant_for() {
    let mut place = Place::new();
    place.token("11111", Some((Class::Visitor, "ann@example.org")), |_| {});
    place.token("ORDINARY", None, |new| new.minutes_included = 0);
    for _ in 0..100 {
        assert_eq!(
            place.redeem("44444", Given::Nothing),
            Err(RedeemError::UnknownCode)
        );
        assert_eq!(
            place.redeem("11111", Given::Nothing),
            Err(RedeemError::UnknownCode)
        );
        assert_eq!(
            place.redeem("ORDINARY", email("ann@example.org")),
            Err(RedeemError::Depleted)
        );
    }
    assert_eq!(place.ledger.class_attempts(Class::Visitor, place.now), (0, false));
    for code in ["44444", "11111"].repeat(15) {
        assert_eq!(
            place.redeem(code, email("bob@example.org")),
            Err(RedeemError::UnknownCode)
        );
    }
    for class in Class::ALL {
        assert_eq!(place.ledger.class_attempts(class, place.now), (30, true));
    }
    let asker = Asker::Client("kiosk".to_owned());
    let code = AccessCode::new("11111").unwrap();
    let given = email("ann@example.org");
    let checked = place
        .ledger
        .check(&code, &given, &asker, None, &|_| NOBODY, place.now);
    assert_eq!(checked, Err(RedeemError::TooManyAttempts { retry_after_s: 60 }));
}

#[test]
fn what_must_be_given_goes_and_comes_with_its_token() {
    let mut place = Place::new();
    let id = place.token("11111", Some((Class::Visitor, "ann@example.org")), |_| {});
    let effects = place.ledger.drain();
    let factor = effects.iter().find_map(|effect| match effect {
        Effect::Factor(token, factor) if *token == id => Some(*factor),
        _ => None,
    });
    let row = effects.into_iter().find_map(|effect| match effect {
        Effect::Create(token) => Some(token),
        _ => None,
    });
    place.ledger.forget_idle();
    assert_eq!(place.ledger.class(id), None);
    place.ledger.load(row.unwrap(), factor);
    assert_eq!(place.ledger.class(id), Some(Class::Visitor));
    assert_eq!(
        place.redeem("11111", Given::Nothing),
        Err(RedeemError::UnknownCode)
    );
    place.ledger.delete(id, place.now).unwrap();
    assert_eq!(place.ledger.class(id), None);
}
