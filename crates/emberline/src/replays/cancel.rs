//! Asking a run to stop, wherever it is.

use std::time::{Duration, Instant};

use emberline_flow::replay_lease::Holder;
use emberline_model::ReplayName;
use emberline_wire::replay::ReplayRecord;
use tokio::time::sleep_until;

use super::tenure::ended;
use super::{CancelRequest, ClaimError, End, Entry, Registry, unix_ms};

/// What became of a request to stop.
#[derive(Debug, Clone, PartialEq)]
pub enum CancelOutcome {
    /// There is no replay of that name.
    Unknown,
    /// It doesn't run.
    NotRunning(Entry),
    /// It ran, and has said how it ended: cancelled, or otherwise if it was faster.
    Ended(Entry),
    /// Nobody was alive any more who ran it: it is marked as cancelled.
    Marked(Entry),
    /// Another process took it over meanwhile: that one is not asked.
    TakenOver(Entry),
    /// It is alive, and has not stopped yet.
    Asked(Entry),
}

/// What is seen of a run that was asked.
enum Seen {
    Over(Box<CancelOutcome>),
    /// It has been silent since long enough ago.
    Dead,
    LookAgain(Instant),
}

impl Registry {
    /// Asks the run of that name to stop, and waits for its word, at most for `patience`. Who
    /// is silent for a silence is dead: the replay is then had and marked as cancelled. So the
    /// patience should be longer than the silence.
    ///
    /// # Errors
    /// Kafka gives no answer; or one that was silent came alive again.
    pub async fn cancel(
        self,
        name: &ReplayName,
        patience: Duration,
    ) -> Result<CancelOutcome, ClaimError> {
        let Some(asked) = self.find(name) else { return Ok(CancelOutcome::Unknown) };
        if !asked.status.state.is_running() {
            return Ok(CancelOutcome::NotRunning(asked));
        }
        let deadline = Instant::now() + patience;
        let (Holder(of), term) = asked.run;
        let request = CancelRequest { host: self.host.clone(), time_ms: unix_ms() };
        let CancelRequest { host, time_ms } = request.clone();
        self.write(name, ReplayRecord::Cancel { of, term, host, time_ms }).await?;
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match self.look(&asked, deadline) {
                Seen::Over(outcome) => {
                    return Ok(match *outcome {
                        // Read back or not, the request is written.
                        CancelOutcome::Asked(entry) => {
                            CancelOutcome::Asked(Entry { cancel: Some(request), ..entry })
                        }
                        outcome => outcome,
                    });
                }
                Seen::Dead => break,
                Seen::LookAgain(at) => tokio::select! {
                    _ = changed.changed() => {}
                    () = sleep_until(at.into()) => {}
                },
            }
        }
        let won = self.take(name).await?;
        let before = won.before.as_ref().map_or(&asked, |before| before);
        let status = ended(before.status.clone(), End::Cancelled, Some(&request));
        self.write_patiently(name, &won, &status).await?;
        let heard_ms = unix_ms();
        Ok(CancelOutcome::Marked(Entry { status, heard_ms, interrupted: false, ..asked }))
    }

    fn look(&self, asked: &Entry, deadline: Instant) -> Seen {
        let over = |outcome| Seen::Over(Box::new(outcome));
        let Some(entry) = self.find(&asked.name) else { return over(CancelOutcome::Unknown) };
        if !entry.status.state.is_running() {
            return over(CancelOutcome::Ended(entry));
        }
        if entry.run != asked.run {
            return over(CancelOutcome::TakenOver(entry));
        }
        let now = Instant::now();
        let last = self.shared.book.lock().last_read(&asked.name);
        match last.map(|last| last + self.timing.silence) {
            Some(dead) if now < dead && now < deadline => Seen::LookAgain(dead.min(deadline)),
            Some(dead) if now < dead => over(CancelOutcome::Asked(entry)),
            _ => Seen::Dead,
        }
    }
}
