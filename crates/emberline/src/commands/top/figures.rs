//! Two looks become what is shown. Nothing here asks anybody, or knows the time.

use std::collections::BTreeMap;

use emberline_pipeline::metrics;
use jiff::Timestamp;

use super::look::{Look, Seen, Told};
use super::page::Page;

/// All that is shown.
#[derive(Debug, Clone)]
pub(super) struct Figures {
    pub(super) time: Timestamp,
    /// Seconds that rates are of; `None` at the first look.
    pub(super) seconds: Option<f64>,
    pub(super) processes: Vec<Process>,
    pub(super) lag: Vec<Place>,
    pub(super) outcomes: Vec<Ended>,
    pub(super) calls: Vec<Calls>,
    pub(super) failures: Told,
}

/// A process.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) address: String,
    /// Or why it was not reached.
    pub(super) workers: Result<Vec<Worker>, String>,
    pub(super) waits_for: String,
    /// Calls a second that it may make; `None` for no limit.
    pub(super) limit: Option<f64>,
    /// Of the group's rate, 0 to 1.
    pub(super) share: f64,
}

/// A worker of a process.
#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) name: String,
    /// Records read, items settled, calls and failed calls, a second.
    pub(super) rates: Option<[f64; 4]>,
    pub(super) items_in_flight: f64,
    pub(super) calls_in_flight: f64,
    pub(super) lag: f64,
    /// Half and 99 of 100 reports were accepted within so many seconds of their record.
    pub(super) late: [Option<f64>; 2],
    pub(super) circuit: Circuit,
}

/// What holds a worker's calls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Circuit {
    Closed,
    Throttled,
    Open,
    Halted,
}

/// A partition that a worker owns.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) worker: String,
    pub(super) partition: String,
    pub(super) lag: f64,
    pub(super) frontier: f64,
    /// Offsets that the frontier went forward a second.
    pub(super) progress: Option<f64>,
    pub(super) owner: String,
}

/// Items that ended in one way.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) outcome: String,
    pub(super) reason: String,
    pub(super) rate: Option<f64>,
    pub(super) total: f64,
}

/// Calls of one action.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    pub(super) action: String,
    pub(super) rate: Option<f64>,
    /// By class, a second, where there are any.
    pub(super) failed: Vec<(String, f64)>,
    /// Half and 99 of 100 were answered within so many seconds.
    pub(super) answered: [Option<f64>; 2],
    pub(super) total: f64,
}

/// A process now, and as it was before.
struct Pair<'a> {
    address: &'a str,
    now: &'a Page,
    before: Option<&'a Page>,
    /// Since then.
    seconds: f64,
}

impl Figures {
    /// What a look shows, where there was one before.
    pub(super) fn of(before: Option<&Look>, now: &Look) -> Self {
        let seconds =
            before.map(|before| now.at.saturating_duration_since(before.at).as_secs_f64());
        let seconds = seconds.filter(|seconds| *seconds > 0.0);
        let pairs: Vec<Pair<'_>> =
            now.processes.iter().filter_map(|seen| Pair::of(seen, before, seconds)).collect();
        let process = |seen: &Seen| {
            let pair = pairs.iter().find(|pair| pair.address == seen.address);
            let workers = match (&seen.page, pair) {
                (Err(why), _) => Err(why.clone()),
                (Ok(_), pair) => Ok(pair.map(Pair::workers).unwrap_or_default()),
            };
            let limit = pair.and_then(|pair| pair.highest(metrics::RATE_LIMIT));
            let share = pair.and_then(|pair| pair.highest(metrics::RATE_SHARE));
            Process {
                address: seen.address.clone(),
                workers,
                waits_for: seen.waits_for.clone(),
                limit: limit.filter(|limit| *limit > 0.0),
                share: share.unwrap_or(0.0),
            }
        };
        let mut lag: Vec<Place> = pairs.iter().flat_map(Pair::lag).collect();
        lag.sort_by(|a, b| b.lag.total_cmp(&a.lag).then_with(|| a.partition.cmp(&b.partition)));
        Self {
            time: now.time,
            seconds,
            processes: now.processes.iter().map(process).collect(),
            lag,
            outcomes: outcomes(&pairs),
            calls: calls(&pairs),
            failures: now.failures.clone(),
        }
    }
}

impl<'a> Pair<'a> {
    fn of(now: &'a Seen, before: Option<&'a Look>, seconds: Option<f64>) -> Option<Self> {
        let was = before.into_iter().flat_map(|before| &before.processes);
        let mut was = was.filter(|seen| seen.address == now.address);
        let before = was.find_map(|seen| seen.page.as_ref().ok());
        Some(Self {
            address: &now.address,
            now: now.page.as_ref().ok()?,
            before: before.filter(|_| seconds.is_some()),
            seconds: seconds.unwrap_or(1.0),
        })
    }

    /// A second; `None` where it was not seen before.
    fn rate(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        Some(self.now.growth(self.before?, name, labels) / self.seconds)
    }

    fn quantiles(&self, name: &str, labels: &[(&str, &str)]) -> [Option<f64>; 2] {
        [0.5, 0.99].map(|quantile| self.now.quantile(self.before?, (name, quantile), labels))
    }

    fn highest(&self, name: &str) -> Option<f64> {
        self.now.of(name).map(|(_, value)| value).reduce(f64::max)
    }

    fn workers(&self) -> Vec<Worker> {
        let named = self.now.of(metrics::RECORDS_READ);
        named.map(|(series, _)| self.worker(series.label("worker"))).collect()
    }

    fn worker(&self, name: &str) -> Worker {
        let of = [("worker", name)];
        let now = |metric| self.now.sum(metric, &of).unwrap_or(0.0);
        let rates = self.before.map(|before| {
            let all = self.now.growth(before, metrics::CALLS, &of);
            let ok =
                self.now.growth(before, metrics::CALLS, &[("worker", name), ("outcome", "ok")]);
            let read = self.now.growth(before, metrics::RECORDS_READ, &of);
            let settled = self.now.growth(before, metrics::OUTCOMES, &of);
            [read, settled, all, all - ok].map(|grew| grew / self.seconds)
        });
        let held_by = |cause| {
            let labels = [("worker", name), ("cause", cause)];
            self.now.sum(metrics::CIRCUIT_OPEN, &labels).is_some_and(|open| open > 0.0)
        };
        let circuit = match () {
            () if held_by("credentials") => Circuit::Halted,
            () if held_by("transport") => Circuit::Open,
            () if held_by("throttled") => Circuit::Throttled,
            () => Circuit::Closed,
        };
        Worker {
            name: name.to_owned(),
            rates,
            items_in_flight: now(metrics::ITEMS_IN_FLIGHT),
            calls_in_flight: now(metrics::CALLS_IN_FLIGHT),
            lag: now(metrics::PARTITION_LAG),
            late: self.quantiles(metrics::END_TO_END_SECONDS, &of),
            circuit,
        }
    }

    fn lag(&self) -> Vec<Place> {
        let partition = |(series, lag): (&super::page::Series, f64)| {
            let [worker, topic, partition] =
                ["worker", "topic", "partition"].map(|label| series.label(label));
            let of = [("worker", worker), ("topic", topic), ("partition", partition)];
            let frontier = self.now.sum(metrics::PARTITION_FRONTIER, &of).unwrap_or(0.0);
            // Who did not own it before has not brought it forward.
            let before =
                self.before.and_then(|before| before.sum(metrics::PARTITION_FRONTIER, &of));
            Place {
                worker: worker.to_owned(),
                partition: format!("{topic}/{partition}"),
                lag,
                frontier,
                progress: before.map(|before| (frontier - before).max(0.0) / self.seconds),
                owner: self.address.to_owned(),
            }
        };
        self.now.of(metrics::PARTITION_LAG).map(partition).collect()
    }
}

/// Adds up what is known of it.
fn add(sum: Option<f64>, more: Option<f64>) -> Option<f64> {
    match (sum, more) {
        (Some(sum), Some(more)) => Some(sum + more),
        (known, None) | (None, known) => known,
    }
}

/// Of all processes, those that there were, the most frequent first.
fn outcomes(pairs: &[Pair<'_>]) -> Vec<Ended> {
    let mut found: BTreeMap<(String, String), (Option<f64>, f64)> = BTreeMap::new();
    for pair in pairs {
        for (series, total) in pair.now.of(metrics::OUTCOMES).filter(|(_, total)| *total > 0.0) {
            let [worker, outcome, reason] =
                ["worker", "outcome", "reason"].map(|label| series.label(label));
            let of = [("worker", worker), ("outcome", outcome), ("reason", reason)];
            let sums = found.entry((outcome.to_owned(), reason.to_owned())).or_default();
            *sums = (add(sums.0, pair.rate(metrics::OUTCOMES, &of)), sums.1 + total);
        }
    }
    let mut outcomes: Vec<Ended> = found
        .into_iter()
        .map(|((outcome, reason), (rate, total))| Ended { outcome, reason, rate, total })
        .collect();
    outcomes.sort_by(|a, b| b.total.total_cmp(&a.total));
    outcomes
}

/// Of all processes, the actions that were called.
fn calls(pairs: &[Pair<'_>]) -> Vec<Calls> {
    let mut found: BTreeMap<String, Calls> = BTreeMap::new();
    for pair in pairs {
        for (series, total) in pair.now.of(metrics::CALLS).filter(|(_, total)| *total > 0.0) {
            let [worker, action, outcome] =
                ["worker", "action", "outcome"].map(|label| series.label(label));
            let of = [("worker", worker), ("action", action), ("outcome", outcome)];
            let rate = pair.rate(metrics::CALLS, &of);
            let calls = found.entry(action.to_owned()).or_insert_with(|| Calls {
                action: action.to_owned(),
                rate: None,
                failed: Vec::new(),
                answered: [None; 2],
                total: 0.0,
            });
            calls.total += total;
            calls.rate = add(calls.rate, rate);
            let Some(rate) = rate.filter(|rate| outcome != "ok" && *rate > 0.0) else { continue };
            match calls.failed.iter_mut().find(|(class, _)| class == outcome) {
                Some((_, sum)) => *sum += rate,
                None => calls.failed.push((outcome.to_owned(), rate)),
            }
        }
    }
    for calls in found.values_mut() {
        let of = [("action", calls.action.as_str())];
        let each = pairs.iter().map(|pair| pair.quantiles(metrics::CALL_SECONDS, &of));
        // Of several processes the slowest: their buckets are not added up.
        calls.answered = each.fold([None; 2], |[a, b], [c, d]| [most(a, c), most(b, d)]);
    }
    found.into_values().collect()
}

fn most(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.max(b)),
        (known, None) | (None, known) => known,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, Instant};

    use jiff::Timestamp;

    use super::{Circuit, Figures};
    use crate::commands::top::look::{Look, Seen, Told};
    use crate::commands::top::page::Page;
    use crate::observe::admin::ShownFailure;

    /// A page of a process that has read so many records.
    pub(in crate::commands::top) fn page(read: u32, halted: bool) -> Page {
        let halted = u8::from(halted);
        Page::parse(&format!(
            "emberline_records_read_total{{worker=\"devices\"}} {read}\n\
             emberline_outcomes_total{{worker=\"devices\",outcome=\"delivered\",reason=\"\"}} {read}\n\
             emberline_outcomes_total{{worker=\"devices\",outcome=\"dead_lettered\",reason=\"refused\"}} 3\n\
             emberline_outcomes_total{{worker=\"devices\",outcome=\"duplicate\",reason=\"\"}} 0\n\
             emberline_calls_total{{worker=\"devices\",action=\"ServiceReportDeviceData\",outcome=\"ok\"}} {read}\n\
             emberline_calls_total{{worker=\"devices\",action=\"ServiceReportDeviceData\",outcome=\"transient\"}} {half}\n\
             emberline_call_seconds_bucket{{worker=\"devices\",action=\"ServiceReportDeviceData\",le=\"0.1\"}} {read}\n\
             emberline_call_seconds_bucket{{worker=\"devices\",action=\"ServiceReportDeviceData\",le=\"+Inf\"}} {read}\n\
             emberline_items_in_flight{{worker=\"devices\"}} 12\n\
             emberline_calls_in_flight{{worker=\"devices\"}} 4\n\
             emberline_circuit_open{{worker=\"devices\",cause=\"credentials\"}} {halted}\n\
             emberline_partition_lag{{worker=\"devices\",topic=\"devices\",partition=\"0\"}} 40\n\
             emberline_partition_lag{{worker=\"devices\",topic=\"devices\",partition=\"1\"}} 1200\n\
             emberline_partition_lag{{worker=\"devices\",topic=\"devices\",partition=\"2\"}} NaN\n\
             emberline_partition_frontier{{worker=\"devices\",topic=\"devices\",partition=\"0\"}} {read}\n\
             emberline_partition_frontier{{worker=\"devices\",topic=\"devices\",partition=\"1\"}} 77\n\
             emberline_rate_limit{{worker=\"devices\"}} 96\n\
             emberline_rate_share{{worker=\"devices\"}} 0.48\n",
            half = read / 2,
        ))
    }

    pub(in crate::commands::top) fn look(at: Instant, pages: [Result<Page, String>; 2]) -> Look {
        let [first, second] = pages;
        let seen =
            |address: &str, page| Seen { address: address.into(), page, waits_for: String::new() };
        let failure = ShownFailure {
            last: "2026-03-01T08:00:07Z".parse().unwrap(),
            worker: "devices".into(),
            action: "ServiceReportDeviceData".into(),
            class: "transient".into(),
            code: "503".into(),
            message: "service answered HTTP status 503".into(),
            request_id: "476c990a-f5b7-1575-987c-4ef70e474932".into(),
            count: 17,
        };
        Look {
            at,
            time: Timestamp::from_second(1_772_352_010).unwrap(),
            processes: vec![seen("127.0.0.1:9464", first), seen("127.0.0.1:9474", second)],
            failures: Told {
                failures: vec![failure],
                missing: vec!["127.0.0.1:9475 (admin.listen): no connection".into()],
            },
        }
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let start = Instant::now();
        let before = look(start, [Ok(page(1_000, false)), Ok(page(500, false))]);
        let later = start + Duration::from_secs(2);
        // The second one was started anew in between.
        let now = look(later, [Ok(page(1_600, false)), Ok(page(100, true))]);
        let figures = Figures::of(Some(&before), &now);
        let worker =
            |process: usize| figures.processes[process].workers.as_ref().unwrap()[0].clone();
        assert_eq!(worker(0).rates, Some([300.0, 300.0, 450.0, 150.0]));
        assert_eq!(worker(1).rates, Some([50.0, 50.0, 75.0, 25.0]), "all of it is new");
        assert_eq!((worker(0).circuit, worker(1).circuit), (Circuit::Closed, Circuit::Halted));
        assert_eq!(figures.processes[0].limit, Some(96.0));
        let delivered = &figures.outcomes[0];
        assert_eq!(
            (delivered.outcome.as_str(), delivered.rate, delivered.total),
            ("delivered", Some(350.0), 1700.0)
        );
        assert_eq!(figures.outcomes.len(), 2, "what never happened is not shown");
        assert_eq!(figures.calls[0].failed, [("transient".to_owned(), 175.0)]);
        assert_eq!(figures.calls[0].answered[0], Some(0.05));
    }

    #[test]
    fn the_partition_that_lags_most_is_first_and_one_that_went_is_not_there() {
        let start = Instant::now();
        let before = look(start, [Ok(page(1_000, false)), Err("refused".into())]);
        let now =
            look(start + Duration::from_secs(1), [Ok(page(1_600, false)), Err("refused".into())]);
        let figures = Figures::of(Some(&before), &now);
        let lag: Vec<_> =
            figures.lag.iter().map(|it| (it.partition.as_str(), it.lag, it.progress)).collect();
        assert_eq!(lag, [("devices/1", 1200.0, Some(0.0)), ("devices/0", 40.0, Some(600.0))]);
    }

    #[test]
    fn at_the_first_look_or_after_an_absence_there_are_no_rates() {
        let start = Instant::now();
        let first = look(start, [Ok(page(1_000, false)), Err("refused".into())]);
        let alone = Figures::of(None, &first);
        assert_eq!(alone.processes[0].workers.as_ref().unwrap()[0].rates, None);
        assert_eq!((alone.seconds, alone.outcomes[0].rate), (None, None));
        assert_eq!(alone.processes[1].workers.as_ref().unwrap_err(), "refused");
        let now =
            look(start + Duration::from_secs(1), [Ok(page(1_000, false)), Ok(page(9, false))]);
        let figures = Figures::of(Some(&first), &now);
        assert_eq!(figures.processes[1].workers.as_ref().unwrap()[0].rates, None);
    }
}
