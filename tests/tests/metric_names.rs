//! Metric names are a promise: dashboards and alert rules are written against them.

use std::collections::BTreeSet;

use emberline_pipeline::metrics::{ALL, Kind};
use emberline_tests::{metrics_fixture, metrics_line};

#[test]
fn the_metrics_are_those_of_the_fixture() {
    let declared: BTreeSet<String> = ALL
        .iter()
        .map(|metric| {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            metrics_line(metric.name, kind, metric.labels.iter().copied())
        })
        .collect();
    assert_eq!(declared, metrics_fixture(), "left: declared, right: fixtures/metrics.txt");
}

#[test]
fn a_counter_ends_in_total_and_a_time_in_seconds() {
    for metric in ALL {
        assert!(metric.name.starts_with("emberline_"), "{}", metric.name);
        assert_eq!(
            metric.kind == Kind::Counter,
            metric.name.ends_with("_total"),
            "{}",
            metric.name
        );
        // Histograms are of times; a gauge may be one, too.
        let histogram = metric.kind == Kind::Histogram;
        assert!(!histogram || metric.name.ends_with("_seconds"), "{}", metric.name);
        assert!(metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
    }
}
