//! Links and their pins.

use std::{io, path::Path};

use aya::programs::links::{FdLink, LinkError, PinnedLink};

use super::AttachError;

/// The link that is pinned there.
pub(super) fn open(pin: &Path) -> Result<Option<FdLink>, AttachError> {
    match PinnedLink::from_pin(pin) {
        Ok(link) => Ok(Some(link.into())),
        Err(LinkError::SyscallError(error)) if error.io_error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(AttachError::OpenPin {
            path: pin.to_owned(),
            source,
        }),
    }
}

/// Pins a link; its descriptor is then no longer needed.
pub(super) fn keep(link: FdLink, pin: &Path) -> Result<(), AttachError> {
    link.pin(pin).map(drop).map_err(|source| AttachError::Pin {
        path: pin.to_owned(),
        source,
    })
}

/// Pins a link where it belongs, if it was pinned elsewhere. Closing the descriptor leaves it attached.
pub(super) fn move_pin(link: FdLink, from: &Path, to: &Path) -> Result<(), AttachError> {
    if from == to {
        return Ok(());
    }
    keep(link, to)?;
    remove(from)
}

/// Removes a pin; the kernel takes the link down a moment later.
pub(super) fn remove(pin: &Path) -> Result<(), AttachError> {
    std::fs::remove_file(pin).map_err(|source| AttachError::Unpin {
        path: pin.to_owned(),
        source,
    })
}
