//! What is known while it runs, and waiting for something to come about.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_pipeline::Monitor;

use super::sums::{Generated, Pipeline, handed_over};

/// How often it is looked whether something has come about.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is known while it runs.
pub(super) struct Board {
    pub(super) monitor: Arc<Monitor>,
    generated: Cell<Generated>,
    records: Cell<u64>,
}

impl Board {
    pub(super) fn new(monitor: Arc<Monitor>) -> Self {
        Self { monitor, generated: Cell::default(), records: Cell::new(0) }
    }

    /// So much was generated so far, in so many records.
    pub(super) fn made(&self, generated: Generated, records: u64) {
        self.generated.set(generated);
        self.records.set(records);
    }

    pub(super) fn records(&self) -> u64 {
        self.records.get()
    }

    /// What the workers have counted so far.
    pub(super) fn pipeline(&self) -> Pipeline {
        Pipeline::of(&self.monitor, handed_over(&self.monitor))
    }

    /// Items generated and not settled; those in a retry topic wait for something else.
    pub(super) fn waiting(&self) -> u64 {
        let pipeline = self.pipeline();
        let settled = pipeline.read.saturating_sub(pipeline.in_flight);
        self.generated.get().items().saturating_sub(settled)
    }

    /// Whether everything generated has reached its end.
    pub(super) fn is_settled(&self) -> bool {
        let pipeline = self.pipeline();
        pipeline.read >= self.generated.get().items()
            // Else something moved on between two looks.
            && pipeline.accounted_for() == pipeline.read
            && pipeline.in_flight == 0
            && pipeline.parked == 0
    }

    /// Waits until this is so, or for so long.
    pub(super) async fn until(&self, longest: Duration, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + longest;
        while !is_so() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
