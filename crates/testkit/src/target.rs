//! Where what tests fetch and leave is kept.

use std::path::{Path, PathBuf};

/// Cargo's target directory that this program was built in.
pub(crate) fn directory() -> PathBuf {
    let built_in = std::env::current_exe().ok().and_then(|program| {
        let is_target = |dir: &&Path| dir.join("CACHEDIR.TAG").is_file();
        program.ancestors().find(is_target).map(Path::to_owned)
    });
    built_in.unwrap_or_else(|| std::env::temp_dir().join("emberline"))
}
