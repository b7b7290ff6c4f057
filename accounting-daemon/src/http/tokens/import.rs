//! `POST .../import`: a table of tokens, all or none. What the export gives can be imported again: cells are restored, and
//! columns that only the server writes are passed over.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::{
    cell,
    draft::Draft,
    many::{self, NoneMade, TOKENS_MAX},
};
use crate::{
    http::{
        Context,
        answer::Answer,
        auth::Caller,
        describe,
        endpoint::Asked,
        fields::Fields,
        form,
        nexudus::{self, Fault, Written},
    },
    ledger::{CreateError, FoldedCode, TokenId},
};

/// Problems that are told at most; the last one then says how many more there are.
const FAULTS_MAX: usize = 100;

/// Columns that are read; all others are passed over.
const READ: [&str; 13] = [
    "BusinessId",
    "AccessCode",
    "Description",
    "MinutesIncluded",
    "MinutesLeft",
    "ValidFrom",
    "ValidTo",
    "UserLimit",
    "MacAddress",
    "BookingGuid",
    "VisitorGuid",
    "SystemId",
    "Metering",
];

#[derive(JsonSchema, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Imported {
    rows: usize,
    ids: Vec<TokenId>,
}

/// The shape of what is answered.
pub(super) fn shape_of_imported(schemas: &mut SchemaGenerator) -> Schema {
    describe::of::<Written<'static, Imported>>(schemas)
}

/// Answers how many rows there are, and the numbers of the tokens that were made of them: none in a dry run.
pub(super) async fn import(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let dry = match dry_run(asked.query()) {
        Ok(dry) => dry,
        Err(fault) => return nexudus::faulty(&[fault]),
    };
    let (body, importer) = (asked.body.clone(), caller.clone());
    let read = tokio::task::spawn_blocking(move || read(&body, &importer)).await;
    let Ok((drafts, mut faults)) = read else {
        return nexudus::failed();
    };
    // Codes in use are told with all other problems, and before anything is tried.
    let coded: Vec<(usize, FoldedCode)> = drafts
        .iter()
        .filter_map(|(row, draft)| Some((*row, draft.code.as_ref()?.folded())))
        .collect();
    let codes: Vec<FoldedCode> = coded.iter().map(|(_, code)| code.clone()).collect();
    match context.read(move |reader, _| reader.codes_in_use(&codes)).await {
        Ok(used) => faults.extend(
            used.iter()
                .filter_map(|place| Some(in_use(&drafts, coded.get(*place)?.0))),
        ),
        Err(answer) => return answer,
    }
    if !faults.is_empty() {
        return refused(faults);
    }
    let rows = drafts.len();
    if dry {
        let message = format!("{rows} records can be created.");
        return nexudus::written(
            message,
            Some(Imported {
                rows,
                ids: Vec::new(),
            }),
        );
    }
    let list: Vec<&Draft> = drafts.values().collect();
    match many::create(context, caller, asked, &list).await {
        Ok(ids) => {
            let message = format!("{rows} records have been succesfully created.");
            nexudus::written(message, Some(Imported { rows, ids }))
        }
        Err(NoneMade::InUse(places)) => {
            let numbers: Vec<usize> = drafts.keys().copied().collect();
            let faults = places
                .iter()
                .filter_map(|place| Some(in_use(&drafts, *numbers.get(*place)?)));
            refused(faults.collect())
        }
        Err(NoneMade::Answer(answer)) => answer,
    }
}

fn dry_run(query: Option<&str>) -> Result<bool, Fault> {
    let wrong =
        |name: &str, message: &str, text: &str| Fault::new(name.to_owned(), message.to_owned(), text.into());
    let pairs = form::parse(query.unwrap_or_default().as_bytes());
    let pairs = pairs.map_err(|error| wrong("Query", &error.to_string(), ""))?;
    let mut dry = false;
    for (name, text) in &pairs {
        if !name.eq_ignore_ascii_case("dryrun") {
            return Err(wrong(
                name,
                "is no parameter of this call: only `dryrun` is",
                text,
            ));
        }
        dry = match text.to_ascii_lowercase().as_str() {
            "true" => true,
            "false" => false,
            _ => return Err(wrong(name, "must be true or false", text)),
        };
    }
    Ok(dry)
}

/// Sorts problems by row, and cuts them where they are too many.
fn refused(mut faults: Vec<Fault>) -> Answer {
    faults.sort_by_key(|fault| fault.row);
    if let Some(more) = faults.len().checked_sub(FAULTS_MAX).filter(|more| *more > 0) {
        faults.truncate(FAULTS_MAX);
        faults.push(Fault::new(
            "Body",
            format!("has {more} more problems"),
            Json::Null,
        ));
    }
    nexudus::faulty(&faults)
}

fn in_use(drafts: &BTreeMap<usize, Draft>, row: usize) -> Fault {
    let code = drafts.get(&row).and_then(|draft| draft.code.as_ref());
    let attempted = code.map(|code| code.as_str()).into();
    Fault::new("AccessCode", CreateError::CodeInUse.to_string(), attempted).in_row(row)
}

/// Reads a table: drafts by the number of their row, the first below the header being 1, and what is wrong with the others.
pub(super) fn read(body: &[u8], caller: &Caller) -> (BTreeMap<usize, Draft>, Vec<Fault>) {
    let whole = |message: String| (BTreeMap::new(), vec![Fault::new("Body", message, Json::Null)]);
    let body = body.strip_prefix("\u{feff}".as_bytes()).unwrap_or(body);
    if let Err(error) = std::str::from_utf8(body) {
        return whole(format!("is not valid UTF-8 from byte {} on", error.valid_up_to()));
    }
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(body);
    let columns = match table.headers().map(columns) {
        Ok(Ok(columns)) => columns,
        Ok(Err(message)) => return whole(message),
        Err(error) => return whole(format!("is no table: {error}")),
    };
    let (mut drafts, mut faults) = (BTreeMap::new(), Vec::new());
    let mut codes: BTreeMap<FoldedCode, usize> = BTreeMap::new();
    let mut last = 0;
    for (row, cells) in (1..).zip(table.records()) {
        if row > TOKENS_MAX {
            return whole(format!("has more than {TOKENS_MAX} rows: import it in parts"));
        }
        last = row;
        let cells = match cells {
            Ok(cells) => cells,
            Err(error) => {
                faults.push(Fault::new("Body", format!("is no table: {error}"), Json::Null).in_row(row));
                break;
            }
        };
        if cells.len() != columns.len() {
            let message = format!("has {} cells, the header {}", cells.len(), columns.len());
            faults.push(Fault::new("Body", message, Json::Null).in_row(row));
            continue;
        }
        let members: Map<String, Json> = columns
            .iter()
            .zip(&cells)
            .filter_map(|(column, text)| Some(((*column)?.to_owned(), cell::restored(text).into())))
            .collect();
        let draft = match Draft::read(Fields::texts(members), caller) {
            Ok(draft) => draft,
            Err(errors) => {
                faults.extend(errors.into_iter().map(|error| Fault::from(error).in_row(row)));
                continue;
            }
        };
        if let Some(code) = &draft.code
            && let Some(first) = codes.insert(code.folded(), row)
        {
            let message = format!("is in row {first} already");
            faults.push(Fault::new("AccessCode", message, code.as_str().into()).in_row(row));
            continue;
        }
        drafts.insert(row, draft);
    }
    if ends_in_quotes(body) {
        // All that follows was taken for the text of one cell.
        drafts.remove(&last);
        let fault = Fault::new("Body", "has a cell whose quotes are not closed", Json::Null);
        faults.retain(|fault| fault.row != Some(last));
        faults.push(if last > 0 { fault.in_row(last) } else { fault });
    }
    (drafts, faults)
}

/// Whether a table ends within a quoted cell, which the reader of tables lets pass.
fn ends_in_quotes(table: &[u8]) -> bool {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted,
        Quote,
    }
    let step = |at, byte: &u8| match (at, byte) {
        (At::Quoted, b'"') => At::Quote,
        (At::Quoted, _) | (At::Start | At::Quote, b'"') => At::Quoted,
        (_, b',' | b'\r' | b'\n') => At::Start,
        _ => At::Plain,
    };
    table.iter().fold(At::Start, step) == At::Quoted
}

/// Which column of the table is which member; `None` for those that are passed over.
fn columns(header: &csv::StringRecord) -> Result<Vec<Option<&'static str>>, String> {
    let mut found = Vec::new();
    for name in header {
        let name = name.trim();
        let column = READ.into_iter().find(|column| column.eq_ignore_ascii_case(name));
        if column.is_some() && found.contains(&column) {
            return Err(format!("has the column {name} twice"));
        }
        found.push(column);
    }
    if found.iter().all(Option::is_none) {
        return Err(
            "must begin with a row of column names with commas between, such as BusinessId,MinutesIncluded"
                .to_owned(),
        );
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> (Vec<usize>, Vec<(Option<usize>, String)>) {
        let (drafts, faults) = read(text.as_bytes(), &Caller::administrator("a@b"));
        let faults = faults
            .iter()
            .map(|fault| (fault.row, fault.property.to_string()))
            .collect();
        (drafts.keys().copied().collect(), faults)
    }

    #[test]
    fn every_bad_row_is_named() {
        let text = "\u{feff}businessid,MinutesIncluded,AccessCode,Description,Id,Else\r\n\
            1,60,A-1,\"two\r\nlines, and a comma\",7,x\r\n\
            0,-1,,,,\r\n\
            1,60,a1,again,,\r\n\
            1,60\r\n\
            1,60,'=A,'=1+1,,\r\n";
        let (drafts, faults) = rows(text);
        assert_eq!(drafts, [1, 5]);
        let named = |row, name: &str| (Some(row), name.to_owned());
        assert_eq!(
            faults,
            [
                named(2, "BusinessId"),
                named(2, "MinutesIncluded"),
                named(3, "AccessCode"),
                named(4, "Body")
            ]
        );
        let (drafts, _) = read(text.as_bytes(), &Caller::administrator("a@b"));
        assert_eq!(
            drafts[&1].description.as_deref(),
            Some("two\r\nlines, and a comma")
        );
        assert_eq!(
            (
                drafts[&5].code.as_ref().unwrap().as_str(),
                drafts[&5].description.as_deref()
            ),
            ("=A", Some("=1+1"))
        );
    }

    #[test]
    fn a_cell_whose_quotes_are_not_closed_is_named() {
        let text = "BusinessId,MinutesIncluded,Description\n1,60,\"a\"\"b\"\n1,60,\"no end\n1,60,c\n";
        let (drafts, faults) = rows(text);
        assert_eq!(
            (drafts, faults),
            (vec![1], vec![(Some(2), "Body".to_owned())]),
            "the third row is in the second"
        );
        for whole in [
            "BusinessId,MinutesIncluded,Description\n1,60,\"\"\"\"",
            "BusinessId,MinutesIncluded,Description\n1,60,5\" pipe\n",
            "BusinessId,MinutesIncluded,Description\n1,60,\"a\"b\"\n",
            "\"BusinessId\",\"MinutesIncluded\"\r\n\"1\",\"60\"",
        ] {
            assert_eq!(rows(whole).1, [], "{whole}");
        }
    }

    #[test]
    fn what_is_no_table_is_named() {
        for text in ["", "a,b\n1,2\n", "BusinessId,BusinessID\n", "\"BusinessId"] {
            let (drafts, faults) = rows(text);
            assert!(drafts.is_empty() && !faults.is_empty(), "{text:?}");
            assert!(
                faults.iter().all(|(row, name)| row.is_none() && name == "Body"),
                "{text:?} {faults:?}"
            );
        }
        let (_, faults) = read(b"BusinessId\n\xff\n", &Caller::administrator("a@b"));
        assert!(faults[0].message.contains("UTF-8"));
    }

    #[test]
    fn rows_have_a_limit() {
        let text = format!("BusinessId,MinutesIncluded\n{}", "1,1\n".repeat(TOKENS_MAX));
        assert_eq!(rows(&text).0.len(), TOKENS_MAX);
        let (drafts, faults) = rows(&(text + "1,1\n"));
        assert_eq!((drafts.len(), faults.len()), (0, 1));
    }
}
