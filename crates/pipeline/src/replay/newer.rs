//! States that come while something is pushed again: what was a device's newest when that was
//! planned may not be when its turn comes, hours later at a low rate.
//!
//! Absent: a promise to the millisecond. The topics are looked at every second, and a state
//! that comes in that second may be overtaken.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use emberline_broker::{Bounds, BrokerError, OffsetRange, Scanner, TopicIndex};
use emberline_model::{DeviceKey, DeviceState, EventTime};
use emberline_wire::device::DeviceRecord;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::Selection;
use crate::intake::{Content, Reader};
use crate::raw::RawRecord;
use crate::run::PipelineError;
use crate::settings::{PipelineSettings, WorkerKind};

/// How often the topics are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(20);

/// The newest states of the devices that have one to be pushed.
pub(crate) struct Newer(Mutex<HashMap<DeviceKey, i64>>);

impl Newer {
    /// Reads what has come since the plan, and follows from there for as long as this is held.
    /// `None` where no state is to be pushed. Blocks.
    ///
    /// # Errors
    /// No answer from Kafka, or no thread.
    pub(crate) fn start(
        settings: &PipelineSettings,
        selection: &Selection,
    ) -> Result<Option<Arc<Self>>, PipelineError> {
        if selection.newest_states.is_empty() {
            return Ok(None);
        }
        let newer = Arc::new(Self(Mutex::new(selection.newest_states.clone())));
        let mut follower = Follower::new(settings, selection)?;
        follower.look(&newer)?;
        let held = Arc::downgrade(&newer);
        std::thread::Builder::new()
            .name("newer-states".to_owned())
            .spawn(move || follower.run(&held))?;
        Ok(Some(newer))
    }

    /// Whether a newer state of the device is known than the one of this time.
    pub(crate) fn overtakes(&self, device: DeviceKey, time: EventTime) -> bool {
        self.0.lock().get(&device).is_some_and(|newest| *newest > time.millis())
    }

    fn note(&self, state: &DeviceState) {
        if let Some(newest) = self.0.lock().get_mut(&state.device.key()) {
            *newest = (*newest).max(state.time.millis());
        }
    }
}

/// Reads the topics of devices on.
struct Follower {
    bounds: Bounds,
    reader: Reader,
    topics: Vec<Followed>,
}

struct Followed {
    name: String,
    scanner: Scanner,
    /// What is read next, by partition.
    next: HashMap<i32, i64>,
}

impl Follower {
    fn new(settings: &PipelineSettings, selection: &Selection) -> Result<Self, BrokerError> {
        let names = &settings.topics.devices;
        let followed = |name: &String| {
            let here = selection.read_up_to.iter().filter(|(topic, ..)| topic == name);
            let next = here.map(|(_, partition, offset)| (*partition, *offset)).collect();
            let scanner = Scanner::new(&settings.kafka, name)?;
            Ok(Followed { name: name.clone(), scanner, next })
        };
        Ok(Self {
            bounds: Bounds::new(&settings.kafka)?,
            reader: Reader::new(WorkerKind::Devices, names, &settings.topics),
            topics: names.iter().map(followed).collect::<Result<_, BrokerError>>()?,
        })
    }

    fn run(mut self, held: &Weak<Newer>) {
        loop {
            std::thread::park_timeout(LOOK_EVERY);
            let Some(newer) = held.upgrade() else { return };
            if let Err(error) = self.look(&newer) {
                tracing::warn!(%error, "newer states can't be looked for; trying again");
            }
        }
    }

    fn look(&mut self, newer: &Newer) -> Result<(), BrokerError> {
        for (index, topic) in (0..).zip(&mut self.topics) {
            let bounds = self.bounds.of_topics(std::slice::from_ref(&topic.name), PATIENCE)?;
            let ranges: Vec<_> = bounds
                .iter()
                .map(|it| {
                    // A partition that the plan did not know is read whole.
                    let from = topic.next.get(&it.partition).copied().unwrap_or(it.low);
                    OffsetRange { partition: it.partition, from: from.max(it.low), to: it.high }
                })
                .collect();
            topic.scanner.read(&ranges, PATIENCE, |record| {
                let headers = record.headers().map(|(name, value)| (name.into(), value.into()));
                let raw = RawRecord::new(record.key(), record.value(), headers.collect());
                let at = (0, record.partition(), record.offset(), record.timestamp_ms());
                let intake = self.reader.intake(TopicIndex(index), at, raw);
                if let Content::Device(DeviceRecord::State(state)) = intake.content {
                    newer.note(&state);
                }
                ControlFlow::Continue(())
            })?;
            topic.next.extend(ranges.iter().map(|range| (range.partition, range.to)));
        }
        Ok(())
    }
}
