//! What was accepted, as far as receipts tell: the marks of reports and states.

use emberline_model::{DeviceKey, DeviceState, Report};
use emberline_wire::receipt::{Received, mark_of};
use hashbrown::HashSet;

use crate::lane::{state_identity, state_identity_of};

/// The reports and states that have a receipt: 8 bytes each, and as much again while the
/// table grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks(HashSet<u64>);

impl Marks {
    /// Most marks held: about 1 GB.
    pub const MOST: usize = 50_000_000;

    /// Takes in what a receipt is about, as far as it is wanted.
    pub(super) fn add(&mut self, received: &Received, wanted: impl Fn(u64) -> bool) {
        match received {
            Received::Data { reports, .. } => {
                self.0.extend(reports.iter().map(|report| report.mark).filter(|it| wanted(*it)));
            }
            Received::State { device_id, status, time_ms } => {
                let device = DeviceKey::of(device_id);
                let mark = mark_of(state_identity_of(device, *status, *time_ms));
                self.0.extend(wanted(mark).then_some(mark));
            }
            Received::Bindings { .. } | Received::Customer | Received::Order { .. } => {}
        }
    }

    pub(super) fn add_report(&mut self, device: DeviceKey, report: &Report) {
        self.0.insert(mark_of(report.identity(device)));
    }

    pub(super) fn add_state(&mut self, state: &DeviceState) {
        self.0.insert(mark_of(state_identity(state.device.key(), state.status, state.time)));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn contains(&self, mark: u64) -> bool {
        self.0.contains(&mark)
    }

    pub(super) fn has_report(&self, device: DeviceKey, report: &Report) -> bool {
        !self.is_empty() && self.contains(mark_of(report.identity(device)))
    }

    pub(super) fn has_state(&self, state: &DeviceState) -> bool {
        self.contains(mark_of(state_identity(state.device.key(), state.status, state.time)))
    }
}
