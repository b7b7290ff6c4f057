//! A body that is made while it is sent. Few pieces wait: who makes them waits for who reads them.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::mpsc;

/// Pieces that wait to be sent.
const WAITING_MAX: usize = 4;

/// The end that is sent; it ends when nobody can add to it any more.
#[derive(Debug)]
pub(super) struct Pieces(mpsc::Receiver<Bytes>);

/// Both ends.
pub(super) fn pieces() -> (mpsc::Sender<Bytes>, Pieces) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (sender, Pieces(receiver))
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}
