//! The latest failures of calls: what a person asks for first.
//!
//! A failure that repeats is one entry with a count, so that one that is told a thousand times
//! a second hides no other. Absent: anything on the way of a call that is accepted.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Most entries that are kept; the one that was not seen for longest goes.
const MOST: usize = 20;

/// Why a call was not accepted. Its texts are masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// The service's error code, or what happened on the way there.
    pub code: String,
    /// What is done about it, as the metric label `outcome` of calls.
    pub class: &'static str,
    /// In words.
    pub message: String,
}

/// A failure, and how often it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Of which worker.
    pub worker: &'static str,
    /// Of which action.
    pub action: &'static str,
    /// What happened, as it was told last.
    pub failed: Failed,
    /// The call of the last one.
    pub request_id: String,
    /// How often it came since it is kept.
    pub count: u64,
    /// When it came last, Unix milliseconds.
    pub last_ms: i64,
}

/// The latest failures of a process.
#[derive(Debug, Default)]
pub struct Failures(Mutex<VecDeque<Failure>>);

impl Failures {
    /// Those that are kept, the latest first.
    pub fn latest(&self) -> Vec<Failure> {
        self.0.lock().iter().cloned().collect()
    }

    pub(crate) fn note(
        &self,
        (worker, action): (&'static str, &'static str),
        failed: &Failed,
        request_id: String,
        last_ms: i64,
    ) {
        let mut kept = self.0.lock();
        let same = |known: &Failure| {
            let of = (known.worker, known.action, known.failed.class);
            of == (worker, action, failed.class) && known.failed.code == failed.code
        };
        let known = kept.iter().position(same).and_then(|place| kept.remove(place));
        let count = known.map_or(0, |known| known.count) + 1;
        kept.truncate(MOST - 1);
        kept.push_front(Failure {
            worker,
            action,
            failed: failed.clone(),
            request_id,
            count,
            last_ms,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Failed, Failures, MOST};

    fn note(failures: &Failures, code: &str, message: &str, at: i64) {
        let failed = Failed { code: code.into(), class: "transient", message: message.into() };
        failures.note(("devices", "ServiceReportDeviceData"), &failed, format!("request {at}"), at);
    }

    #[test]
    fn a_failure_that_repeats_is_one_entry_and_hides_no_other() {
        let failures = Failures::default();
        note(&failures, "Refused", "once", 1);
        (2..1_000).for_each(|at| note(&failures, "Timeout", "again and again", at));
        let told: Vec<_> =
            failures.latest().into_iter().map(|it| (it.failed.code, it.count)).collect();
        assert_eq!(told, [("Timeout".to_owned(), 998), ("Refused".to_owned(), 1)]);
        note(&failures, "Refused", "in other words", 1_000);
        let first = failures.latest().swap_remove(0);
        assert_eq!((first.count, first.last_ms), (2, 1_000));
        assert_eq!(
            (first.failed.message.as_str(), first.request_id.as_str()),
            ("in other words", "request 1000")
        );
    }

    #[test]
    fn only_so_many_are_kept_and_the_latest_of_them() {
        let failures = Failures::default();
        (0..100).for_each(|at| note(&failures, &format!("Code{at}"), "", at));
        let kept: Vec<i64> = failures.latest().iter().map(|it| it.last_ms).collect();
        assert_eq!(kept.len(), MOST);
        assert_eq!((kept[0], kept[MOST - 1]), (99, 80));
    }
}
