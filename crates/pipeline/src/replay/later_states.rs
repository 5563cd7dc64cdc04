//! States that come while older ones are pushed again: live delivery sends them, and what is
//! pushed again must not be the last that the service hears.

use std::ops::ControlFlow;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use emberline_broker::{
    Bounds, BrokerError, ErrorClass, OffsetRange, ScanRecord, Scanner, TopicIndex,
};
use emberline_flow::newest::counts_as;
use emberline_model::{DeviceKey, EventTime, OnlineStatus};
use emberline_wire::device::DeviceRecord;
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::plan::PATIENCE;
use crate::intake::{Content, Intake, Reader};
use crate::raw::RawRecord;
use crate::settings::{PipelineSettings, WorkerKind};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// So many looks in a row are refused before that is taken for what it says: who asks a broker
/// that has just started may be told that a topic does not exist.
const MOST_REFUSALS: u32 = 25;

/// The newest state that came of each device since the plan was made.
#[derive(Debug, Default)]
pub(crate) struct LaterStates(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    newest: HashMap<DeviceKey, Later>,
    /// All was read that was there then.
    up_to: Option<Instant>,
    /// Nothing more will be known.
    refused: Option<Unfollowed>,
}

#[derive(Debug, Clone, Copy)]
struct Later {
    counts_as: EventTime,
    state: (EventTime, OnlineStatus),
}

/// A topic whose later states can't be followed until someone changes something.
#[derive(Debug, thiserror::Error)]
#[error(
    "states that come to {topic} meanwhile can't be followed, and without them an older one could \
     be the last that the service hears: {error}. Allow READ and DESCRIBE on {topic}, then begin \
     again"
)]
pub struct Unfollowed {
    /// Its name.
    pub topic: String,
    /// What the brokers say.
    #[source]
    pub error: BrokerError,
}

impl LaterStates {
    /// A state of the device that came later than this one, which counts as of that time, and
    /// is newer. Of two at the same time the later arrival counts as the newer.
    pub(crate) fn newer(
        &self,
        device: DeviceKey,
        state: (EventTime, OnlineStatus),
        counts_as: EventTime,
    ) -> Option<(EventTime, OnlineStatus)> {
        let newest = self.0.lock().newest.get(&device).copied()?;
        let is_newer = newest.counts_as > counts_as
            || (newest.counts_as == counts_as && newest.state.1 != state.1);
        // It may stand for an older one, in whose record's place it is sent.
        (is_newer && newest.state != state).then_some(newest.state)
    }

    /// Whether all is known that had come when it was begun to follow.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.lock().up_to.is_some()
    }

    /// Whether all is known that had come by then.
    pub(crate) fn has_seen(&self, by: Instant) -> bool {
        self.0.lock().up_to.is_some_and(|up_to| up_to > by)
    }

    /// Why nothing more will be known, if that is so; told once.
    ///
    /// # Errors
    /// That is so.
    pub(crate) fn can_be_known(&self) -> Result<(), Unfollowed> {
        self.0.lock().refused.take().map_or(Ok(()), Err)
    }

    /// Nothing more will be known.
    pub(crate) fn refuse(&self, why: Unfollowed) {
        self.0.lock().refused = Some(why);
    }

    /// A state has come.
    pub(crate) fn note(
        &self,
        device: DeviceKey,
        state: (EventTime, OnlineStatus),
        counts_as: EventTime,
    ) {
        let mut seen = self.0.lock();
        let later = Later { counts_as, state };
        let newest = seen.newest.entry(device).or_insert(later);
        if counts_as >= newest.counts_as {
            *newest = later;
        }
    }

    /// All is known that was there at this time.
    pub(crate) fn is_known_to(&self, at: Instant) {
        self.0.lock().up_to = Some(at);
    }

    /// Follows these topics from these places on, in a thread that ends when nobody has what
    /// is returned any more.
    pub(crate) fn follow(
        settings: &PipelineSettings,
        from: &[(String, OffsetRange)],
    ) -> Result<Arc<Self>, BrokerError> {
        let states = Arc::new(Self::default());
        let mut topics: Vec<Topic> = Vec::new();
        for (name, range) in from {
            match topics.iter_mut().find(|topic| topic.name == *name) {
                Some(topic) => topic.from.push(*range),
                None => topics.push(Topic::new(settings, name, *range)?),
            }
        }
        let bounds = Bounds::new(&settings.kafka)?;
        let follower = Follower { states: Arc::downgrade(&states), bounds, topics };
        let thread = std::thread::Builder::new().name("later-states".to_owned());
        thread.spawn(move || follower.run())?;
        Ok(states)
    }
}

struct Topic {
    name: String,
    scanner: Scanner,
    reader: Reader,
    /// So long after its arrival a state's time may lie.
    states_known: Duration,
    /// What is to be read next, as far as its beginning.
    from: Vec<OffsetRange>,
}

impl Topic {
    fn new(
        settings: &PipelineSettings,
        name: &str,
        from: OffsetRange,
    ) -> Result<Self, BrokerError> {
        let scanner = Scanner::new(&settings.kafka, name)?;
        let names = [name.to_owned()];
        let reader = Reader::new(WorkerKind::Replay, &names, &settings.topics);
        let states_known = settings.delivery.states_known();
        Ok(Self { name: name.to_owned(), scanner, reader, states_known, from: vec![from] })
    }
}

struct Follower {
    states: Weak<LaterStates>,
    bounds: Bounds,
    topics: Vec<Topic>,
}

impl Follower {
    fn run(mut self) {
        let mut refusals = 0;
        while let Some(states) = self.states.upgrade() {
            let began = Instant::now();
            match self.look(&states) {
                Ok(()) => {
                    refusals = 0;
                    states.is_known_to(began);
                }
                Err(why) => {
                    let is_refusal = why.error.class() == ErrorClass::Permanent;
                    refusals = if is_refusal { refusals + 1 } else { 0 };
                    if refusals == MOST_REFUSALS {
                        states.refuse(why);
                        return;
                    }
                    tracing::warn!(topic = %why.topic, error = %why.error, "newer states are looked for again");
                }
            }
            drop(states);
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn look(&mut self, states: &LaterStates) -> Result<(), Unfollowed> {
        for topic in &mut self.topics {
            topic
                .read(&self.bounds, states)
                .map_err(|error| Unfollowed { topic: topic.name.clone(), error })?;
        }
        Ok(())
    }
}

impl Topic {
    fn read(&mut self, bounds: &Bounds, states: &LaterStates) -> Result<(), BrokerError> {
        let found = bounds.of_topics(std::slice::from_ref(&self.name), PATIENCE)?;
        for range in &mut self.from {
            let of = found.iter().find(|it| it.partition == range.partition);
            let Some(it) = of else { continue };
            range.from = range.from.max(it.low);
            range.to = it.high.max(range.from);
        }
        // Partitions that are new since are read from their beginning.
        for it in &found {
            if !self.from.iter().any(|range| range.partition == it.partition) {
                let (partition, from, to) = (it.partition, it.low, it.high);
                self.from.push(OffsetRange { partition, from, to });
            }
        }
        let (reader, known) = (&mut self.reader, self.states_known);
        self.scanner.read(&self.from, PATIENCE, |record| {
            note(reader, record, known, states);
            ControlFlow::Continue(())
        })?;
        self.from.iter_mut().for_each(|range| range.from = range.to);
        Ok(())
    }
}

fn note(
    reader: &mut Reader,
    record: &ScanRecord<'_>,
    states_known: Duration,
    states: &LaterStates,
) {
    let raw = RawRecord::of_scan(record);
    let at = (0, record.partition(), record.offset(), record.timestamp_ms());
    let Intake { content, arrival, .. } = reader.intake(TopicIndex(0), at, raw);
    if let Content::Device(DeviceRecord::State(state)) = content {
        let counts_as = counts_as(state.time, arrival, states_known);
        states.note(state.device.key(), (state.time, state.status), counts_as);
    }
}
