//! Log lines on stderr: coloured for a person at a terminal, one JSON object a line for
//! a collector.

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{EnvFilter, Registry, reload};

use crate::output;
use crate::settings::{LogFormat, LogSettings};

/// Why logs could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is no level and no list of them.
    #[error(
        "{0:?} is no log level: write error, warn, info, debug or trace, or by module as in \"info,emberline_pipeline=debug\""
    )]
    Level(String),
    /// Somebody has already started them.
    #[error("logs were already started")]
    Started(#[from] TryInitError),
}

/// Reads a level: one word for all, or by module.
///
/// # Errors
/// [`LogError::Level`] if it is neither.
pub fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let invalid = || LogError::Level(level.to_owned());
    // A misspelt word would otherwise be read as the name of a module, and log nothing else.
    let words = level.split(',').map(str::trim).filter(|word| !word.contains('='));
    let known = ["error", "warn", "info", "debug", "trace", "off"];
    for word in words {
        let module = word.contains("::") || word.starts_with("emberline");
        if !module && !known.contains(&word.to_ascii_lowercase().as_str()) {
            return Err(invalid());
        }
    }
    EnvFilter::builder().parse(level).map_err(|_| invalid())
}

/// Changes what is logged while the process runs.
#[derive(Debug, Clone)]
pub struct LogLevel(reload::Handle<EnvFilter, Registry>);

impl LogLevel {
    /// Logs this from now on.
    ///
    /// # Errors
    /// [`LogError::Level`] if it is no level; then nothing changes.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        // The logs live as long as the process, so they are there to be changed.
        let _ = self.0.reload(filter(level)?);
        Ok(())
    }
}

/// Starts the process's logs.
///
/// # Errors
/// [`LogError`].
pub fn start(settings: &LogSettings) -> Result<LogLevel, LogError> {
    let (filter, level) = reload::Layer::new(filter(&settings.level)?);
    let terminal = output::stderr_is_terminal();
    let human = match settings.format {
        LogFormat::Human => true,
        LogFormat::Json => false,
        LogFormat::Auto => terminal,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    if human {
        registry.with(lines.with_ansi(terminal)).try_init()?;
    } else {
        registry.with(lines.json().flatten_event(true).with_current_span(false)).try_init()?;
    }
    Ok(LogLevel(level))
}

#[cfg(test)]
mod tests {
    use super::filter;

    #[test]
    fn a_misspelt_level_is_refused_rather_than_silencing_everything() {
        for good in
            ["info", "WARN", "info,emberline_pipeline=debug", "emberline_broker::source=trace,warn"]
        {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["inof", "verbose", "info,emberline=loud"] {
            assert!(filter(bad).is_err(), "{bad}");
        }
    }
}
