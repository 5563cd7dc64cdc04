//! The recorder behind `/metrics`.
//!
//! What is measured is declared where it happens; here is only how it is kept.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;
use tokio_util::sync::CancellationToken;

/// Bounds of histograms named `…call_seconds`: a fast answer to the longest timeout in use.
const CALL_SECONDS: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Bounds of histograms named `…end_to_end_seconds`: from a linger of nothing to a record
/// that waited for its binding until its maximum age.
const END_TO_END_SECONDS: [f64; 15] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0, 86_400.0,
    604_800.0,
];

/// Bounds of histograms named `…restore_seconds`: from a partition without bindings to all of them
/// read by one replica.
const RESTORE_SECONDS: [f64; 11] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];

/// A gauge that is not set for so long is of something that is no longer there.
const GONE_AFTER: Duration = Duration::from_mins(1);

/// How often the recorder tidies up.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Installs the process's recorder.
///
/// # Errors
/// [`BuildError`] if there is one already.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    builder()?.install_recorder()
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let suffix = |name: &str| Matcher::Suffix(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("call_seconds"), &CALL_SECONDS)?
        .set_buckets_for_metric(suffix("restore_seconds"), &RESTORE_SECONDS)?
        .set_buckets_for_metric(suffix("end_to_end_seconds"), &END_TO_END_SECONDS)
        // Gauges are set every second; those of partitions that have gone are not.
        .map(|builder| builder.idle_timeout(MetricKindMask::GAUGE, Some(GONE_AFTER)))
}

/// Tidies the recorder up until told to stop. Without it histograms grow for as long as
/// nobody scrapes (metrics-rs issue 467).
pub async fn upkeep(handle: PrometheusHandle, stop: CancellationToken) {
    let mut every = tokio::time::interval(UPKEEP_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = every.tick() => handle.run_upkeep(),
        }
    }
}

#[cfg(test)]
mod tests {
    use metrics::{histogram, with_local_recorder};

    use super::builder;

    #[test]
    fn times_are_kept_in_buckets_that_suit_them() {
        let recorder = builder().unwrap().build_recorder();
        with_local_recorder(&recorder, || {
            histogram!("emberline_call_seconds").record(0.02);
            histogram!("emberline_end_to_end_seconds").record(4000.0);
            histogram!("emberline_bindings_restore_seconds").record(20.0);
        });
        let page = recorder.handle().render();
        assert!(page.contains("emberline_call_seconds_bucket{le=\"0.025\"} 1"), "{page}");
        assert!(page.contains("emberline_bindings_restore_seconds_bucket{le=\"30\"} 1"), "{page}");
        assert!(page.contains("emberline_end_to_end_seconds_bucket{le=\"86400\"} 1"), "{page}");
        assert!(page.contains("emberline_end_to_end_seconds_bucket{le=\"3600\"} 0"), "{page}");
    }
}
