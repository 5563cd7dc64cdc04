//! What a worker joins telemetry with: all bindings, or those of its own partitions.

use std::future::pending;
use std::sync::Arc;

use emberline_broker::{BrokerError, PartsEvent, PartsReader, TableRecord};
use emberline_model::{CustomerId, DeviceId};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;

use crate::edges::PartsUpstream;
use crate::own_tables::{LatestFact, OwnTables};
use crate::settings::PipelineSettings;
use crate::table::Bindings;

/// Whose a device is, as a worker asks.
pub(crate) enum Join {
    /// One table of all, which the workers of a process have in common.
    Whole(Arc<Bindings>),
    /// A table for each partition that the worker owns.
    Own(Own),
}

/// The tables of the own partitions, and by whom they are read.
pub(crate) struct Own {
    pub(crate) tables: Arc<OwnTables>,
    pub(crate) reader: Box<dyn PartsUpstream>,
    /// What the reader tells.
    pub(crate) told: UnboundedReceiver<PartsEvent>,
}

impl Own {
    /// Begins to read into these tables, with no partition yet.
    pub(crate) fn start(
        settings: &PipelineSettings,
        tables: Arc<OwnTables>,
    ) -> Result<Self, BrokerError> {
        let (sender, told) = unbounded_channel();
        let filled = Arc::clone(&tables);
        let topic = settings.topics.device_customers();
        let on_record = move |record: TableRecord<'_>| filled.read(record);
        let reader = PartsReader::start(&settings.kafka, &topic, on_record, sender)?;
        Ok(Self { tables, reader: Box::new(reader), told })
    }
}

impl Join {
    /// Whose the device is now.
    pub(crate) fn customer_of(&self, device: &DeviceId) -> Option<CustomerId> {
        match self {
            Self::Whole(bindings) => {
                let customer = bindings.table.customer_of(device.key())?;
                bindings.table.customer_id(customer)
            }
            Self::Own(own) => own.tables.customer_of(device),
        }
    }

    /// Whether the device is bound to a customer.
    pub(crate) fn is_bound(&self, device: &DeviceId) -> bool {
        match self {
            Self::Whole(bindings) => bindings.is_bound(device.key()),
            Self::Own(own) => own.tables.is_bound(device),
        }
    }

    /// Tells of changes.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        match self {
            Self::Whole(bindings) => bindings.changes(),
            Self::Own(own) => own.tables.changes(),
        }
    }

    /// The next that the reader of the own partitions tells; never, where there is none.
    ///
    /// # Errors
    /// The reader has ended unasked: its thread has panicked.
    pub(crate) async fn told(&mut self) -> Result<PartsEvent, BrokerError> {
        match self {
            Self::Own(own) => own.told.recv().await.ok_or(BrokerError::ThreadEnded("kafka-parts")),
            Self::Whole(_) => pending().await,
        }
    }

    /// Ends the reading of the own partitions, and waits until it has ended.
    pub(crate) async fn end(self) {
        if let Self::Own(own) = self {
            own.reader.end().await;
        }
    }

    /// Facts about devices of the own partitions that came after a later one.
    pub(crate) fn facts_older(&self) -> u64 {
        match self {
            Self::Own(own) => own.tables.facts_older(),
            Self::Whole(_) => 0,
        }
    }

    /// Whether this fact still is to be written.
    pub(crate) fn is_awaited(&self, latest: &LatestFact) -> bool {
        match self {
            Self::Own(own) => own.tables.is_awaited(latest),
            Self::Whole(_) => false,
        }
    }

    pub(crate) fn set_gauge(&self) {
        match self {
            Self::Whole(bindings) => bindings.set_gauge(),
            Self::Own(own) => own.tables.set_gauge(),
        }
    }
}
