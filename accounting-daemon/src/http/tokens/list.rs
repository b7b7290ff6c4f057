//! `GET`: a page of the records, filtered and sorted.

use hyper::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::Value as Json;

use super::{
    column::Column,
    filter::Filters,
    select::{Page, Wish},
};
use crate::{
    engine::Unavailable,
    http::{
        Context,
        answer::{self, Answer},
        auth::Caller,
        describe,
        dialect::Dialect,
        endpoint::Asked,
        form,
        nexudus::{self, Fault},
        record::Record,
    },
    store::Direction,
};

/// Records of a page where nothing is said.
const SIZE: usize = 25;

/// Records of a page at most.
const SIZE_MAX: usize = 1000;

/// A page, as the record API wraps it.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Page")]
#[serde(rename_all = "PascalCase")]
struct Envelope<'a> {
    records: Vec<Record<'a>>,
    current_page: u64,
    current_page_size: usize,
    current_order_field: &'static str,
    current_sort_direction: i8,
    first_item: u64,
    last_item: u64,
    page_number: u64,
    page_size: usize,
    total_items: u64,
    total_pages: u64,
    has_next_page: bool,
    has_previous_page: bool,
}

/// The shape of a page.
pub(super) fn shape_of_page(schemas: &mut SchemaGenerator) -> Schema {
    describe::of::<Envelope<'static>>(schemas)
}

/// What was asked.
pub(super) struct Listing {
    wish: Wish,
    page: u64,
}

/// Answers the page.
pub(super) async fn list(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let one_ascends = context.limits.dir_1_ascending;
    let listing = match read(asked.query(), caller, one_ascends) {
        Ok(listing) => listing,
        Err(faults) => return nexudus::faulty(&faults),
    };
    let Listing { wish, page } = listing;
    let _turn = if wish.is_quick() {
        None
    } else {
        match context.walks.acquire().await {
            Ok(turn) => Some(turn),
            Err(_) => return Dialect::Record.unavailable(Unavailable::Stopping),
        }
    };
    let read = wish.clone();
    match context
        .read(move |reader, wanted| read.read(reader, wanted))
        .await
    {
        Ok(found) => answer::json(StatusCode::OK, &envelope(&found, &wish, page, one_ascends)),
        Err(answer) => answer,
    }
}

pub(super) fn read(query: Option<&str>, caller: &Caller, one_ascends: bool) -> Result<Listing, Vec<Fault>> {
    let pairs = form::pairs(query.unwrap_or_default().as_bytes());
    let pairs = pairs.map_err(|error| vec![Fault::new("Query", error.to_string(), Json::Null)])?;
    let mut filters = Filters::new(caller);
    let (mut page, mut size, mut order, mut direction) = (1u64, SIZE, Column::Id, Direction::Ascending);
    for (name, text) in &pairs {
        let value = text.trim();
        let wrong = match name.to_ascii_lowercase().as_str() {
            "page" => set(&mut page, value.parse().ok().filter(|page| *page >= 1), || {
                "must be a whole number from 1 on".to_owned()
            }),
            "size" => set(
                &mut size,
                value.parse().ok().filter(|size| (1..=SIZE_MAX).contains(size)),
                || format!("must be a whole number from 1 to {SIZE_MAX}"),
            ),
            "orderby" => set(&mut order, Column::named(value), || {
                "must be a field of the record, such as CreatedOn".to_owned()
            }),
            "dir" => set(&mut direction, dir(value, one_ascends), || {
                "must be 0, 1, -1, ascending or descending".to_owned()
            }),
            _ => {
                filters.take(name, text);
                continue;
            }
        };
        filters.once(name);
        if let Err(message) = wrong {
            filters.fault(name, message, &text.as_str().into());
        }
    }
    let filter = filters.finish()?;
    Ok(Listing {
        wish: Wish {
            filter,
            order,
            direction,
            skip: (page - 1).saturating_mul(size as u64),
            size,
        },
        page,
    })
}

fn set<T>(place: &mut T, value: Option<T>, wanted: impl FnOnce() -> String) -> Result<(), String> {
    *place = value.ok_or_else(wanted)?;
    Ok(())
}

/// What 1 means differs between that API's documents, so it is a setting.
fn dir(text: &str, one_ascends: bool) -> Option<Direction> {
    match text.to_ascii_lowercase().as_str() {
        "0" | "ascending" => Some(Direction::Ascending),
        "-1" | "descending" => Some(Direction::Descending),
        "1" if one_ascends => Some(Direction::Ascending),
        "1" => Some(Direction::Descending),
        _ => None,
    }
}

fn envelope<'a>(found: &'a Page, wish: &Wish, page: u64, one_ascends: bool) -> Envelope<'a> {
    let count = found.tokens.len() as u64;
    let pages = found.total.div_ceil(wish.size as u64);
    let first = if count == 0 { 0 } else { wish.skip + 1 };
    Envelope {
        records: found.tokens.iter().map(Record::from).collect(),
        current_page: page,
        current_page_size: wish.size,
        current_order_field: wish.order.name(),
        current_sort_direction: match (wish.direction, one_ascends) {
            (Direction::Ascending, false) => 0,
            (Direction::Ascending, true) | (Direction::Descending, false) => 1,
            (Direction::Descending, true) => -1,
        },
        first_item: first,
        last_item: if count == 0 { 0 } else { wish.skip + count },
        page_number: page,
        page_size: wish.size,
        total_items: found.total,
        total_pages: pages,
        has_next_page: page < pages,
        has_previous_page: page > 1,
    }
}
