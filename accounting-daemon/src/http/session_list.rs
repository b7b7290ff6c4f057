//! `GET /v1/sessions`: who is online, oldest session first.

use hyper::{Method, StatusCode};
use schemars::{Schema, SchemaGenerator};

use super::{
    Context,
    answer::Answer,
    auth::{Caller, Role},
    describe::{self, Describe, Parameter, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    list::{self, Paging},
    problem,
    problem::Problem,
    query,
    sessions::Session,
};
use crate::{
    engine::{Engine, PageAsked, SessionFilter, SessionPage, Unavailable},
    metrics::Route,
};

/// The list.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/v1/sessions",
    route: Route::Sessions,
    accepts: Accepts::Nothing,
    handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
        Box::pin(list(context, caller, asked))
    }),
    describe: Describe::new(
        "Lists the open sessions, oldest first",
        &[Says::json(StatusCode::OK, "A page", shape)],
    )
    .query(&[
        Parameter::new("TokenId", describe::id, "On this token"),
        Parameter::new("MacAddress", describe::mac, "Of this device"),
        Parameter::new("Zone", describe::zone, "In this zone"),
        describe::AFTER,
        describe::SIZE,
    ]),
}];

fn shape(schemas: &mut SchemaGenerator) -> Schema {
    list::shape(&describe::of::<Session<'static>>(schemas).to_value())
}

async fn list(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let asked = match parse(caller, asked.query()) {
        Ok(asked) => asked,
        Err(problem) => return problem.into_answer(),
    };
    match page(&context.engine, asked).await {
        Ok(page) => {
            let records: Vec<Session<'_>> = page.sessions.iter().map(Session::from).collect();
            list::answer(&records, page.next.map(|next| next.to_string()).as_deref())
        }
        Err(reason) => problem::unavailable(reason),
    }
}

/// A full page, or the last: the engine looks at a part of the sessions at a time.
pub(super) async fn page(engine: &Engine, mut asked: PageAsked) -> Result<SessionPage, Unavailable> {
    let mut page = SessionPage::default();
    loop {
        let part = engine.sessions(asked.clone()).await?;
        asked.size = asked.size.saturating_sub(part.sessions.len());
        page.sessions.extend(part.sessions);
        page.next = part.next;
        match page.next {
            Some(next) if asked.size > 0 => asked.after = next,
            _ => return Ok(page),
        }
    }
}

fn parse(caller: &Caller, text: Option<&str>) -> Result<PageAsked, Problem> {
    let paging = Paging::read(text)?;
    Ok(PageAsked {
        filter: SessionFilter {
            token: query::number(text, "TokenId", 1, crate::ledger::ID_MAX)?,
            mac: query::mac(text, "MacAddress")?,
            zone: query::number(text, "Zone", 0, u64::from(u16::MAX))?,
            locations: caller.locations.clone(),
        },
        after: paging.after_number()?.unwrap_or(0),
        size: paging.size,
    })
}
