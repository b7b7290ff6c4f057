//! Where connections come from: TCP, in plain text or with TLS, and the Unix socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixStream},
};

use super::{local::LocalListener, tls::Tls};
use crate::http::auth::Local;

/// The two directions of a connection.
pub(in crate::http) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(in crate::http) enum Peer {
    /// A client somewhere on the network, or on this machine by way of it.
    Network(SocketAddr),
    /// A process of this machine, vouched for by the kernel.
    Local(Local),
}

impl Peer {
    /// The address that budgets are counted for; those of the Unix socket count as this machine.
    pub(in crate::http) fn ip(&self) -> IpAddr {
        match self {
            Self::Network(address) => address.ip(),
            Self::Local(_) => Ipv4Addr::LOCALHOST.into(),
        }
    }
}

/// One place where clients connect.
#[derive(Debug)]
pub enum Listener {
    /// An address of this machine.
    Tcp(TcpListener, Option<Tls>),
    /// A path on this machine.
    Local(LocalListener),
}

/// A connection before anything was said on it.
pub(super) enum Accepted {
    Tcp(TcpStream, SocketAddr, Option<Tls>),
    Local(UnixStream),
}

impl Listener {
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match self {
            Self::Tcp(listener, tls) => listener.poll_accept(context).map_ok(|(stream, peer)| {
                let tls = tls.clone();
                Accepted::Tcp(stream, peer, tls)
            }),
            Self::Local(listener) => listener.poll_accept(context).map_ok(Accepted::Local),
        }
    }
}

impl Accepted {
    /// Where it comes from, when that is the network.
    pub(super) fn address(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp(_, peer, _) => Some(peer.ip()),
            Self::Local(_) => None,
        }
    }

    /// Agrees on TLS where there is any, within `patience`, and learns who is there. `write_patience`: how long the
    /// other end may take to acknowledge what is sent to it; hyper has no time-out for writing.
    ///
    /// # Errors
    /// The handshake failed or took too long, or the other end has gone already.
    pub(super) async fn open(
        self,
        patience: Duration,
        write_patience: Duration,
    ) -> io::Result<(Box<dyn Io>, Peer)> {
        match self {
            Self::Tcp(stream, peer, tls) => {
                prepare(&stream, write_patience);
                let stream: Box<dyn Io> = match tls {
                    None => Box::new(stream),
                    Some(tls) => Box::new(tokio::time::timeout(patience, tls.accept(stream)).await??),
                };
                Ok((stream, Peer::Network(peer)))
            }
            Self::Local(stream) => {
                let credentials = stream.peer_cred()?;
                let local = Local::new(credentials.uid(), credentials.gid());
                Ok((Box::new(stream), Peer::Local(local)))
            }
        }
    }
}

fn prepare(stream: &TcpStream, patience: Duration) {
    let patience = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
    let prepared = stream
        .set_nodelay(true)
        .and_then(|()| rustix::net::sockopt::set_tcp_user_timeout(stream, patience).map_err(io::Error::from));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection could not be prepared");
    }
}
