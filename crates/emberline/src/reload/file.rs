//! Whether a file has changed, by what is in it.
//!
//! Not by its times or its inode: a file mounted from a `ConfigMap` is a link to a link, and
//! what changes is the link in between; other editors write in place, or a new file over it.

use std::path::{Path, PathBuf};

/// A file that is looked at again and again.
#[derive(Debug)]
pub(super) struct FileWatch {
    path: Option<PathBuf>,
    /// What was acted upon.
    known: Option<Vec<u8>>,
    /// What was there at the last look.
    seen: Option<Vec<u8>>,
}

impl FileWatch {
    /// Knows the file as it is now. `None`: there is none, and it never changes.
    pub(super) fn of(path: Option<&Path>) -> Self {
        let known = path.and_then(|path| std::fs::read(path).ok());
        Self { path: path.map(Path::to_owned), seen: known.clone(), known }
    }

    /// Whether it has changed and was the same at two looks: what is half written is left for
    /// the next one, but where `at_once` is asked for. A file that is gone has changed, too.
    pub(super) fn has_changed(&mut self, at_once: bool) -> bool {
        let Some(path) = &self.path else { return false };
        let now = std::fs::read(path).ok();
        let changed = now != self.known && (at_once || now == self.seen);
        if changed {
            self.known.clone_from(&now);
        }
        self.seen = now;
        changed
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::FileWatch;

    #[test]
    fn a_change_counts_once_it_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("emberline.toml");
        fs::write(&path, "[log]").unwrap();
        let mut watch = FileWatch::of(Some(&path));
        assert!(!watch.has_changed(false));
        fs::write(&path, "[lo").unwrap();
        assert!(!watch.has_changed(false), "it may be half written");
        fs::write(&path, "[log]\nlevel = \"debug\"").unwrap();
        assert!(!watch.has_changed(false), "likewise");
        assert!(watch.has_changed(false));
        assert!(!watch.has_changed(false), "told once");
        fs::write(&path, "[log]").unwrap();
        assert!(watch.has_changed(true), "who asks wants it as it is");
        fs::remove_file(&path).unwrap();
        assert!(!watch.has_changed(false));
        assert!(watch.has_changed(false));
        assert!(!FileWatch::of(None).has_changed(true));
    }

    /// As Kubernetes does: `emberline.toml` leads to `..data/emberline.toml`, and `..data` to
    /// a directory that is another one after a change.
    #[test]
    fn a_link_that_leads_elsewhere_is_a_change() {
        let dir = tempfile::tempdir().unwrap();
        for (version, text) in [("v1", "one"), ("v2", "two")] {
            fs::create_dir(dir.path().join(version)).unwrap();
            fs::write(dir.path().join(version).join("emberline.toml"), text).unwrap();
        }
        let (data, path) = (dir.path().join("..data"), dir.path().join("emberline.toml"));
        symlink("v1", &data).unwrap();
        symlink("..data/emberline.toml", &path).unwrap();
        let mut watch = FileWatch::of(Some(&path));
        let next = dir.path().join("..data_tmp");
        symlink("v2", &next).unwrap();
        fs::rename(&next, &data).unwrap();
        assert!(!watch.has_changed(false));
        assert!(watch.has_changed(false));
    }
}
