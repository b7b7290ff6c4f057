//! `GET .../export`: every record that is asked for as one table, in pieces, so that a million take no more memory than a
//! thousand.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use hyper::{
    StatusCode,
    body::{Body, Bytes, Frame},
    header::{CONTENT_DISPOSITION, HeaderValue},
};
use serde_json::Value as Json;
use tokio::task::JoinHandle;

use super::{
    cell,
    column::Column,
    filter::{Filter, Filters},
};
use crate::{
    engine::Unavailable,
    http::{
        Context,
        answer::{self, Answer, CutOff},
        auth::Caller,
        dialect::Dialect,
        endpoint::Asked,
        form,
        nexudus::{self, Fault},
        reader::Reader,
    },
    ledger::{Token, TokenId},
    store::{Direction, StoreError},
};

/// Records that are looked at for one piece.
const PIECE_ROWS: usize = 1_024;

/// Answers the table, lowest number first.
pub(super) async fn export(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let filter = match read(asked.query(), caller) {
        Ok(filter) => filter,
        Err(faults) => return nexudus::faulty(&faults),
    };
    let mut table = Table {
        reader: context.reader.clone(),
        after: filter.begins_after(),
        filter,
        header: true,
    };
    // The first piece comes before the answer, so that a store that fails is still told as such.
    let first = tokio::task::spawn_blocking(move || table.piece().map(|piece| (piece, table))).await;
    let (piece, table) = match first {
        Ok(Ok(first)) => first,
        Ok(Err(error)) => {
            tracing::error!(%error, "tokens could not be read");
            return Dialect::Record.unavailable(Unavailable::Store);
        }
        Err(_) => return nexudus::failed(),
    };
    let pieces = Pieces {
        ready: Some(piece.text.into()),
        next: piece.more.then(|| spawn(table)),
    };
    let answer = answer::streamed(StatusCode::OK, "text/csv; charset=utf-8; header=present", pieces);
    let name = HeaderValue::from_static("attachment; filename=\"accesstokens.csv\"");
    answer::with(answer, CONTENT_DISPOSITION, name)
}

/// The filters of a list; a table has no pages.
fn read(query: Option<&str>, caller: &Caller) -> Result<Filter, Vec<Fault>> {
    let pairs = form::pairs(query.unwrap_or_default().as_bytes());
    let pairs = pairs.map_err(|error| vec![Fault::new("Query", error.to_string(), Json::Null)])?;
    let mut filters = Filters::new(caller);
    for (name, text) in &pairs {
        filters.take(name, text);
    }
    filters.finish()
}

/// Where the table stands.
struct Table {
    reader: Reader,
    filter: Filter,
    after: Option<TokenId>,
    header: bool,
}

struct Piece {
    text: Vec<u8>,
    more: bool,
}

impl Table {
    fn piece(&mut self) -> Result<Piece, StoreError> {
        let among = self.filter.among();
        let stretch = self
            .reader
            .stretch(among, self.after, Direction::Ascending, PIECE_ROWS)?;
        let header = std::mem::replace(&mut self.header, false);
        let tokens = stretch.tokens.iter().filter(|token| self.filter.takes(token));
        let text = rows(header, tokens);
        self.after = stretch.next.filter(|last| !self.filter.is_over_after(*last));
        Ok(Piece {
            text,
            more: self.after.is_some(),
        })
    }
}

/// Tokens as rows of the table, below its header where that is wanted.
pub(super) fn rows<'t>(header: bool, mut tokens: impl Iterator<Item = &'t Token>) -> Vec<u8> {
    let mut rows = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let written = (|| {
        if header {
            rows.write_record(Column::ALL.iter().map(|column| column.name()))?;
        }
        tokens.try_for_each(|token| rows.write_record(cells(token)))
    })();
    if let Err(error) = written {
        // A vector takes everything.
        tracing::error!(%error, "a table could not be written");
    }
    rows.into_inner().unwrap_or_default()
}

fn cells(token: &Token) -> impl Iterator<Item = String> + '_ {
    let columns = Column::ALL.iter();
    columns.map(|column| cell::defused(column.shown(token)).into_owned())
}

type Working = JoinHandle<Result<(Piece, Table), StoreError>>;

fn spawn(mut table: Table) -> Working {
    tokio::task::spawn_blocking(move || table.piece().map(|piece| (piece, table)))
}

/// The body: one piece on its way, the next in the making.
struct Pieces {
    ready: Option<Bytes>,
    next: Option<Working>,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        if let Some(ready) = self.ready.take().filter(|ready| !ready.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(ready))));
        }
        loop {
            let Some(next) = &mut self.next else {
                return Poll::Ready(None);
            };
            let done = std::task::ready!(Pin::new(next).poll(task));
            self.next = None;
            let (piece, table) = match done {
                Ok(Ok(done)) => done,
                Ok(Err(error)) => {
                    tracing::error!(%error, "a table was cut off");
                    return Poll::Ready(Some(Err(CutOff)));
                }
                Err(_) => return Poll::Ready(Some(Err(CutOff))),
            };
            if piece.more {
                self.next = Some(spawn(table));
            }
            // A stretch of which nothing was asked for makes no piece.
            if !piece.text.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(piece.text.into()))));
            }
        }
    }
}
