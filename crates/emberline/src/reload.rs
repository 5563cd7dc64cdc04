//! Settings that change while the workers run: read again on SIGHUP, and when the file has
//! changed.
//!
//! Rates, the log level and the service's credentials are taken over; of any other key that
//! changed the log says that it needs a restart. What is wrong as a whole is refused as a
//! whole: then what held before still holds.
//!
//! Absent: what Kafka's clients were made with, passwords among it. librdkafka keeps that for
//! each client; a change is told.
//!
//! Start at [`Reload::watch`]; which keys are taken over is in [`changes`].

pub mod changes;
mod file;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use emberline_pipeline::metrics::{CONFIG_RELOADS, CONFIG_RESTART_NEEDED};
use emberline_pipeline::{CredentialsSource, PipelineSettings, Rates};
use parking_lot::RwLock;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use self::changes::Changes;
use self::file::FileWatch;
use crate::cli::Common;
use crate::observe::logs::LogLevel;
use crate::settings::{self, Problems, Settings};
use crate::wiring;

/// How often the file is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What can be changed in a running process, and where it is read.
pub struct Reload {
    common: Common,
    hangup: Signal,
    level: LogLevel,
    file: FileWatch,
    /// What holds now.
    running: Arc<RwLock<Settings>>,
    rates: watch::Sender<Rates>,
    /// Whether the service is called, which needs credentials.
    calls: bool,
    /// Keys that have changed and need a restart.
    restart: BTreeSet<String>,
    kafka_files: KafkaFiles,
}

/// What the files of `kafka.properties_files` hold. Clients keep it from their start.
struct KafkaFiles {
    /// `None` where there is no such file, or they could not be read.
    at_start: Option<BTreeMap<String, String>>,
    differ: bool,
}

/// What a reload came to, as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Applied,
    Partly,
    Refused,
}

impl Outcome {
    const ALL: [Self; 3] = [Self::Applied, Self::Partly, Self::Refused];

    const fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Partly => "partly",
            Self::Refused => "refused",
        }
    }
}

impl Reload {
    /// Begins to listen for SIGHUP. The file is looked at by [`watch`](Self::watch).
    ///
    /// # Errors
    /// If the signal can't be listened to.
    pub fn new(settings: &Settings, (common, level): (Common, LogLevel)) -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            file: FileWatch::of(common.config.as_deref()),
            level,
            running: Arc::new(RwLock::new(settings.clone())),
            rates: watch::Sender::new(wiring::rates(settings)),
            calls: true,
            restart: BTreeSet::new(),
            kafka_files: KafkaFiles::of(settings),
            common,
        })
    }

    /// Lets a pipeline follow what is read again.
    pub fn lead(&mut self, pipeline: &mut PipelineSettings) {
        self.calls = pipeline.workers.iter().any(|kind| kind.calls_service());
        let running = Arc::clone(&self.running);
        let read = move || {
            // Its file is read without the lock.
            let settings = running.read().clone();
            wiring::credentials(&settings).map_err(|problems| problems.to_string())
        };
        pipeline.credentials_again = self.calls.then(|| CredentialsSource::new(read));
        pipeline.rates_again = Some(self.rates.subscribe());
    }

    /// Reads the settings again whenever there is a reason, until told to stop.
    pub async fn watch(mut self, stop: CancellationToken) {
        for outcome in Outcome::ALL {
            metrics::counter!(CONFIG_RELOADS, "outcome" => outcome.name()).increment(0);
        }
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            let asked = tokio::select! {
                () = stop.cancelled() => return,
                _ = looks.tick() => false,
                told = self.hangup.recv() => match told {
                    Some(()) => true,
                    // No runtime any more.
                    None => return,
                },
            };
            if self.file.has_changed(asked) || asked {
                let outcome = self.read_again();
                metrics::counter!(CONFIG_RELOADS, "outcome" => outcome.name()).increment(1);
            }
            self.kafka_files.look(&self.running.read());
            let needed = self.restart.len() + usize::from(self.kafka_files.differ);
            #[expect(clippy::cast_precision_loss, reason = "a count of keys")]
            metrics::gauge!(CONFIG_RESTART_NEEDED).set(needed as f64);
        }
    }

    fn read_again(&mut self) -> Outcome {
        match self.load() {
            Ok(new) => self.take_over(&new),
            Err(problems) => {
                tracing::error!("configuration refused, the settings stay as they are: {problems}");
                Outcome::Refused
            }
        }
    }

    /// The new settings, if a process could start with what is taken over of them.
    fn load(&self) -> Result<Settings, Problems> {
        let loaded = self.common.load()?;
        if self.calls {
            settings::credentials(&loaded.settings).map_err(|problems| loaded.locate(&problems))?;
        }
        Ok(loaded.settings)
    }

    fn take_over(&mut self, new: &Settings) -> Outcome {
        let Changes { live, restart } = changes::between(&self.running.read(), new);
        changes::take_over(&mut self.running.write(), new);
        let rates = wiring::rates(&self.running.read());
        self.rates.send_if_modified(|known| std::mem::replace(known, rates) != rates);
        if live.contains("log.level") {
            if self.common.log_level.is_some() {
                tracing::warn!(
                    key = "log.level",
                    "has changed, but --log-level was given and stays"
                );
            } else if let Err(error) = self.level.set(&new.log.level) {
                // Settings were checked, so this is not expected.
                tracing::error!(%error, "log level");
            }
        }
        for key in &restart {
            tracing::warn!(key, "has changed in the configuration and needs a restart");
        }
        for key in self.restart.difference(&restart) {
            tracing::info!(key, "is as it was at the start again: it needs no restart any more");
        }
        let keys = live.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        if !live.is_empty() {
            tracing::info!(
                keys,
                "configuration read again: these have changed and hold from now on"
            );
        } else if restart.is_empty() {
            tracing::info!("configuration read again: nothing has changed");
        }
        let outcome = if restart.is_empty() { Outcome::Applied } else { Outcome::Partly };
        self.restart = restart;
        outcome
    }
}

impl KafkaFiles {
    fn of(settings: &Settings) -> Self {
        let any = !settings.kafka.properties_files.is_empty();
        let at_start = any.then(|| settings::kafka_properties(settings).ok()).flatten();
        Self { at_start, differ: false }
    }

    /// Tells when they begin to differ from what they held at the start. Settings of Kafka need
    /// a restart, so the files are the same ones.
    fn look(&mut self, settings: &Settings) {
        let Some(at_start) = &self.at_start else { return };
        // Files that can't be read now are in the middle of being replaced.
        let Ok(now) = settings::kafka_properties(settings) else { return };
        let differ = now != *at_start;
        if differ == self.differ {
            return;
        }
        self.differ = differ;
        let key = "kafka.properties_files";
        if differ {
            tracing::warn!(
                key,
                "a file holds something else than at the start and needs a restart"
            );
        } else {
            tracing::info!(key, "is as it was at the start again: it needs no restart any more");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::KafkaFiles;
    use crate::settings::Settings;

    #[test]
    fn a_password_of_kafka_that_changes_in_its_file_needs_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("password");
        std::fs::write(&path, "one").unwrap();
        let mut settings = Settings::default();
        settings.kafka.properties_files.insert("sasl.password".into(), path.clone());
        let mut files = KafkaFiles::of(&settings);
        let mut differ_with = |text: Option<&str>| {
            match text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None => std::fs::remove_file(&path).unwrap(),
            }
            files.look(&settings);
            files.differ
        };
        assert!(!differ_with(Some("one\n")), "the line break is not part of it");
        assert!(differ_with(Some("two")));
        assert!(differ_with(None), "nothing new is known");
        assert!(!differ_with(Some("one")));
    }
}
