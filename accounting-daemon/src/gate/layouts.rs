//! Pins of other versions' layouts. A gate made by another version goes on enforcing until this one has taken over
//! its links; what is left of it then goes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{StartError, maps::NAMES};

/// The directories of pins below `pins`, one for each layout.
pub(super) fn all(pins: &Path) -> Result<Vec<PathBuf>, StartError> {
    let entries = match fs::read_dir(pins) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(unusable(pins)(source)),
    };
    let mut layouts = Vec::new();
    for entry in entries {
        let path = entry.map_err(unusable(pins))?.path();
        let version = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix('v')?.parse::<u32>().ok());
        if version.is_some() {
            layouts.push(path);
        }
    }
    layouts.sort();
    Ok(layouts)
}

/// Whether a link of any of the layouts holds programs at an interface.
pub(super) fn enforced(layouts: &[PathBuf]) -> Result<bool, StartError> {
    for directory in layouts {
        if list(directory)?.iter().any(|pin| !is_map(pin)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes every pin of a layout, links before the maps they use, and says which.
pub(super) fn remove(directory: &Path) -> Result<Vec<PathBuf>, StartError> {
    let mut pins = list(directory)?;
    pins.sort_by_key(|pin| is_map(pin));
    for pin in &pins {
        fs::remove_file(pin).map_err(unusable(pin))?;
    }
    fs::remove_dir(directory).map_err(unusable(directory))?;
    Ok(pins)
}

/// Removes the maps of layouts that no link uses any more, all but those in `current`.
pub(super) fn retire(pins: &Path, current: &Path) -> Result<(), StartError> {
    for directory in all(pins)? {
        if directory != current && list(&directory)?.iter().all(|pin| is_map(pin)) {
            remove(&directory)?;
            tracing::warn!(
                directory = %directory.display(),
                "replaced a gate of another layout; its counts since the last booking are lost"
            );
        }
    }
    Ok(())
}

fn list(directory: &Path) -> Result<Vec<PathBuf>, StartError> {
    let entries = fs::read_dir(directory).map_err(unusable(directory))?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(unusable(directory)))
        .collect()
}

/// Links are pinned as interface and hook, so what has no hyphen is a map, be it of a version to come.
fn is_map(pin: &Path) -> bool {
    let name = pin.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    NAMES.contains(&name) || !name.contains('-')
}

fn unusable(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Pins {
        path: path.to_owned(),
        source,
    }
}
