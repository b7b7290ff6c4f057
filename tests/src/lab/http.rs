//! A small HTTP client that speaks from inside a namespace.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;

use super::namespace::Namespace;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 64 * 1024 * 1024;

/// A request. HTTP/1.0, so that the answer ends with the connection.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    namespace: &'a Namespace,
    server: SocketAddr,
    method: &'a str,
    target: &'a str,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    limit: Duration,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Header fields in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl<'a> Request<'a> {
    /// A request of this method for this target (path and query); 5 s at most.
    #[must_use]
    pub fn new(namespace: &'a Namespace, server: SocketAddr, method: &'a str, target: &'a str) -> Self {
        let headers = vec![("Host".to_owned(), server.to_string())];
        Self {
            namespace,
            server,
            method,
            target,
            headers,
            body: Vec::new(),
            limit: Duration::from_secs(5),
        }
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Signs in by HTTP Basic.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        self.header("Authorization", &basic(user, password))
    }

    /// Carries JSON.
    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self.header("Content-Type", "application/json")
    }

    /// Carries a body of this media type.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }

    /// Gives up after `limit` for the connection, and again for each part of the answer.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Sends it and reads the answer.
    ///
    /// # Errors
    /// When no connection is made in time (a gate that drops looks like that), or the answer is not HTTP.
    pub fn send(&self) -> Result<Answer> {
        let mut connection = self.namespace.enter(|| {
            TcpStream::connect_timeout(&self.server, self.limit)
                .with_context(|| format!("no connection from {} to {}", self.namespace.name(), self.server))
        })?;
        connection.set_read_timeout(Some(self.limit))?;
        connection.set_write_timeout(Some(self.limit))?;
        let mut message = format!("{} {} HTTP/1.0\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            message += &format!("{name}: {value}\r\n");
        }
        message += &format!("Content-Length: {}\r\nConnection: close\r\n\r\n", self.body.len());
        connection.write_all(message.as_bytes())?;
        connection.write_all(&self.body)?;
        read(&mut connection).with_context(|| format!("{} {} of {}", self.method, self.target, self.server))
    }
}

impl Answer {
    /// Reads an answer from a connection that somebody else has asked on. The head says how long it is, or it ends with the
    /// connection.
    ///
    /// # Errors
    /// When it is not HTTP, or stops.
    pub fn read(connection: &mut impl Read) -> Result<Self> {
        read(connection)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// When it is not JSON; the error shows status and body.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("not JSON, status {}: {}", self.status, self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header field of this name, given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(one, _)| one == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads head and body. The body's length is the head's word, or else the end of the connection.
fn read(connection: &mut impl Read) -> Result<Answer> {
    let mut limited = connection.take(ANSWER_MAX);
    let mut message = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        if let Some(answer) = complete(&message, false)? {
            return Ok(answer);
        }
        let length = limited.read(&mut part).context("the answer stops")?;
        if length == 0 {
            break;
        }
        message.extend(&part[..length]);
    }
    complete(&message, true)?.context("the connection ended within the answer")
}

fn complete(message: &[u8], ended: bool) -> Result<Option<Answer>> {
    let Some(end) = message.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&message[..end]).context("the head of the answer is not text")?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|word| word.parse().ok());
    let Some(status) = status else {
        bail!("the answer is not HTTP: {head}")
    };
    let fields = lines.filter_map(|line| line.split_once(':'));
    let headers: Vec<(String, String)> = fields
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let mut answer = Answer {
        status,
        headers,
        body: message[end + 4..].to_vec(),
    };
    match answer.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if answer.body.len() >= length => answer.body.truncate(length),
        None if ended => {}
        _ => return Ok(None),
    }
    Ok(Some(answer))
}

/// Credentials of HTTP Basic, as the value of `Authorization`.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_length_or_with_the_connection() {
        let counted = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc";
        assert_eq!(complete(counted, false).unwrap().unwrap().body, b"ab");
        let open = b"HTTP/1.1 404 Not Found\r\nX: y\r\n\r\nabc";
        assert_eq!(complete(open, false).unwrap(), None);
        let answer = complete(open, true).unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.header("x"), &answer.body[..]),
            (404, Some("y"), &b"abc"[..])
        );
        assert!(read(&mut &counted[..38]).is_err());
    }
}
