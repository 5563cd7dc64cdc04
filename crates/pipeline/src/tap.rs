//! Listening to the calls of a running process.
//!
//! Where nobody listens a call costs one look at a number. Where somebody does, a worker hands
//! over what fits into a bounded channel and is wanted, and never waits: the rest is left out
//! and counted.
//!
//! Absent: masking. A sample's body is signed and has telephone numbers in it; whoever shows it
//! masks it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use emberline_service_api::RequestId;
use metrics::Counter;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use crate::failures::Failed;
use crate::lane::Action;
use crate::metrics::TAP_LEFT_OUT;

/// The actions that workers call, by the service's names.
pub const ACTIONS: [&str; Action::ALL.len()] = {
    let mut names = [""; Action::ALL.len()];
    let mut place = 0;
    while place < names.len() {
        names[place] = Action::ALL[place].name();
        place += 1;
    }
    names
};

/// Most that listen at once.
const MOST_LISTENERS: usize = 4;
/// Samples that may wait for a listener.
const WAITING: usize = 64;
const SECOND: Duration = Duration::from_secs(1);

/// A call as it was sent, and how it ended.
pub struct Sample {
    /// When it ended, Unix milliseconds.
    pub at_ms: i64,
    /// Which worker made it.
    pub worker: &'static str,
    /// The service's name of what was called.
    pub action: &'static str,
    /// Reports, states or other items that it was made for.
    pub items: usize,
    /// Its id.
    pub request_id: RequestId,
    /// From its start to its answer.
    pub took: Duration,
    /// Why it was not accepted; `None` if it was.
    pub failed: Option<Failed>,
    /// The body that was sent: signed, and not masked.
    pub body: Bytes,
}

impl fmt::Debug for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Sample");
        shown.field("action", &self.action).field("request_id", &self.request_id);
        shown.finish_non_exhaustive()
    }
}

/// Which calls somebody wants to see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those that tell of this device; `None`: of all, and of none.
    pub device: Option<String>,
    /// Those of this action, by its name; `None`: of all.
    pub action: Option<String>,
    /// At most so many a second.
    pub per_second: u32,
}

impl Wanted {
    fn matches(&self, action: &str, device: Option<&str>) -> bool {
        self.action.as_deref().is_none_or(|wanted| wanted == action)
            && self.device.as_deref().is_none_or(|wanted| device == Some(wanted))
    }
}

/// Where the calls of a process can be listened to.
#[derive(Default)]
pub struct Tap {
    listeners: AtomicUsize,
    inner: Mutex<Vec<Listener>>,
}

struct Listener {
    wanted: Wanted,
    samples: mpsc::Sender<Arc<Sample>>,
    left_out: Arc<AtomicU64>,
    counted: Counter,
    /// The second that began then, and what was shown in it.
    second: Option<Instant>,
    shown: u32,
}

/// Somebody who listens, until this is dropped.
#[derive(Debug)]
pub struct Listening {
    samples: mpsc::Receiver<Arc<Sample>>,
    left_out: Arc<AtomicU64>,
    tap: Arc<Tap>,
}

impl Tap {
    /// Listens to what is wanted of the calls that begin from now on. `None`: enough listen
    /// already.
    pub fn listen(self: &Arc<Self>, wanted: Wanted) -> Option<Listening> {
        let mut listeners = self.inner.lock();
        if listeners.len() >= MOST_LISTENERS {
            return None;
        }
        let (sender, samples) = mpsc::channel(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        listeners.push(Listener {
            wanted,
            samples: sender,
            left_out: Arc::clone(&left_out),
            counted: metrics::counter!(TAP_LEFT_OUT),
            second: None,
            shown: 0,
        });
        self.listeners.store(listeners.len(), Ordering::Relaxed);
        Some(Listening { samples, left_out, tap: Arc::clone(self) })
    }

    /// Whether anybody listens.
    pub(crate) fn is_open(&self) -> bool {
        self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Hands a call to whoever wants it; it is put together only if somebody does.
    pub(crate) fn offer(
        &self,
        (action, device): (&str, Option<&str>),
        now: Instant,
        sample: impl FnOnce() -> Sample,
    ) {
        let (mut sample, mut made) = (Some(sample), None);
        for listener in self.inner.lock().iter_mut() {
            if !listener.wanted.matches(action, device) {
                continue;
            }
            let Some(place) = listener.place(now) else { continue };
            if let Some(sample) = sample.take() {
                made = Some(Arc::new(sample()));
            }
            if let Some(made) = &made {
                place.send(Arc::clone(made));
            }
        }
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl Listener {
    /// A place for one sample more, if it may be shown.
    fn place(&mut self, now: Instant) -> Option<mpsc::Permit<'_, Arc<Sample>>> {
        if self.second.is_none_or(|began| now.saturating_duration_since(began) >= SECOND) {
            self.second = Some(now);
            self.shown = 0;
        }
        let place = (self.shown < self.wanted.per_second).then(|| self.samples.try_reserve());
        let Some(Ok(place)) = place else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            self.counted.increment(1);
            return None;
        };
        self.shown += 1;
        Some(place)
    }
}

impl Listening {
    /// The next sample.
    pub async fn next(&mut self) -> Option<Arc<Sample>> {
        self.samples.recv().await
    }

    /// How many were left out since this was asked last.
    pub fn left_out(&self) -> u64 {
        self.left_out.swap(0, Ordering::Relaxed)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.samples.close();
        let mut listeners = self.tap.inner.lock();
        listeners.retain(|listener| !listener.samples.is_closed());
        self.tap.listeners.store(listeners.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use bytes::Bytes;
    use emberline_service_api::RequestId;

    use super::{MOST_LISTENERS, SECOND, Sample, Tap, WAITING, Wanted};

    const DATA: &str = "ServiceReportDeviceData";
    const STATE: &str = "ServiceReportDeviceState";

    fn sample(items: usize) -> Sample {
        Sample {
            at_ms: 0,
            worker: "devices",
            action: DATA,
            items,
            request_id: RequestId::from_bytes([0; 16]),
            took: Duration::ZERO,
            failed: None,
            body: Bytes::from_static(b"{\"Signature\":\"hunter2\"}"),
        }
    }

    fn all(per_second: u32) -> Wanted {
        Wanted { per_second, ..Wanted::default() }
    }

    #[test]
    fn where_nobody_wants_it_a_sample_is_not_even_made() {
        let tap = Arc::new(Tap::default());
        let never = || -> Sample { panic!("nobody wants it") };
        assert!(!tap.is_open());
        tap.offer((DATA, None), Instant::now(), never);
        let wanted = Wanted { action: Some(STATE.into()), ..all(10) };
        let listening = tap.listen(wanted).unwrap();
        assert!(tap.is_open());
        tap.offer((DATA, None), Instant::now(), never);
        assert_eq!(listening.left_out(), 0, "what is not wanted is not left out");
        drop(listening);
        assert!(!tap.is_open());
    }

    #[tokio::test]
    async fn each_listener_gets_what_it_asked_for() {
        let tap = Arc::new(Tap::default());
        let of_device = Wanted { device: Some("P/dev".into()), ..all(10) };
        let mut device = tap.listen(of_device).unwrap();
        let mut every = tap.listen(all(10)).unwrap();
        let now = Instant::now();
        for (number, told) in [Some("P/other"), None, Some("P/dev")].into_iter().enumerate() {
            tap.offer((DATA, told), now, || sample(number));
        }
        drop(tap.clone());
        assert_eq!(device.next().await.unwrap().items, 2);
        for number in 0..3 {
            assert_eq!(every.next().await.unwrap().items, number);
        }
    }

    #[test]
    fn what_is_too_much_is_left_out_and_counted_and_nobody_waits() {
        let tap = Arc::new(Tap::default());
        let (few, many) = (tap.listen(all(3)).unwrap(), tap.listen(all(u32::MAX)).unwrap());
        let start = Instant::now();
        (0..1_000).for_each(|number| tap.offer((DATA, None), start, || sample(number)));
        assert_eq!(few.left_out(), 997);
        assert_eq!(many.left_out(), 1_000 - WAITING as u64);
        assert_eq!(many.left_out(), 0, "told once");
        (0..5).for_each(|number| tap.offer((DATA, None), start + SECOND, || sample(number)));
        assert_eq!((few.left_out(), many.left_out()), (2, 5));
    }

    #[test]
    fn only_so_many_listen_at_once() {
        let tap = Arc::new(Tap::default());
        let mut listening: Vec<_> =
            (0..MOST_LISTENERS).map(|_| tap.listen(all(1)).unwrap()).collect();
        assert!(tap.listen(all(1)).is_none());
        listening.pop();
        assert!(tap.listen(all(1)).is_some());
    }

    #[test]
    fn a_sample_does_not_print_what_was_sent() {
        assert!(!format!("{:?}", sample(1)).contains("hunter2"));
    }
}
