//! One run of a named replay: its signs of life, what may interrupt it, and its end.

use std::sync::Arc;
use std::time::Instant;

use emberline_flow::replay_lease::{Holder, Next};
use emberline_model::ReplayName;
use emberline_wire::replay::{ReplayRecord, ReplayState, ReplayStatus};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::registry::{Registry, Won};
use super::{CancelRequest, Entry, RegistryError, unix_ms};

/// A replay that this process runs. While this is there, a task writes a word at each
/// heartbeat with the newest status; it needs the runtime on which the replay was claimed to
/// get its turn far more often than the silence. Dropped without [`Tenure::end`], the replay
/// counts as interrupted after a silence.
///
/// A Kafka that is away does not end it: nobody else can have it then either.
pub struct Tenure {
    registry: Arc<Registry>,
    name: ReplayName,
    won: Won,
    status: Arc<Mutex<ReplayStatus>>,
    /// One task; it ends with this.
    beats: JoinSet<()>,
}

/// Why a run must not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interruption {
    /// Someone asked it to stop: end it as [`End::Cancelled`].
    Cancelled(CancelRequest),
    /// This process was silent for too long, and another runs the replay now: stop at once,
    /// and commit nothing more.
    TakenOver {
        /// The other's machine.
        host: String,
    },
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All was sent that was meant.
    Done,
    /// It could not go on, for this reason.
    Failed(String),
    /// It was asked to stop.
    Cancelled,
    /// A signal stopped it: it goes on when it is begun again.
    Stopped,
}

impl Tenure {
    /// Its first word is written.
    pub(super) fn begin(
        registry: Arc<Registry>,
        name: ReplayName,
        won: Won,
        status: ReplayStatus,
    ) -> Self {
        let status = Arc::new(Mutex::new(status));
        let mut beats = JoinSet::new();
        beats.spawn(beat(Arc::clone(&registry), name.clone(), won.run, Arc::clone(&status)));
        Self { registry, name, won, status, beats }
    }

    /// Its name.
    pub fn name(&self) -> &ReplayName {
        &self.name
    }

    /// How the replay stood when this run began; `None`: it is the first.
    pub fn before(&self) -> Option<&Entry> {
        self.won.before.as_ref()
    }

    /// Others that run now and have said so before this run did. Of two that look after their
    /// first words one sees the other, and not both.
    ///
    /// # Errors
    /// Kafka gives no answer.
    pub async fn began_before(&self) -> Result<Vec<Entry>, RegistryError> {
        self.registry.read_on().await?;
        let all = self.registry.list();
        let own = all.iter().find(|it| it.name == self.name).map_or(i64::MAX, |it| it.since);
        let before = |it: &Entry| it.name != self.name && it.is_going_on() && it.since < own;
        Ok(all.into_iter().filter(before).collect())
    }

    /// Changes the status; the next word tells it.
    pub fn update(&self, change: impl FnOnce(&mut ReplayStatus)) {
        change(&mut self.status.lock());
    }

    /// The status as it is now.
    pub fn status(&self) -> ReplayStatus {
        self.status.lock().clone()
    }

    /// Waits until the run must not go on. May be dropped and asked again.
    pub async fn interrupted(&self) -> Interruption {
        let mut changed = self.registry.shared.changed.subscribe();
        loop {
            if let Some(why) = interruption(&self.registry, &self.name, self.won.run) {
                return why;
            }
            if changed.changed().await.is_err() {
                // The registry has the sender.
                std::future::pending::<()>().await;
            }
        }
    }

    /// Writes the last word, and waits until the brokers have it. Returned is the last status.
    ///
    /// # Errors
    /// It isn't acknowledged: then the replay counts as interrupted after a silence. Or another
    /// process runs it now, and nothing was written.
    pub async fn end(mut self, end: End) -> Result<ReplayStatus, RegistryError> {
        self.beats.shutdown().await;
        // Another one's claim may be there and not read yet.
        self.registry.read_on().await?;
        let request = match interruption(&self.registry, &self.name, self.won.run) {
            Some(Interruption::TakenOver { host }) => {
                return Err(RegistryError::TakenOver { name: self.name, host });
            }
            Some(Interruption::Cancelled(request)) => Some(request),
            None => None,
        };
        let status = ended(self.status(), end, request.as_ref());
        self.registry.write_patiently(&self.name, &self.won, &status).await?;
        Ok(status)
    }
}

/// The last status.
pub(super) fn ended(
    mut status: ReplayStatus,
    end: End,
    request: Option<&CancelRequest>,
) -> ReplayStatus {
    (status.state, status.reason) = match end {
        End::Done => (ReplayState::Done, String::new()),
        End::Failed(reason) => (ReplayState::Failed, reason),
        End::Cancelled => {
            let by = |request: &CancelRequest| format!("asked to stop on {}", request.host);
            (ReplayState::Cancelled, request.map(by).unwrap_or_default())
        }
        End::Stopped => (ReplayState::Stopped, String::new()),
    };
    status.ended_ms = Some(unix_ms());
    status
}

async fn beat(
    registry: Arc<Registry>,
    name: ReplayName,
    run: (Holder, i64),
    status: Arc<Mutex<ReplayStatus>>,
) {
    let mut ticks = interval(registry.timing.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first one comes at once, and the first word is there.
    ticks.tick().await;
    let mut spoke = Instant::now();
    loop {
        ticks.tick().await;
        // Who stood still may have been taken for dead: it listens before it speaks again, so
        // that its word does not compact the other's away.
        if spoke.elapsed() >= registry.timing.silence
            && let Err(error) = registry.read_on().await
        {
            tracing::warn!(%error, %name, "whether a replay was taken over is not known");
            continue;
        }
        let why = interruption(&registry, &name, run);
        if matches!(why, Some(Interruption::TakenOver { .. })) {
            return;
        }
        let status = status.lock().clone();
        let word = ReplayRecord::word(run.0.0, run.1, status);
        match registry.write(&name, word).await {
            Ok(()) => spoke = Instant::now(),
            Err(error) => {
                tracing::warn!(%error, %name, "a replay could not say that it is alive");
            }
        }
    }
}

fn interruption(
    registry: &Registry,
    name: &ReplayName,
    run: (Holder, i64),
) -> Option<Interruption> {
    let mut book = registry.shared.book.lock();
    if book.next(Instant::now()) == Some(Next::TakenOver) {
        return Some(Interruption::TakenOver { host: book.claimed_on(name) });
    }
    book.cancel_of(name, run).map(Interruption::Cancelled)
}
