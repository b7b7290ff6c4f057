//! A guest's browser: connections, requests and what is answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpStream};

use accounting_tests::lab::Namespace;

use crate::{SHORT, SOON, WEB};

/// Opens a connection of a client, within [`SHORT`].
pub(crate) fn connect(space: &Namespace, host: IpAddr, port: u16) -> std::io::Result<TcpStream> {
    let dial = || Ok(TcpStream::connect_timeout(&(host, port).into(), SHORT));
    let stream = space.enter(dial).unwrap()?;
    stream.set_read_timeout(Some(SOON))?;
    Ok(stream)
}

/// The body of the answer to a request on an open connection.
pub(crate) fn ask(mut stream: TcpStream) -> std::io::Result<String> {
    stream
        .write_all(b"GET /hotspot-detect.html HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")?;
    body(stream)
}

/// What the next answer says.
pub(crate) fn body(stream: TcpStream) -> std::io::Result<String> {
    let mut input = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if lower == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    Ok(String::from_utf8(body).unwrap().trim().to_owned())
}

pub(crate) fn get(space: &Namespace, host: IpAddr) -> std::io::Result<String> {
    ask(connect(space, host, WEB)?)
}
