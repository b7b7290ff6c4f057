//! `GET /v1/audit`: who changed what, newest first.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use super::{
    Context,
    answer::Answer,
    blocking,
    describe::{self, Describe, Parameter, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    list::{self, Paging, parameter},
    problem::{Kind, Problem},
    times,
};
use crate::{
    metrics::Route,
    store::{AuditFilter, AuditRecord},
};

/// The audit.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/v1/audit",
    route: Route::Audit,
    accepts: Accepts::Nothing,
    handler: Handler::SignedIn(Access::Administrator, |context, _, asked| {
        Box::pin(list(context, asked))
    }),
    describe: Describe::new(
        "Lists who changed what, newest first",
        &[Says::json(StatusCode::OK, "A page", shape)],
    )
    .query(&[
        Parameter::new("Who", describe::text, "By this name"),
        Parameter::new(
            "Object",
            describe::text,
            "On this object, such as `token/7`, or `token` for all",
        ),
        describe::FROM,
        describe::TO,
        describe::AFTER,
        describe::SIZE,
    ]),
}];

fn shape(_: &mut SchemaGenerator) -> Schema {
    let text = json!({"type": "string"});
    let record = json!({
        "type": "object",
        "required": ["Id", "On", "Who", "Via"],
        "properties": {
            "Id": {"type": "integer"},
            "On": {"type": ["string", "null"]},
            "Who": text,
            "Via": text,
            "Action": text,
            "Object": text,
        },
    });
    list::shape(&record)
}

/// Parameters: `Who`, `Object` (`token/7`, or `token` for all), `From`, `To`, `After`, `Size`.
async fn list(context: &Context, asked: &Asked) -> Answer {
    let query = asked.query();
    let paging = Paging::read(query).and_then(|paging| Ok((paging.after_number()?, paging.size)));
    let (filter, (after, size)) = match filter(query).and_then(|filter| Ok((filter, paging?))) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_answer(),
    };
    let store = context.store.clone();
    match blocking("the audit", move || store.audit(&filter, after, size)).await {
        Ok(part) => {
            let records: Vec<_> = part
                .records
                .iter()
                .map(|(id, record)| shown(*id, record))
                .collect();
            list::answer(&records, part.next.map(|next| next.to_string()).as_deref())
        }
        Err(answer) => answer,
    }
}

fn filter(query: Option<&str>) -> Result<AuditFilter, Problem> {
    let time = |name: &str| -> Result<Option<i64>, Problem> {
        let Some(text) = parameter(query, name)? else {
            return Ok(None);
        };
        let time = times::parse(&text);
        time.map(Some)
            .ok_or_else(|| Problem::new(Kind::MalformedRequest, format!("{name} {}", times::WANTED)))
    };
    Ok(AuditFilter {
        who: parameter(query, "Who")?,
        object: parameter(query, "Object")?,
        from: time("From")?,
        // Records are shown without the fraction of their second, which belongs to it.
        to: time("To")?.map(|to| to.saturating_add(999)),
    })
}

fn shown(id: u64, record: &AuditRecord) -> Value {
    let object = |text: &Option<String>| -> Value {
        let text = text.as_deref().unwrap_or("null");
        serde_json::from_str(text).unwrap_or_else(|_| text.into())
    };
    json!({
        "Id": id,
        "On": times::show(record.on),
        "Who": record.by.name,
        "Via": record.by.via.as_str(),
        "Address": record.by.address.map(|address| address.to_string()),
        "Action": record.action,
        "Object": record.object,
        "Before": object(&record.before),
        "After": object(&record.after),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Actor, Via};

    #[test]
    fn a_record_is_shown_with_these_members() {
        let record = AuditRecord {
            on: 1_736_937_000_999,
            by: Actor {
                name: "a@b".to_owned(),
                via: Via::User,
                address: Some("192.0.2.7".parse().unwrap()),
            },
            action: "token.edit".into(),
            object: "token/7".to_owned(),
            before: Some(r#"{"MinutesIncluded":60}"#.to_owned()),
            after: None,
        };
        let expected = json!({
            "Id": 3, "On": "2025-01-15T10:30:00Z", "Who": "a@b", "Via": "User", "Address": "192.0.2.7",
            "Action": "token.edit", "Object": "token/7", "Before": {"MinutesIncluded": 60}, "After": null,
        });
        assert_eq!(shown(3, &record), expected);
    }

    #[test]
    fn the_last_second_of_a_time_is_meant_whole() {
        let filter = filter(Some("who=a&From=2025-01-15T10:30:00Z&To=2025-01-15T10:30:00Z")).unwrap();
        assert_eq!(
            (filter.from, filter.to),
            (Some(1_736_937_000_000), Some(1_736_937_000_999))
        );
        assert!(super::filter(Some("From=yesterday")).is_err());
    }
}
