//! What must be known of partitions before they are read: what the group committed, and
//! where their logs begin and end.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::context::SourceContext;
use crate::bounds::PartitionBounds;
use crate::error::{BrokerError, ErrorClass};
use crate::native;

/// One try to learn the committed offsets and the bounds of what was assigned.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(5);
/// Tries before the source gives up. Starting anywhere else would lose or repeat.
const LOOK_UP_TRIES: usize = 4;

/// What is known of a partition when it is assigned.
pub(super) struct Found {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) committed: Option<i64>,
    pub(super) metadata: String,
    pub(super) bounds: PartitionBounds,
}

impl<B: Send + 'static> SourceContext<B> {
    /// Asks within the rebalance callback, more than once if need be.
    pub(super) fn look_up(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> Result<Vec<Found>, BrokerError> {
        let mut tries = 1;
        loop {
            self.control.pulse().beat();
            match self.look_up_once(consumer, list) {
                Err(error)
                    if tries < LOOK_UP_TRIES
                        && error.class() == ErrorClass::Transient
                        && !self.control.stopping() =>
                {
                    tracing::warn!(%error, tries, "could not look up where to start reading");
                    tries += 1;
                }
                result => return result,
            }
        }
    }

    fn look_up_once(
        &self,
        consumer: &BaseConsumer<Self>,
        list: &TopicPartitionList,
    ) -> Result<Vec<Found>, BrokerError> {
        let asked = "read the committed offsets";
        let committed = consumer
            .committed_offsets(list.clone(), LOOK_UP_TIMEOUT)
            .map_err(|error| BrokerError::asked(asked, &error))?;
        let names: Vec<(String, i32)> = committed
            .elements()
            .iter()
            .map(|element| (element.topic().to_owned(), element.partition()))
            .collect();
        let bounds = self.bounds.of_partitions(&names, LOOK_UP_TIMEOUT)?;
        committed
            .elements()
            .iter()
            .zip(bounds)
            .enumerate()
            .map(|(index, (element, bounds))| {
                element.error().map_err(|error| BrokerError::asked(asked, &error))?;
                let offset = match element.offset() {
                    Offset::Offset(offset) => Some(offset),
                    _ => None,
                };
                Ok(Found {
                    topic: element.topic().to_owned(),
                    partition: element.partition(),
                    committed: offset,
                    metadata: native::metadata(&committed, index),
                    bounds,
                })
            })
            .collect()
    }
}
