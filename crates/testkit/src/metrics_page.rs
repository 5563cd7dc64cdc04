//! A page of metrics in Prometheus' text form, as its users read it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// One line of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The name; of a histogram with its `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// All of a page.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct MetricsPage {
    /// What each metric is: `counter`, `gauge` or `histogram`.
    pub kinds: BTreeMap<String, String>,
    /// Every line.
    pub samples: Vec<Sample>,
}

impl MetricsPage {
    /// Reads a page.
    ///
    /// # Errors
    /// The line that can't be read.
    pub fn parse(page: &str) -> Result<Self> {
        let mut read = Self::default();
        for line in page.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').context("a TYPE without a type")?;
                read.kinds.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let sample = sample(line).with_context(|| format!("no metric: {line}"))?;
                read.samples.push(sample);
            }
        }
        Ok(read)
    }

    /// The sum over all lines of this name that have these labels. 0 where there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            sample.name == name
                && labels
                    .iter()
                    .all(|(key, value)| sample.labels.get(*key).is_some_and(|found| found == value))
        };
        self.samples.iter().filter(has).map(|sample| sample.value).sum()
    }

    /// As [`MetricsPage::sum`], of something that is counted.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of a test, far below 2^53"
    )]
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> u64 {
        self.sum(name, labels).round() as u64
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (name, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = name.split_once('{') else {
        return Some(Sample { name: name.to_owned(), labels: BTreeMap::new(), value });
    };
    let mut labels_read = BTreeMap::new();
    let mut rest = labels.strip_suffix('}')?;
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"")?;
        // No label of ours has a quotation mark or a backslash in it.
        let (text, after) = after.split_once('"')?;
        labels_read.insert(key.to_owned(), text.to_owned());
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(Sample { name: name.to_owned(), labels: labels_read, value })
}

#[cfg(test)]
mod tests {
    use super::MetricsPage;

    const PAGE: &str = "\
# HELP emberline_calls_total Calls
# TYPE emberline_calls_total counter
emberline_calls_total{worker=\"devices\",outcome=\"ok\"} 7
emberline_calls_total{worker=\"bindings\",outcome=\"ok\"} 2
emberline_calls_total{worker=\"devices\",outcome=\"permanent\"} 1

# TYPE emberline_bindings_devices gauge
emberline_bindings_devices 12.0
";

    #[test]
    fn lines_are_summed_over_the_labels_that_are_not_named() {
        let page = MetricsPage::parse(PAGE).unwrap();
        assert_eq!(page.count("emberline_calls_total", &[]), 10);
        assert_eq!(page.count("emberline_calls_total", &[("worker", "devices")]), 8);
        assert_eq!(page.count("emberline_bindings_devices", &[]), 12);
        assert_eq!(page.count("emberline_nothing", &[]), 0);
        assert_eq!(page.kinds["emberline_calls_total"], "counter");
    }

    #[test]
    fn what_is_no_metric_is_told() {
        assert!(MetricsPage::parse("emberline_calls_total").is_err());
        assert!(MetricsPage::parse("emberline_calls_total{worker} 1").is_err());
    }
}
