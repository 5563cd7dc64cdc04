//! Results on stdout: the only place that writes there.
//!
//! A reader that went away (`emberline … | head`) is no failure.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};
use std::ops::ControlFlow;

use serde::Serialize;

/// Writes a text as it is.
///
/// # Errors
/// If stdout cannot be written, other than because its reader is gone.
pub fn text(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    read_on(written).map(|_| ())
}

/// Writes what may be much, a piece at a time.
///
/// # Errors
/// As [`text`], and what the writing itself fails with.
pub fn pieces(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut stdout = BufWriter::new(io::stdout().lock());
    // What is left in the buffer of a reader that is gone, its end drops.
    let written = write(&mut stdout).and_then(|()| stdout.flush());
    read_on(written).map(|_| ())
}

/// Writes a line.
///
/// # Errors
/// As [`text`].
pub fn line(line: &str) -> io::Result<()> {
    text(&format!("{line}\n"))
}

/// Writes a value as one line of JSON.
///
/// # Errors
/// As [`text`], or if the value has no JSON form.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string(value)?)
}

/// Writes a value as indented JSON.
///
/// # Errors
/// As [`json`].
pub fn pretty_json(value: &impl Serialize) -> io::Result<()> {
    line(&serde_json::to_string_pretty(value)?)
}

/// Lines without number, written when a buffer of them is full.
pub struct Lines<W: Write> {
    out: BufWriter<W>,
}

impl Lines<StdoutLock<'static>> {
    /// Lines on stdout.
    pub fn on_stdout() -> Self {
        Self::to(io::stdout().lock())
    }
}

impl<W: Write> Lines<W> {
    /// Lines to somewhere else: a file.
    pub fn to(out: W) -> Self {
        Self { out: BufWriter::new(out) }
    }

    /// Writes a line; break: its reader went away, and nobody wants more.
    ///
    /// # Errors
    /// If it cannot be written, other than because its reader is gone.
    pub fn line(&mut self, line: &str) -> io::Result<ControlFlow<()>> {
        let out = &mut self.out;
        read_on(out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")))
    }

    /// Writes what is in the buffer, for who watches; break: nobody does any more.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn flush(&mut self) -> io::Result<ControlFlow<()>> {
        read_on(self.out.flush())
    }

    /// Writes what is left in the buffer. It is lost without.
    ///
    /// # Errors
    /// As [`line`](Self::line).
    pub fn end(mut self) -> io::Result<()> {
        read_on(self.out.flush()).map(|_| ())
    }
}

/// Whether more is wanted: a reader that is gone is no failure.
fn read_on(written: io::Result<()>) -> io::Result<ControlFlow<()>> {
    match written {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ControlFlow::Break(())),
        Err(error) => Err(error),
    }
}

/// Writes a message for a person to stderr; a failure to do so has no one to be told to.
pub fn notice(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// Asks a person on stderr; the answer is read from stdin.
pub fn ask(question: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question}").and_then(|()| stderr.flush());
}

/// A number with its thousands set apart.
pub fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// Whether a person sees stderr at once: progress is drawn there, logs are coloured.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}
