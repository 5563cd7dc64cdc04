//! What tests need from elsewhere: fetched or made once, and kept in the target directory.
//!
//! Everything blocks.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Lets `make` put a file or directory there, where it isn't there yet. It is given an empty
/// directory to work in, and says where in it the result is.
///
/// # Errors
/// It can't be made, or not be put in its place.
pub(crate) fn once(place: &Path, make: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<()> {
    let home = place.parent().context("a place has a directory")?;
    let _lock = locked(home)?;
    if place.exists() {
        return Ok(());
    }
    let work = tempfile::tempdir_in(home)?;
    let made = make(work.path())?;
    // What is there under its name is whole: it is moved there in one step.
    fs::rename(made, place).with_context(|| format!("could not put {} there", place.display()))
}

/// A directory's lock, until it is dropped: other test processes may want the same.
///
/// # Errors
/// The directory can't be made or locked.
pub(crate) fn locked(home: &Path) -> Result<File> {
    fs::create_dir_all(home)?;
    let lock = File::create(home.join("lock"))?;
    lock.lock().with_context(|| format!("could not lock {}", home.display()))?;
    Ok(lock)
}
