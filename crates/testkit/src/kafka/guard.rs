//! Processes that end with ours: also when ours is killed and can clean nothing up.
//!
//! A shell holds the read end of a pipe to us. When the pipe ends, whatever the reason,
//! it ends what it guards. (A death signal of the kernel's would be bound to the thread
//! that started the process, and test threads end early.)

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Runs `"$@"`, and the command in `$0` once standard input ends. `$GUARDED` is the process.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
GUARDED=$!
( read -r _ <&3; eval "$0" ) &
exec 3<&-
wait $GUARDED
"#;

/// A process that ends with this value, and with our process.
pub(super) struct Guarded {
    shell: Child,
}

impl Guarded {
    /// Runs a program; `end` is the shell command that ends it.
    pub(super) fn start(program: &[String], end: &str, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log).context("could not create a log file")?;
        let shell = Command::new("sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg(end)
            .args(program)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("could not start a shell")?;
        Ok(Self { shell })
    }

    /// Whether it still runs.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // It ends when what it guards has ended.
        let _ = self.shell.wait();
    }
}

/// Whether a program can be found.
pub(super) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
