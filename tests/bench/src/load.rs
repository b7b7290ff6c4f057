//! A load generator: one thread, hundreds of connections that are kept open, on each of them one request at a time.
//!
//! It shares the machine with what it measures, so it does as little as it can: requests are written into one buffer,
//! of an answer it looks at the status and the length.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

use accounting_tests::{clock, lab::Namespace};
use anyhow::{Context, Result, bail, ensure};
use rustix::event::epoll;

/// The longest answer, in bytes.
const ANSWER_MAX: usize = 16 * 1024;

/// How long no answer at all may come.
const PATIENCE: rustix::event::Timespec = rustix::event::Timespec {
    tv_sec: 20,
    tv_nsec: 0,
};

/// Connections to a server in a namespace.
pub(crate) struct Load {
    poll: std::os::fd::OwnedFd,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    sent: Duration,
    answer: Vec<u8>,
}

/// What a run of requests came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Milliseconds of each answered request.
    pub(crate) latencies: Vec<f64>,
    /// Answers with another status than 200.
    pub(crate) refused: usize,
    /// One of those, to show.
    pub(crate) refusal: String,
}

impl Outcome {
    /// The same where every request was granted, else something else was measured.
    pub(crate) fn granted(self) -> Result<Self> {
        ensure!(
            self.refused == 0,
            "{} requests were refused, such as: {}",
            self.refused,
            self.refusal
        );
        Ok(self)
    }
}

impl Load {
    /// Opens so many connections.
    pub(crate) fn connect(namespace: &Namespace, server: SocketAddr, connections: usize) -> Result<Self> {
        let open = || {
            let stream = TcpStream::connect(server).with_context(|| format!("no connection to {server}"))?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Ok(Connection {
                stream,
                sent: Duration::ZERO,
                answer: Vec::new(),
            })
        };
        let connections: Vec<Connection> =
            namespace.enter(|| (0..connections).map(|_| open()).collect::<Result<_>>())?;
        let poll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        for (number, connection) in (0..).zip(&connections) {
            let data = epoll::EventData::new_u64(number);
            epoll::add(&poll, connection.stream.as_fd(), data, epoll::EventFlags::IN)?;
        }
        Ok(Self { poll, connections })
    }

    /// Sends requests until there are none left or `limit` is over, and waits for all answers. `next` writes a whole request
    /// into the empty buffer and says whether there was one.
    pub(crate) fn run(
        &mut self,
        limit: Duration,
        mut next: impl FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut request = Vec::new();
        let mut events = Vec::with_capacity(1_024);
        let (start, mut waiting) = (clock::monotonic(), 0);
        for connection in &mut self.connections {
            waiting += usize::from(connection.ask(&mut request, start, &mut next)?);
        }
        while waiting > 0 {
            events.clear();
            let buffer = rustix::buffer::spare_capacity(&mut events);
            ensure!(
                epoll::wait(&self.poll, buffer, Some(&PATIENCE))? > 0,
                "{waiting} requests were not answered"
            );
            // One reading serves a whole batch of answers.
            let now = clock::monotonic();
            for event in &events {
                let number = usize::try_from(event.data.u64())?;
                let connection = self.connections.get_mut(number).context("an event of nobody")?;
                let Some(status) = connection.read()? else {
                    continue;
                };
                let latency = now.saturating_sub(connection.sent);
                outcome.latencies.push(latency.as_secs_f64() * 1_000.0);
                if &status != b"200" {
                    outcome.refused += 1;
                    outcome.refusal = String::from_utf8_lossy(&connection.answer).into_owned();
                }
                connection.answer.clear();
                waiting -= 1;
                if now.saturating_sub(start) < limit {
                    waiting += usize::from(connection.ask(&mut request, now, &mut next)?);
                }
            }
        }
        outcome.took = clock::monotonic().saturating_sub(start);
        Ok(outcome)
    }
}

impl Connection {
    fn ask(
        &mut self,
        request: &mut Vec<u8>,
        now: Duration,
        next: &mut impl FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<bool> {
        request.clear();
        if !next(request) {
            return Ok(false);
        }
        self.sent = now;
        // A request is far smaller than the kernel's buffer of a connection that waits for nothing.
        self.stream
            .write_all(request)
            .context("a request was not taken")?;
        Ok(true)
    }

    /// The status, once the answer is there as a whole.
    fn read(&mut self) -> Result<Option<[u8; 3]>> {
        let mut part = [0; 2_048];
        match self.stream.read(&mut part) {
            Ok(0) => bail!("the daemon closed a connection"),
            Ok(length) => self
                .answer
                .extend_from_slice(part.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error).context("a connection failed"),
        }
        ensure!(self.answer.len() < ANSWER_MAX, "an answer is too long");
        Ok(complete(&self.answer))
    }
}

fn complete(answer: &[u8]) -> Option<[u8; 3]> {
    const LENGTH: &[u8] = b"content-length: ";
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let field = answer.windows(LENGTH.len()).position(|part| part == LENGTH)? + LENGTH.len();
    let digits = answer.get(field..)?.split(|byte| *byte == b'\r').next()?;
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (answer.len() >= head + 4 + length).then(|| answer.get(9..12)?.try_into().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 503 Busy\r\ncontent-length: 3\r\nx: y\r\n\r\nabc";
        assert_eq!(complete(answer), Some(*b"503"));
        for end in 0..answer.len() {
            assert_eq!(complete(&answer[..end]), None, "{end}");
        }
    }
}
