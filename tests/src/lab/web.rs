//! The internet's HTTP server, one connection at a time: `/bytes/N` streams N bytes, any other path answers 200 with
//! `internet` and the query string, so that a nonce in the query comes back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The longest request head that is read, in bytes.
const HEAD_MAX: u64 = 16 * 1024;

/// Answers the requests of a connection until the client closes it or `stop` is set, which is looked at each `look`.
pub(super) fn serve(connection: TcpStream, look: Duration, stop: &AtomicBool) -> io::Result<()> {
    connection.set_nonblocking(false)?;
    connection.set_read_timeout(Some(look))?;
    connection.set_write_timeout(Some(look))?;
    connection.set_nodelay(true)?;
    let mut output = Patient {
        inner: &connection,
        stop,
    };
    let mut input = BufReader::new(Patient {
        inner: &connection,
        stop,
    });
    loop {
        let Some((method, target)) = request(&mut input)? else {
            return Ok(());
        };
        answer(&mut output, &method, &target)?;
    }
}

/// A connection whose timeouts are only looks at `stop`.
struct Patient<'a> {
    inner: &'a TcpStream,
    stop: &'a AtomicBool,
}

impl Patient<'_> {
    fn again<T>(&self, mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match work() {
                Err(error)
                    if error.kind() == io::ErrorKind::WouldBlock && !self.stop.load(Ordering::Relaxed) => {}
                done => return done,
            }
        }
    }
}

impl Read for Patient<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut inner = self.inner;
        self.again(|| inner.read(buffer))
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let mut inner = self.inner;
        self.again(|| inner.write(data))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Method and target of the next request; `None` at the end of the connection.
fn request(input: &mut impl BufRead) -> io::Result<Option<(String, String)>> {
    let mut head = input.take(HEAD_MAX);
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut words = first.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let mut line = String::new();
    while head.read_line(&mut line)? > 0 {
        if line.trim().is_empty() {
            return Ok(Some((method.into(), target.into())));
        }
        line.clear();
    }
    Ok(None)
}

fn answer(output: &mut impl Write, method: &str, target: &str) -> io::Result<()> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let bytes: Option<u64> = path.strip_prefix("/bytes/").and_then(|count| count.parse().ok());
    let text = format!("internet {query}\n");
    let length = bytes.unwrap_or(text.len() as u64);
    let kind = if bytes.is_some() {
        "application/octet-stream"
    } else {
        "text/plain"
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n");
    output.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    if bytes.is_none() {
        return output.write_all(text.as_bytes());
    }
    // The query over and over, so that a capture finds a nonce in every frame.
    let pattern = if query.is_empty() { "." } else { query };
    let block: Vec<u8> = pattern.bytes().cycle().take(64 * 1024).collect();
    let mut left = length;
    while left > 0 {
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        output.write_all(&block[..part])?;
        left -= part as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_to_the_empty_line() {
        let mut input = "GET /?n=1 HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n".as_bytes();
        assert_eq!(request(&mut input).unwrap(), Some(("GET".into(), "/?n=1".into())));
        assert_eq!(request(&mut input).unwrap(), None);
    }

    #[test]
    fn bytes_are_as_many_as_asked_for_and_carry_the_query() {
        let mut output = Vec::new();
        answer(&mut output, "GET", "/bytes/100000?abc").unwrap();
        let start = output.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
        assert_eq!(output.len() - start, 100_000);
        assert!(output[start..].starts_with(b"abcabc"));
    }
}
