//! What a creation may hold, field by field; whatever is wrong, everything is named at once.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::http::{answer::Answer, nexudus, record::Record};

fn read(body: &Value) -> Result<Draft, Vec<FieldError>> {
    Draft::read(
        Fields::json(body.to_string().as_bytes()).unwrap(),
        &Caller::administrator("a@b"),
    )
}

fn with(member: &str, value: Value) -> Value {
    let mut body = json!({"BusinessId": 1377, "MinutesIncluded": 60});
    body[member] = value;
    body
}

fn named(body: &Value) -> Vec<&'static str> {
    let errors = read(body).err().unwrap_or_default();
    errors.iter().map(|error| error.property).collect()
}

/// "`ConnectedTime` (default): only while sessions are open."
#[test]
fn two_fields_are_enough() {
    let draft = read(&json!({"BusinessId": 1377, "MinutesIncluded": 60})).unwrap();
    assert_eq!((draft.business_id, draft.minutes_included), (1377, 60));
    assert_eq!(
        (draft.code, draft.minutes_left, draft.user_limit),
        (None, None, None)
    );
    assert_eq!(draft.metering, Metering::ConnectedTime);
}

#[test]
fn a_whole_record_sent_back_is_taken() {
    let mut record = serde_json::to_value(Record::from(&record::tests::token())).unwrap();
    record["CustomFields"] = json!({"a": [{"b": null}]});
    record["Unknown"] = json!("kept by nobody");
    record["Metering"] = json!("ElapsedTime");
    record["SystemId"] = json!("{\"a\":\n1}");
    let draft = read(&record).unwrap();
    assert_eq!(draft.code.unwrap().as_str(), "00001");
    assert_eq!(draft.minutes_left, Some(60));
    assert_eq!(draft.valid_to, Some(1_736_937_000_000));
    assert_eq!(draft.metering, Metering::ElapsedTime);
}

/// One row a field: values at the edge of the range that are taken, and values that are not.
#[test]
fn each_field_has_its_range() {
    let max = i64::MAX as u64;
    let minutes = i32::MAX;
    let guid = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
    let table = [
        (
            "BusinessId",
            vec![json!(1), json!(max), json!(60.0)],
            vec![
                json!(0),
                json!(-1),
                json!(max + 1),
                json!(1e300),
                json!("1"),
                json!(1.5),
                json!(true),
                json!([]),
                Value::Null,
            ],
        ),
        (
            "MinutesIncluded",
            vec![json!(0), json!(minutes)],
            vec![
                json!(-1),
                json!(u32::MAX / 2 + 1),
                json!(u64::MAX),
                json!("60"),
                json!({}),
                Value::Null,
            ],
        ),
        (
            "MinutesLeft",
            vec![json!(0), json!(minutes), Value::Null],
            vec![json!(-1), json!(2_147_483_648u64), json!(0.5)],
        ),
        (
            "UserLimit",
            vec![json!(1), json!(minutes), Value::Null],
            vec![json!(0), json!(-5), json!(2_147_483_648u64)],
        ),
        (
            "AccessCode",
            vec![
                json!("00001"),
                json!(""),
                json!("  "),
                Value::Null,
                json!("x".repeat(64)),
            ],
            vec![
                json!(1),
                json!("-"),
                json!("a\u{0}"),
                json!("a\nb"),
                json!("x".repeat(65)),
                json!(["a"]),
            ],
        ),
        (
            "Description",
            vec![
                json!(""),
                json!("Zo\u{eb}\nline"),
                json!("\u{1f600}".repeat(1000)),
                Value::Null,
            ],
            vec![
                json!(7),
                json!("a\u{0}b"),
                json!("\u{7f}"),
                json!("x".repeat(1001)),
            ],
        ),
        (
            "SystemId",
            vec![json!("x".repeat(4000)), Value::Null],
            vec![json!("x".repeat(4001)), json!(1)],
        ),
        (
            "ValidFrom",
            vec![
                json!("2025-01-15T10:30:00+02:00"),
                json!("2025-01-15T10:30"),
                json!(""),
                Value::Null,
            ],
            vec![
                json!("soon"),
                json!("9999999-01-01"),
                json!("0001-01-01T00:00:00"),
                json!(1_736_937_000),
            ],
        ),
        (
            "ValidTo",
            vec![json!("9999-12-31T23:59:59Z")],
            vec![json!("2025-02-30"), json!(false), json!("10000-01-01T00:00:00Z")],
        ),
        (
            "MacAddress",
            vec![json!("aa:bb:cc:dd:ee:fe"), json!(""), Value::Null],
            vec![
                json!("ff:ff:ff:ff:ff:ff"),
                json!("00:00:00:00:00:00"),
                json!("01:00:5e:00:00:01"),
                json!("x"),
                json!(1),
            ],
        ),
        (
            "BookingGuid",
            vec![json!(guid), Value::Null],
            vec![json!("x"), json!(1)],
        ),
        (
            "VisitorGuid",
            vec![json!(guid), json!("")],
            vec![json!(format!("{guid}0"))],
        ),
        (
            "Metering",
            vec![json!("ConnectedTime"), json!("ElapsedTime"), Value::Null],
            vec![json!("elapsed"), json!(1)],
        ),
    ];
    for (field, taken, refused) in table {
        for value in taken {
            assert_eq!(named(&with(field, value.clone())), [""; 0], "{field} {value}");
        }
        for value in refused {
            let body = with(field, value.clone());
            let errors = read(&body).unwrap_err();
            assert_eq!(errors.len(), 1, "{field} {value}: {errors:?}");
            assert_eq!((errors[0].property, &errors[0].attempted), (field, &value));
        }
    }
}

#[test]
fn all_problems_come_at_once_and_null_is_named_as_such() {
    let body = json!({
        "BusinessId": null, "MinutesLeft": -1, "UserLimit": 0, "ValidFrom": "x", "ValidTo": 5, "MacAddress": "y",
        "BookingGuid": "z", "VisitorGuid": 1, "AccessCode": 12, "Description": [], "SystemId": {}, "Metering": "w",
    });
    let mut found = named(&body);
    found.sort_unstable();
    let expected = [
        "AccessCode",
        "BookingGuid",
        "BusinessId",
        "Description",
        "MacAddress",
        "Metering",
        "MinutesIncluded",
        "MinutesLeft",
        "SystemId",
        "UserLimit",
        "ValidFrom",
        "ValidTo",
        "VisitorGuid",
    ];
    assert_eq!(found, expected);
    let errors = read(&json!({"MinutesIncluded": 1})).unwrap_err();
    assert_eq!(
        (errors[0].property, errors[0].message.as_ref()),
        ("BusinessId", "may not be null")
    );
}

#[test]
fn the_dates_may_meet_but_not_cross() {
    let mut body = with("ValidFrom", json!("2025-01-15T10:30:00Z"));
    body["ValidTo"] = json!("2025-01-15T11:30:00+01:00");
    assert!(read(&body).is_ok());
    body["ValidTo"] = json!("2025-01-15T10:29:59Z");
    assert_eq!(named(&body), ["ValidTo"]);
}

#[test]
fn a_form_says_the_same_as_json() {
    let form = b"BusinessId=1377&AccessCode=00001&MinutesIncluded=60&MinutesLeft=60&Description=&ValidTo=2025-01-15T10%3A30";
    let draft = Draft::read(Fields::form(form).unwrap(), &Caller::administrator("a@b")).unwrap();
    let json = json!({"BusinessId": 1377, "AccessCode": "00001", "MinutesIncluded": 60, "MinutesLeft": 60,
                      "ValidTo": "2025-01-15T10:30"});
    assert_eq!(draft, read(&json).unwrap());
    let errors = Draft::read(
        Fields::form(b"BusinessId=&MinutesIncluded=1e3").unwrap(),
        &Caller::administrator("a@b"),
    )
    .unwrap_err();
    assert_eq!(errors.len(), 2);
}

async fn text(answer: Answer) -> (u16, String) {
    use http_body_util::BodyExt;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn answers_are_those_of_the_record_api() {
    let created = text(nexudus::created(7, "Room 4")).await;
    let expected = concat!(
        r#"{"Status":200,"Message":"Record 'Room 4' has been succesfully created.","Value":{"Id":7},"#,
        r#""WasSuccessful":true,"OpenInDialog":false,"RedirectURL":null,"JavaScript":null,"Errors":null}"#,
    );
    assert_eq!(created, (200, expected.to_owned()));
    let invalid = text(nexudus::invalid(
        &read(&json!({"MinutesIncluded": "x"})).unwrap_err(),
    ))
    .await;
    let expected = concat!(
        r#"{"Status":500,"Message":"BusinessId: may not be null","Value":null,"WasSuccessful":false,"Errors":["#,
        r#"{"AttemptedValue":null,"Message":"may not be null","PropertyName":"BusinessId"},"#,
        r#"{"AttemptedValue":"x","Message":"must be a whole number from 0 to 2147483647","#,
        r#""PropertyName":"MinutesIncluded"}]}"#,
    );
    assert_eq!(invalid, (400, expected.to_owned()));
    assert_eq!(
        text(nexudus::not_found()).await,
        (404, "\"Not found\"".to_owned())
    );
    assert_eq!(
        text(nexudus::failed()).await,
        (500, r#"{"Message":"An error has occurred."}"#.to_owned())
    );
    let throttled = nexudus::throttled(9);
    assert_eq!(throttled.headers()["retry-after"], "9");
    assert_eq!(text(throttled).await, (409, String::new()));
}

proptest! {
    #[test]
    fn whatever_is_taken_is_in_range(business: i64, minutes: i64, limit: i64, code in ".{0,70}") {
        let body = json!({"BusinessId": business, "MinutesIncluded": minutes, "UserLimit": limit, "AccessCode": code});
        if let Ok(draft) = read(&body) {
            prop_assert_eq!(i64::try_from(draft.business_id), Ok(business));
            prop_assert!(business >= 1 && (0..=i64::from(i32::MAX)).contains(&minutes));
            prop_assert_eq!(i64::from(draft.minutes_included), minutes);
            prop_assert_eq!(draft.user_limit.map(i64::from), Some(limit));
            prop_assert!(limit >= 1);
        }
    }

    #[test]
    fn no_body_panics(bytes: Vec<u8>, text in "[{}\":,a-zA-Z0-9&=%\\[\\] ]{0,80}") {
        for body in [bytes.as_slice(), text.as_bytes()] {
            let _ = Fields::json(body).map(|fields| Draft::read(fields, &Caller::administrator("a@b")));
            let _ = Fields::form(body).map(|fields| Draft::read(fields, &Caller::administrator("a@b")));
        }
    }
}
