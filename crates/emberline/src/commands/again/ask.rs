//! Whether a plan is to be carried out: the person before the terminal says so, or `--yes`.

use std::io::{BufRead, IsTerminal};

use anyhow::Context;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::Job;
use crate::app::UsageError;
use crate::output;

/// Whether somebody can be asked, or need not be.
///
/// # Errors
/// Neither.
pub(super) fn somebody_is_there(job: &Job) -> Result<(), UsageError> {
    if job.options.yes || (std::io::stdin().is_terminal() && output::stderr_is_terminal()) {
        return Ok(());
    }
    let text = "nobody is there to be asked: --yes sends without asking, --dry-run only plans";
    Err(UsageError(text.to_owned()))
}

/// Whether the plan that was shown is to be carried out. A signal says no.
///
/// # Errors
/// The answer can't be read.
pub(super) async fn agreed(job: &Job, stop: &CancellationToken) -> anyhow::Result<bool> {
    if job.options.yes {
        return Ok(true);
    }
    output::ask("Send this? [y/N] ");
    let answer = answer(std::io::BufReader::new(std::io::stdin()), stop);
    Ok(answer.await?.is_some_and(|it| matches!(it.trim().to_lowercase().as_str(), "y" | "yes")))
}

/// A line; `None` if there is a signal first.
async fn answer(
    mut from: impl BufRead + Send + 'static,
    stop: &CancellationToken,
) -> anyhow::Result<Option<String>> {
    let (tell, told) = oneshot::channel();
    // Not one of the runtime's own threads: it would wait for that one's answer at its end.
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = tell.send(from.read_line(&mut line).map(|_| line));
    });
    tokio::select! {
        line = told => {
            let line = line.context("nobody reads the answer")?;
            Ok(Some(line.context("the answer cannot be read")?))
        }
        () = stop.cancelled() => {
            // The question stands on a line without an end.
            output::notice("");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use tokio_util::sync::CancellationToken;

    use super::answer;

    #[tokio::test]
    async fn a_signal_ends_the_wait_for_an_answer() {
        let stop = CancellationToken::new();
        // Nothing is ever written to it.
        let (reader, _writer) = std::io::pipe().unwrap();
        stop.cancel();
        assert_eq!(answer(BufReader::new(reader), &stop).await.unwrap(), None);
        let said = answer(&b"yes\nmore"[..], &CancellationToken::new()).await.unwrap();
        assert_eq!(said.as_deref(), Some("yes\n"));
    }
}
