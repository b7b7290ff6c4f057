//! The Unix socket of the api: for the command line, whose caller the kernel names.

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixStream as Probe,
    },
    path::{Path, PathBuf},
    task::{Context, Poll},
};

use tokio::net::{UnixListener, UnixStream};

use super::ListenError;

/// For the daemon's user and group; who connects is looked at again.
const MODE: u32 = 0o660;

/// A Unix socket that is listened on. Its path goes away with it.
#[derive(Debug)]
pub struct LocalListener {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: another daemon's socket under the same path stays.
    identity: (u64, u64),
}

/// Listens at a path, in the place of a socket that a daemon left behind when it was killed. Makes the folder where it is
/// missing.
///
/// # Errors
/// [`ListenError`] when another daemon listens there, something else is there, or nothing can be made there.
pub fn listen_local(path: &Path) -> Result<LocalListener, ListenError> {
    let failed = |source: io::Error| ListenError::LocalFailed {
        path: path.to_owned(),
        source,
    };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => return Err(ListenError::NoSocket(path.to_owned())),
        Ok(_) if Probe::connect(path).is_ok() => return Err(ListenError::LocalInUse(path.to_owned())),
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        Ok(_) | Err(_) => {}
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    // Under another name until its mode is right.
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let begin = || -> io::Result<UnixListener> {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&new)?;
        fs::set_permissions(&new, fs::Permissions::from_mode(MODE))?;
        fs::rename(&new, path)?;
        Ok(listener)
    };
    let listener = begin().map_err(failed)?;
    let identity = identity(path).map_err(failed)?;
    Ok(LocalListener {
        listener,
        path: path.to_owned(),
        identity,
    })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}

impl LocalListener {
    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<UnixStream>> {
        self.listener.poll_accept(context).map_ok(|(stream, _)| stream)
    }
}

impl Drop for LocalListener {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|identity| identity == self.identity) {
            // One that stays is taken for what a killed daemon left.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_for_user_and_group_and_goes_with_its_listener() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeper/api.sock");
        let listener = listen_local(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        assert!(Probe::connect(&path).is_ok());
        drop(listener);
        assert!(fs::symlink_metadata(&path).is_err());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_one_that_is_served_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        // A killed daemon leaves its path.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(Probe::connect(&path).is_err());
        let listener = listen_local(&path).unwrap();
        let error = listen_local(&path).unwrap_err();
        assert!(matches!(error, ListenError::LocalInUse(_)), "{error}");
        assert!(Probe::connect(&path).is_ok(), "the second one took the path");

        // What lies there by then belongs to somebody else.
        fs::remove_file(&path).unwrap();
        let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(listener);
        assert!(Probe::connect(&path).is_ok());
        drop(other);
    }

    #[tokio::test]
    async fn what_is_no_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("api.sock");
        fs::write(&path, "precious").unwrap();
        let error = listen_local(&path).unwrap_err().to_string();
        assert!(
            error.contains("api.sock") && error.contains("api.socket"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let long = folder.path().join("x".repeat(120));
        let error = listen_local(&long).unwrap_err().to_string();
        assert!(error.contains("api.socket"), "{error}");
    }
}
