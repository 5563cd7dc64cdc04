//! What was accepted, as far as receipts tell: the marks of reports and states.

use emberline_broker::{BrokerError, KafkaSettings, OffsetRange, Scanner};
use emberline_model::{DeviceId, DeviceKey, DeviceState, Identity, Report};
use emberline_wire::receipt::{Receipt, Received};
use hashbrown::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::lane::{state_identity, state_identity_of};

/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(30);

/// More receipts than can be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there are receipts of more than {} reports: choose a shorter range, or fewer devices",
    Marks::MOST
)]
pub struct TooManyMarks;

/// The reports and states that have a receipt: 8 bytes each, and as much again while the
/// table grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(HashSet<u64>);

impl Marks {
    /// Most marks held: about 1 GB.
    pub const MOST: usize = 50_000_000;

    /// Reads these ranges of the receipts topic: receipts of these devices, or of all if there
    /// are none. Blocks. Receipts that can't be read are counted in what is returned beside
    /// the marks.
    ///
    /// # Errors
    /// No answer from Kafka. The inner one if there are too many.
    pub fn read(
        kafka: &KafkaSettings,
        topic: &str,
        ranges: &[OffsetRange],
        devices: &[DeviceId],
    ) -> Result<Result<(Self, u64), TooManyMarks>, BrokerError> {
        let devices: HashSet<&[u8]> = devices.iter().map(|it| it.as_str().as_bytes()).collect();
        let mut marks = Self::default();
        let mut unreadable = 0;
        let mut scanner = Scanner::new(kafka, topic)?;
        scanner.read(ranges, PATIENCE, |record| {
            let wanted = devices.is_empty() || record.key().is_some_and(|it| devices.contains(it));
            if !wanted {
                return ControlFlow::Continue(());
            }
            match record.value().map(Receipt::decode) {
                Some(Ok(receipt)) => marks.add(&receipt.received),
                _ => unreadable += 1,
            }
            if marks.0.len() > Self::MOST {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if marks.0.len() > Self::MOST {
            return Ok(Err(TooManyMarks));
        }
        Ok(Ok((marks, unreadable)))
    }

    /// Takes in what a receipt is about.
    pub fn add(&mut self, received: &Received) {
        match received {
            Received::Data { reports, .. } => {
                self.0.extend(reports.iter().map(|report| report.mark));
            }
            Received::State { device_id, status, time_ms } => {
                let device = DeviceKey::of(device_id);
                self.0.insert(mark(state_identity_of(device, *status, *time_ms)));
            }
            Received::Bindings { .. } | Received::Customer | Received::Order { .. } => {}
        }
    }

    /// Adds all of another one.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has_report(&self, device: DeviceKey, report: &Report) -> bool {
        self.0.contains(&mark(report.identity(device)))
    }

    pub(super) fn has_state(&self, state: &DeviceState) -> bool {
        self.0.contains(&mark(state_identity(state.device.key(), state.status, state.time)))
    }
}

fn mark(Identity(identity): Identity) -> u64 {
    (identity >> 64) as u64
}
