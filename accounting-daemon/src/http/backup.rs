//! `GET /v1/backup`: a copy of the store, for administrators.
//!
//! The copy is made beside the store first, so that a slow reader does not hold on to the store's pages, and has no name
//! while it is read, so that nothing of it stays.

use std::{
    convert::Infallible,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context as Waker, Poll},
    time::Duration,
};

use hyper::{
    Method, StatusCode,
    body::{Body, Bytes, Frame, SizeHint},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::{
    Context,
    answer::{self, Answer},
    describe::{Describe, Says},
    endpoint::{Accepts, Access, Asked, Endpoint, Handler},
    problem::{self, Kind, Problem},
};
use crate::{
    metrics::Route,
    store::{Disk, StoreError},
};

/// Backups.
pub(super) const ENDPOINTS: &[Endpoint] = &[Endpoint {
    method: Method::GET,
    path: "/v1/backup",
    route: Route::Backup,
    accepts: Accepts::Nothing,
    handler: Handler::AtLength(Access::Administrator, |context, caller, asked| {
        Box::pin(backup(context, &caller.name, asked))
    }),
    describe: Describe::new(
        "Copies the store as it is at this moment",
        &[
            Says::other(
                StatusCode::OK,
                "The file, for `accounting-daemon restore`",
                MEDIA_TYPE,
            ),
            Says::nothing(
                StatusCode::INSUFFICIENT_STORAGE,
                "The disk has no room for a copy",
            ),
        ],
    )
    .problems(&[Kind::Conflict]),
}];

const MEDIA_TYPE: &str = "application/octet-stream";

/// The copy in the data folder, for as long as it has a name.
const NAME: &str = "accounting.redb.backup";

/// Bytes that are sent in one piece.
const PIECE: usize = 256 * 1024;

/// Pieces that wait for a slow reader.
const WAITING_MAX: usize = 4;

/// How long a reader may take for a piece.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where backups are made, one at a time.
#[derive(Debug)]
pub(super) struct Backups {
    path: PathBuf,
    turn: Arc<Semaphore>,
}

impl Backups {
    pub(super) fn in_folder(data: &Path) -> Self {
        Self {
            path: data.join(NAME),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

async fn backup(context: &Context, who: &str, _: &Asked) -> Answer {
    let Ok(turn) = Arc::clone(&context.backups.turn).try_acquire_owned() else {
        let text = "another backup is being made: wait until it is done";
        return Problem::new(Kind::Conflict, text).into_answer();
    };
    let (store, path) = (context.store.clone(), context.backups.path.clone());
    match tokio::task::spawn_blocking(move || copy(&store, &path)).await {
        Ok(Ok((file, length))) => {
            tracing::info!(who, bytes = length, "a backup is made");
            let (pieces, body) = mpsc::channel(WAITING_MAX);
            tokio::spawn(send(file, pieces, turn));
            answer::streamed(StatusCode::OK, MEDIA_TYPE, Pieces { body, left: length })
        }
        Ok(Err(error)) => {
            tracing::error!(%error, "no backup was made");
            let status = match error {
                StoreError::Full { .. } => StatusCode::INSUFFICIENT_STORAGE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            };
            problem::plain(status, &error.to_string())
        }
        Err(_) => problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "see the daemon's log"),
    }
}

/// The copy, of which nothing is left once it is closed, and its length.
fn copy(store: &Disk, path: &Path) -> Result<(File, u64), StoreError> {
    // Of a daemon that was killed while it made one.
    let _ = std::fs::remove_file(path);
    store.copy_to(path)?;
    let opened = || -> io::Result<(File, u64)> {
        let file = File::open(path)?;
        std::fs::remove_file(path)?;
        let length = file.metadata()?.len();
        Ok((file, length))
    };
    opened().map_err(|error| StoreError::Failed {
        path: path.display().to_string(),
        action: "read",
        reason: error.to_string(),
    })
}

/// Sends the file piece by piece. What ends early is shorter than announced, and its reader notices.
async fn send(file: File, pieces: mpsc::Sender<Bytes>, _turn: OwnedSemaphorePermit) {
    let file = Arc::new(file);
    loop {
        let source = Arc::clone(&file);
        let piece = tokio::task::spawn_blocking(move || read(&source)).await;
        let Ok(Ok(piece)) = piece else {
            tracing::error!("a backup could not be read to its end");
            return;
        };
        if piece.is_empty() {
            return;
        }
        let sent = tokio::time::timeout(PATIENCE, pieces.send(piece)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::warn!("nobody took a backup to its end");
            return;
        }
    }
}

fn read(mut file: &File) -> io::Result<Bytes> {
    let mut piece = Vec::with_capacity(PIECE);
    file.by_ref().take(PIECE as u64).read_to_end(&mut piece)?;
    Ok(piece.into())
}

/// A body whose length is known and whose pieces are on their way.
struct Pieces {
    body: mpsc::Receiver<Bytes>,
    left: u64,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        waker: &mut Waker<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.body.poll_recv(waker).map(|piece| {
            let piece = piece?;
            self.left = self.left.saturating_sub(piece.len() as u64);
            Some(Ok(Frame::data(piece)))
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_copy_comes_in_pieces_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        let path = folder.path().join(NAME);
        // What a killed daemon left.
        std::fs::write(&path, "half").unwrap();
        let (file, length) = copy(&disk, &path).unwrap();
        assert!(!path.exists());
        let turn = Arc::new(Semaphore::new(1));
        let permit = Arc::clone(&turn).try_acquire_owned().unwrap();
        let (pieces, body) = mpsc::channel(WAITING_MAX);
        let sending = tokio::spawn(send(file, pieces, permit));
        let body = Pieces { body, left: length };
        assert_eq!(body.size_hint().exact(), Some(length));
        let read = body.collect().await.unwrap().to_bytes();
        sending.await.unwrap();
        assert_eq!(read.len() as u64, length);
        assert_eq!(turn.available_permits(), 1, "the next one may begin");
        let saved = folder.path().join("saved");
        std::fs::write(&saved, &read).unwrap();
        assert_eq!(
            crate::store::count(&saved).unwrap(),
            crate::store::Counted::default()
        );
    }
}
