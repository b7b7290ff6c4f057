//! The stream of sessions, which has no end: read beside the run, and asked for in the ways that are refused.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use accounting_tests::clock;
use accounting_tests::lab::{Daemon, Lab, Request};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

const PATH: &str = "/v1/sessions/stream";

/// Places for those who watch; the daemon's own limit.
const STREAMS_MAX: usize = 64;

/// Longer than the stream is ever silent.
const SILENCE: Duration = Duration::from_secs(60);

/// Events by their names.
pub(super) type Events = BTreeMap<String, u64>;

/// A stream that is being read.
pub(super) struct Watched(JoinHandle<Result<Events>>);

impl Watched {
    /// Begins to read.
    pub(super) fn begin(lab: &Lab) -> Result<Self> {
        // The places of those who were here before are free when the daemon has noticed that they are gone.
        let reader = clock::wait_for("a place at the stream", SILENCE, || Ok(open(lab, "").ok()))?;
        Ok(Self(std::thread::spawn(|| read(reader))))
    }

    /// Stops the daemon, with which the stream ends; what it told.
    pub(super) fn end(self, daemon: &Daemon) -> Result<Events> {
        daemon.stop()?;
        let Ok(events) = self.0.join() else {
            bail!("the reader of the stream panicked")
        };
        events
    }
}

/// Asks for the stream; gives it from its first line on, behind the head.
fn open(lab: &Lab, header: &str) -> Result<BufReader<TcpStream>> {
    let mut reader = BufReader::new(lab.daemon()?.begin(PATH, header, SILENCE)?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(reader.read_line(&mut head)? > 0, "the head stops: {head}");
    }
    let head = head.to_ascii_lowercase();
    ensure!(
        head.contains(" 200 ") && head.contains("content-type: text/event-stream"),
        "no stream: {head}"
    );
    Ok(reader)
}

/// Reads events to the end of the stream: each has a name that is known, and data that is an object of JSON.
fn read(reader: impl BufRead) -> Result<Events> {
    let mut events = Events::new();
    let (mut name, mut last) = (None, None);
    for line in reader.lines() {
        let line = line?;
        let Some((field, value)) = line.split_once(':') else {
            ensure!(line.is_empty(), "no line of a stream: {line}");
            continue;
        };
        match (field, value.trim_start()) {
            ("event", event) => name = Some(event.to_owned()),
            ("data", data) => {
                let data: Value = serde_json::from_str(data)?;
                let name: String = name.take().context("data without a name")?;
                let member = match name.as_str() {
                    "snapshot" => "Records",
                    "opened" | "changed" | "released" => "TokenId",
                    "end" => "Reason",
                    "live" => "",
                    _ => bail!("an event that is not described: {name}"),
                };
                ensure!(
                    data.is_object() && (member.is_empty() || data.get(member).is_some()),
                    "{name} of another shape: {data}"
                );
                *events.entry(name.clone()).or_default() += 1;
                last = Some(name);
            }
            ("id" | "retry" | "", _) => {}
            _ => bail!("no line of a stream: {line}"),
        }
    }
    ensure!(
        last.as_deref() == Some("end") && events.contains_key("live"),
        "the stream broke off after {events:?}"
    );
    Ok(events)
}

/// Asks in every way that is refused; each answer must be described.
pub(super) fn refusals(lab: &Lab, described: &Value) -> Result<()> {
    let daemon = lab.daemon()?;
    let answers = &described["paths"][PATH]["get"]["responses"];
    let ask = |method: &'static str, header: (&str, &str)| {
        Request::new(lab.gateway(), daemon.api_address(), method, PATH)
            .header(header.0, header.1)
            .limit(SILENCE)
            .send()
    };
    let basic = daemon.authorization();
    let refused = |status: u16, answer: accounting_tests::lab::Answer| -> Result<()> {
        ensure!(
            answer.status == status,
            "{} instead of {status}: {}",
            answer.status,
            answer.text()
        );
        let media_type = answer.header("content-type").unwrap_or_default();
        ensure!(
            status == 405 || answers[status.to_string()]["content"].get(media_type).is_some(),
            "{status} as {media_type} is not described"
        );
        Ok(())
    };
    refused(401, ask("GET", ("X-None", ""))?)?;
    refused(401, ask("GET", ("Authorization", "Bearer no-such-token"))?)?;
    refused(
        406,
        Request::new(lab.gateway(), daemon.api_address(), "GET", PATH)
            .header("Authorization", &basic)
            .header("Accept", "image/png")
            .send()?,
    )?;
    let other = ask("POST", ("Authorization", &basic))?;
    ensure!(
        other.header("allow") == Some("GET, HEAD"),
        "405 without its Allow: {:?}",
        other.headers
    );
    refused(405, other)?;
    // An id that is none begins anew; then no place is left.
    let mut open_streams = Vec::new();
    for _ in 0..STREAMS_MAX {
        open_streams.push(open(lab, "Last-Event-ID: \t \"x\"-9\r\n")?);
    }
    let full = ask("GET", ("Authorization", &basic))?;
    ensure!(full.header("retry-after").is_some(), "503 without Retry-After");
    refused(503, full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_to_its_end() {
        let good = "retry: 2000\n\nevent: snapshot\ndata: {\"Records\":[]}\n\nevent: live\nid: a-1\ndata: {}\n\n:\n\n\
                    event: opened\nid: a-2\ndata: {\"TokenId\":1}\n\n";
        let end = "event: end\ndata: {\"Reason\":\"x\"}\n\n";
        assert_eq!(read(format!("{good}{end}").as_bytes()).unwrap()["opened"], 1);
        for broken in [
            good.to_owned(),
            format!("{good}event: odd\ndata: {{}}\n\n{end}"),
            format!("event: live\ndata: []\n\n{end}"),
            format!("{good}event: released\ndata: {{}}\n\n{end}"),
            format!("{good}data: {{}}\n\n{end}"),
            format!("{good}what\n{end}"),
            end.to_owned(),
        ] {
            assert!(read(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
