//! What had to arrive beside what did arrive, report by report.
//!
//! The sandbox's own counters are looked at last: what counts are the lists.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use emberline_fleet::Expectation;
use emberline_sandbox::{AcceptedReport, Ledger, Totals};

/// Most findings of a kind that are told one by one.
const MOST_TOLD: usize = 10;

/// How a delivery ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verdict {
    /// Reports that had to arrive.
    pub expected: u64,
    /// Expected and not there.
    pub missing: Vec<String>,
    /// There more often than once.
    pub twice: Vec<String>,
    /// There and not expected.
    pub unexpected: Vec<String>,
    /// Device and category whose reports came in another order than they were told in.
    pub out_of_order: Vec<String>,
    /// Devices whose last state is another one than they told last.
    pub wrong_states: Vec<String>,
    /// The sandbox's own sums.
    pub totals: Totals,
}

/// A report's time and values, in thousandths so that they compare exactly.
type Fact = (i64, Vec<i64>);

/// Compares what had to arrive with what the sandbox accepted.
pub fn judge(expectation: &Expectation, ledger: &Ledger) -> Verdict {
    let mut verdict = Verdict { totals: ledger.totals(), ..Verdict::default() };
    let mut devices: BTreeMap<String, BTreeMap<u16, Vec<Fact>>> = BTreeMap::new();
    for story in expectation.stories() {
        let facts = story.reports.iter().map(|report| {
            let values = report.measurement.readings();
            let values = values.map(|reading| thousandths(reading.value.to_f64())).collect();
            (report.time.seconds(), values)
        });
        let of_device = devices.entry(story.device.to_string()).or_default();
        of_device.insert(story.category.code(), facts.collect());
    }
    let mut seen = 0;
    for (device, categories) in &devices {
        let accepted = ledger.reports_of(device);
        seen += accepted.len() as u64;
        let mut by_category: BTreeMap<u16, Vec<Fact>> = BTreeMap::new();
        for report in &accepted {
            by_category.entry(report.category).or_default().push(fact(report));
        }
        for (category, expected) in categories {
            let arrived = by_category.remove(category).unwrap_or_default();
            verdict.compare(&format!("{device} {category}"), expected, &arrived);
        }
        let others = by_category.keys().map(|category| format!("{device} {category}"));
        verdict.unexpected.extend(others);
    }
    if seen < verdict.totals.reports_accepted {
        let others = verdict.totals.reports_accepted - seen;
        verdict.unexpected.push(format!("{others} reports of devices that had none to send"));
    }
    for state in expectation.final_states() {
        let device = state.device.to_string();
        let last = ledger.states_of(&device).last().copied();
        if last != Some(state.status.code()) {
            verdict.wrong_states.push(format!("{device}: {last:?}, not {:?}", state.status));
        }
    }
    verdict
}

fn fact(report: &AcceptedReport) -> Fact {
    (report.report_time, report.values.iter().copied().map(thousandths).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "the model's values are below 10^5")]
fn thousandths(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}

impl Verdict {
    /// Compares one device's reports of one category.
    fn compare(&mut self, whose: &str, expected: &[Fact], arrived: &[Fact]) {
        self.expected += expected.len() as u64;
        let mut times: BTreeMap<&Fact, usize> = BTreeMap::new();
        let mut first_arrivals = Vec::with_capacity(arrived.len());
        for fact in arrived {
            let times = times.entry(fact).or_default();
            *times += 1;
            if *times == 1 {
                first_arrivals.push(fact);
            } else {
                self.twice.push(format!("{whose} {fact:?}"));
            }
        }
        for fact in expected {
            if times.remove(fact).is_none() {
                self.missing.push(format!("{whose} {fact:?}"));
            }
        }
        let unexpected: Vec<&Fact> = times.into_keys().collect();
        first_arrivals.retain(|fact| !unexpected.contains(fact));
        self.unexpected.extend(unexpected.iter().map(|fact| format!("{whose} {fact:?}")));
        let mut in_order = expected.iter();
        if !first_arrivals.iter().all(|fact| in_order.any(|expected| expected == *fact)) {
            self.out_of_order.push(whose.to_owned());
        }
    }

    /// Each report is there once and in order, nothing else is, and every device's last
    /// state is right.
    ///
    /// # Errors
    /// What is not so.
    pub fn is_exactly_once_in_order(&self) -> Result<()> {
        self.is_at_least_once_in_order()?;
        ensure!(self.twice.is_empty(), "sent twice: {}", told(&self.twice));
        let Totals { distinct_reports, sent_twice, order_inversions, .. } = self.totals;
        ensure!(
            (distinct_reports, sent_twice, order_inversions) == (self.expected, 0, 0),
            "the sandbox counts otherwise: {:?}",
            self.totals
        );
        Ok(())
    }

    /// Each report is there, its first arrivals in order, and nothing else is; some may have
    /// come twice.
    ///
    /// # Errors
    /// What is not so.
    pub fn is_at_least_once_in_order(&self) -> Result<()> {
        self.is_at_least_once()?;
        ensure!(self.out_of_order.is_empty(), "out of order: {}", told(&self.out_of_order));
        Ok(())
    }

    /// Each report is there, nothing else is, and no two calls for the same device and
    /// category were ever under way at once.
    ///
    /// # Errors
    /// What is not so.
    pub fn is_at_least_once(&self) -> Result<()> {
        ensure!(self.expected > 0, "nothing was expected: the test proves nothing");
        ensure!(self.missing.is_empty(), "missing: {}", told(&self.missing));
        ensure!(self.unexpected.is_empty(), "not expected: {}", told(&self.unexpected));
        ensure!(self.wrong_states.is_empty(), "wrong states: {}", told(&self.wrong_states));
        let overlapping = self.totals.overlapping_calls;
        ensure!(overlapping == 0, "{overlapping} calls overlapped another of their lane");
        Ok(())
    }
}

fn told(findings: &[String]) -> String {
    let shown = findings[..findings.len().min(MOST_TOLD)].join("; ");
    format!("{} in all, such as {shown}", findings.len())
}

#[cfg(test)]
mod tests {
    use super::{Fact, Verdict};

    fn facts(times: &[i64]) -> Vec<Fact> {
        times.iter().map(|time| (*time, vec![1])).collect()
    }

    fn compared(expected: &[i64], arrived: &[i64]) -> Verdict {
        let mut verdict = Verdict::default();
        verdict.compare("P/a 400", &facts(expected), &facts(arrived));
        verdict
    }

    #[test]
    fn a_repeat_of_something_older_is_no_disorder() {
        let verdict = compared(&[1, 2, 3], &[1, 2, 1, 2, 3]);
        assert_eq!(verdict.twice.len(), 2);
        verdict.is_at_least_once_in_order().unwrap();
        assert!(verdict.is_exactly_once_in_order().is_err());
    }

    #[test]
    fn what_is_missing_too_much_or_in_another_order_is_found() {
        assert_eq!(compared(&[1, 2, 3], &[1, 3]).missing.len(), 1);
        assert_eq!(compared(&[1, 2], &[1, 5, 2]).unexpected.len(), 1);
        assert_eq!(compared(&[1, 2], &[1, 5, 2]).out_of_order.len(), 0);
        assert_eq!(compared(&[1, 2, 3], &[1, 3, 2]).out_of_order.len(), 1);
        assert!(compared(&[], &[]).is_at_least_once().is_err());
    }
}
