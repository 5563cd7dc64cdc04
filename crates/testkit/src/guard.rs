//! Processes that end with ours: also when ours is killed and can clean nothing up.
//!
//! A shell holds the read end of a pipe to us. When the pipe ends, whatever the reason,
//! it ends what it guards. (A death signal of the kernel's would be bound to the thread
//! that started the process, and test threads end early.)

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// Runs `"$@"`, the process `$GUARDED`, and does what lines on standard input say: `TERM` asks
/// it to end in good order, `END` ends it with the command in `$0`, `GONE` leaves it, since
/// it has ended. The end of standard input ends it too, and runs `$CLEAN_UP` after it.
const SCRIPT: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
GUARDED=$!
(
    while read -r WORD <&3; do
        case $WORD in
            TERM) kill -TERM $GUARDED ;;
            END) eval "$0"; exit ;;
            GONE) exit ;;
        esac
    done
    eval "$0"
    while kill -0 $GUARDED 2>/dev/null; do sleep 0.1; done
    eval "$CLEAN_UP"
) &
exec 3<&-
wait $GUARDED
"#;

/// A process that ends with this value, and with our process.
pub(crate) struct Guarded {
    shell: Child,
}

impl Guarded {
    /// Runs a program. `end` is the shell command that ends it; `clean_up` the one that
    /// removes what it leaves, which also runs when our process has gone.
    pub(crate) fn start(program: &[String], end: &str, clean_up: &str, log: &Path) -> Result<Self> {
        let log = std::fs::File::create(log).context("could not create a log file")?;
        let shell = Command::new("sh")
            .arg("-c")
            .arg(SCRIPT)
            .arg(end)
            .args(program)
            .env("CLEAN_UP", clean_up)
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("could not start a shell")?;
        Ok(Self { shell })
    }

    /// Whether it still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }

    /// Asks it to end in good order. It is over when it [runs](Self::is_running) no more;
    /// then [`Guarded::end`] leaves what it wrote.
    pub(crate) fn ask_to_end(&mut self) -> Result<()> {
        self.tell("TERM")
    }

    /// Ends it, if it still runs, and leaves what it wrote.
    pub(crate) fn end(mut self) -> Result<()> {
        // Another process may have the number of one that has ended.
        let word = if self.is_running() { "END" } else { "GONE" };
        self.tell(word)
    }

    fn tell(&mut self, word: &str) -> Result<()> {
        let stdin = self.shell.stdin.as_mut().context("the shell has no standard input")?;
        writeln!(stdin, "{word}").context("could not tell the shell to end a process")
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
pub(crate) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}
