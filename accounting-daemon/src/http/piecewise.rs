//! A body that is made while it is sent. Few pieces wait: who makes them waits for who reads them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame};
use tokio::sync::mpsc;

use super::answer::CutOff;

/// A piece, or the sign that there should have been more.
pub(super) type Piece = Result<Bytes, CutOff>;

/// Pieces that wait to be sent.
const WAITING_MAX: usize = 4;

/// The end that is sent; it ends when nobody can add to it any more.
#[derive(Debug)]
pub(super) struct Pieces(mpsc::Receiver<Piece>);

/// Both ends.
pub(super) fn pieces() -> (mpsc::Sender<Piece>, Pieces) {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    (sender, Pieces(receiver))
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
