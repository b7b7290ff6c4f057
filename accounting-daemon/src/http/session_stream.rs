//! `GET /v1/sessions/stream`: what happens to sessions, as server-sent events.
//!
//! A stream begins with the sessions that are open (`snapshot`, in parts), then says `live` and goes on with `opened`,
//! `changed` and `released`. Between the snapshot and `live` something may be told that the snapshot shows already; at the
//! end both agree. `Last-Event-ID` of a recent event goes on after it, without a snapshot. The last event is `end`, with
//! the reason; whoever reads too slowly gets that one instead of all that they missed.

use std::{sync::Arc, time::Duration};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};

use super::{
    Context,
    answer::{self, Answer},
    auth::{Caller, Role},
    describe::{Describe, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    piecewise::{Piece, pieces},
    problem::{BUSY_RETRY_S, Kind, Problem},
    session_list,
    sessions::Session,
    times,
    usage::Usage,
};
use crate::{
    engine::{BalanceView, Engine, Event, Happening, PageAsked, SessionFilter},
    ledger::minutes_shown,
    metrics::Route,
};

/// The stream.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/v1/sessions/stream",
    route: Route::SessionStream,
    accepts: Accepts::Nothing,
    handler: Handler::SignedIn(Access::Roles(&[Role::List]), |context, caller, asked| {
        Box::pin(async { begin(context, caller, asked) })
    }),
    describe: Describe::new(
        "Streams what happens to sessions: `snapshot`, `live`, then `opened`, `changed`, `released`, at last `end`",
        &[Says::other(StatusCode::OK, "Server-sent events", MEDIA_TYPE)],
    ),
}];

const MEDIA_TYPE: &str = "text/event-stream";

/// Streams at once.
pub(super) const STREAMS_MAX: usize = 64;

/// Silence after which a comment shows that the stream lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// After this long a client comes back by itself, so that nobody goes on whose rights have ended.
const LIFETIME: Duration = Duration::from_secs(3_600);

/// How long the last event may wait for a slow reader.
const LAST_WORD: Duration = Duration::from_secs(5);

/// Sessions of a part of the snapshot.
const SNAPSHOT_MAX: usize = 250;

/// Events of a piece.
const EVENTS_MAX: usize = 64;

/// Milliseconds after which a client is to come back.
const RETRY_MS: u64 = 2_000;

/// Why a stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nobody reads it any more.
    Gone,
    /// Its reader is too slow, or the store had to be read anew.
    Missed,
    /// The daemon stops.
    Stopping,
    /// It has lasted for long enough.
    Renew,
}

struct Stream {
    engine: Engine,
    filter: SessionFilter,
    /// Tells the events of this daemon's life from those of another.
    epoch: Arc<str>,
    pieces: mpsc::Sender<Piece>,
    _place: OwnedSemaphorePermit,
}

fn begin(context: &Context, caller: &Caller, asked: &Asked) -> Answer {
    let Ok(place) = Arc::clone(&context.streams).try_acquire_owned() else {
        let full = format!("{STREAMS_MAX} streams are open: close one");
        return Problem::new(Kind::Busy, full)
            .retry_after(BUSY_RETRY_S)
            .into_answer();
    };
    let (sender, body) = pieces();
    let stream = Stream {
        engine: context.engine.clone(),
        filter: SessionFilter {
            locations: caller.locations.clone(),
            ..SessionFilter::default()
        },
        epoch: Arc::clone(&context.epoch),
        pieces: sender,
        _place: place,
    };
    let header = asked.head.headers.get("last-event-id");
    let last = header.and_then(|last| number_of(last.to_str().ok()?, &context.epoch));
    tokio::spawn(stream.run(
        last.map(|last| last.saturating_add(1)),
        context.stopping.subscribe(),
    ));
    answer::streamed(StatusCode::OK, MEDIA_TYPE, body)
}

/// The number in an event's id, where it is of this daemon's life.
fn number_of(id: &str, epoch: &str) -> Option<u64> {
    let (of, number) = id.rsplit_once('-')?;
    (of == epoch).then(|| number.parse().ok())?
}

impl Stream {
    async fn run(self, from: Option<u64>, mut stopping: watch::Receiver<bool>) {
        let end = tokio::select! {
            end = self.tell(from) => end,
            _ = stopping.wait_for(|stopping| *stopping) => End::Stopping,
            () = tokio::time::sleep(LIFETIME) => End::Renew,
            () = self.pieces.closed() => End::Gone,
        };
        let reason = match end {
            End::Gone => return,
            End::Missed => "events were missed: begin anew",
            End::Stopping => "the daemon is stopping",
            End::Renew => "the stream has lasted for an hour: go on with another",
        };
        let last = event("end", None, &json!({"Reason": reason}));
        // Whoever does not read cannot be told.
        let _ = tokio::time::timeout(LAST_WORD, self.pieces.send(Ok(last.into()))).await;
    }

    async fn tell(&self, from: Option<u64>) -> End {
        match self.try_tell(from).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn try_tell(&self, from: Option<u64>) -> Result<std::convert::Infallible, End> {
        let feed = self.engine.feed();
        let mut next = feed.watch();
        let mut number = *next.borrow_and_update();
        self.send(format!("retry: {RETRY_MS}\n\n")).await?;
        match from.filter(|from| feed.since(*from, 1).is_ok()) {
            Some(from) => number = from,
            None => {
                self.snapshot().await?;
                // The id of the event before: with it a client that breaks off here goes on from here.
                let id = number.checked_sub(1).map(|last| self.id(last));
                self.send(event("live", id.as_deref(), &json!({}))).await?;
            }
        }
        loop {
            let events = feed.since(number, EVENTS_MAX).map_err(|_| End::Missed)?;
            let Some(last) = events.last() else {
                match tokio::time::timeout(HEARTBEAT, next.changed()).await {
                    Err(_) => self.send(":\n\n".to_owned()).await?,
                    Ok(Err(_)) => return Err(End::Stopping),
                    Ok(Ok(())) => {}
                }
                continue;
            };
            number = last.number + 1;
            let told: String = events.iter().filter_map(|event| self.told(event)).collect();
            if !told.is_empty() {
                self.send(told).await?;
            }
        }
    }

    async fn snapshot(&self) -> Result<(), End> {
        let mut asked = PageAsked {
            filter: self.filter.clone(),
            after: 0,
            size: SNAPSHOT_MAX,
        };
        loop {
            let page = session_list::page(&self.engine, asked.clone()).await;
            let page = page.map_err(|_| End::Missed)?;
            let records: Vec<Session<'_>> = page.sessions.iter().map(Session::from).collect();
            self.send(event("snapshot", None, &json!({"Records": records})))
                .await?;
            match page.next {
                Some(next) => asked.after = next,
                None => return Ok(()),
            }
        }
    }

    /// An event as it is sent; `None` where it is not for this caller.
    fn told(&self, happened: &Event) -> Option<String> {
        if let Some(seen) = &self.filter.locations
            && !happened
                .business_id
                .is_some_and(|location| seen.contains(&location))
        {
            return None;
        }
        let (name, data) = match &happened.what {
            Happening::Opened(view) => ("opened", json!(Session::from(view.as_ref()))),
            Happening::Changed { view, left } => ("changed", changed(view, *left)),
            Happening::Released(record) => ("released", json!(Usage::from(record))),
        };
        Some(event(name, Some(&self.id(happened.number)), &data))
    }

    fn id(&self, number: u64) -> String {
        format!("{}-{number}", self.epoch)
    }

    async fn send(&self, text: String) -> Result<(), End> {
        self.pieces.send(Ok(text.into())).await.map_err(|_| End::Gone)
    }
}

fn changed(view: &BalanceView, left: Option<u64>) -> Value {
    json!({
        "TokenId": view.token.id,
        "MinutesLeft": minutes_shown(view.token.left()),
        "SecondsLeft": left.map(|ms| ms.div_ceil(1000)),
        "ValidTo": view.token.valid_to.get().and_then(times::show),
        "SeatsUsed": view.seats_used,
        "UserLimit": view.token.user_limit.get(),
    })
}

/// JSON has no line breaks of its own: the data is one line.
fn event(name: &str, id: Option<&str>, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_one_line_of_data_each() {
        assert_eq!(
            event("end", None, &json!({"Reason": "a\nb"})),
            "event: end\ndata: {\"Reason\":\"a\\nb\"}\n\n"
        );
        assert_eq!(
            event("live", Some("e-7"), &json!({})),
            "event: live\nid: e-7\ndata: {}\n\n"
        );
    }

    #[test]
    fn only_ids_of_this_life_are_understood() {
        assert_eq!(number_of("abc-7", "abc"), Some(7));
        for other in ["abd-7", "7", "abc-", "abc-x", "", "abc-abc-7"] {
            assert_eq!(number_of(other, "abc"), None, "{other}");
        }
    }
}
