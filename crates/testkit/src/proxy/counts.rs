//! What a proxy's faults really hit.

use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What went through a proxy and what became of it, since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProxyCounts {
    /// Connections that came, those refused included.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// Connections reset as soon as they came.
    pub refused: u64,
    /// Connections reset later.
    pub cut: u64,
    /// Those of them that were cut amid an exchange: bytes had gone there that nothing had
    /// come back for yet, or what came back was cut in the middle.
    pub cut_amid: u64,
    /// Bytes that were taken and went nowhere.
    pub swallowed_bytes: u64,
    /// Bytes that were kept for a while, by latency or by a limit.
    pub slowed_bytes: u64,
    /// Bytes that went to the far end.
    pub bytes_there: u64,
    /// Bytes that came back from it.
    pub bytes_back: u64,
}

impl Add for ProxyCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            connections: self.connections + other.connections,
            open: self.open + other.open,
            refused: self.refused + other.refused,
            cut: self.cut + other.cut,
            cut_amid: self.cut_amid + other.cut_amid,
            swallowed_bytes: self.swallowed_bytes + other.swallowed_bytes,
            slowed_bytes: self.slowed_bytes + other.slowed_bytes,
            bytes_there: self.bytes_there + other.bytes_there,
            bytes_back: self.bytes_back + other.bytes_back,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) connections: AtomicU64,
    pub(super) ended: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) cut_amid: AtomicU64,
    pub(super) swallowed_bytes: AtomicU64,
    pub(super) slowed_bytes: AtomicU64,
    pub(super) bytes_there: AtomicU64,
    pub(super) bytes_back: AtomicU64,
}

impl Counters {
    pub(super) fn now(&self) -> ProxyCounts {
        // In this order, so that no more have ended than came.
        let ended = self.ended.load(Relaxed);
        let connections = self.connections.load(Relaxed);
        ProxyCounts {
            connections,
            open: connections.saturating_sub(ended),
            refused: self.refused.load(Relaxed),
            cut: self.cut.load(Relaxed),
            cut_amid: self.cut_amid.load(Relaxed),
            swallowed_bytes: self.swallowed_bytes.load(Relaxed),
            slowed_bytes: self.slowed_bytes.load(Relaxed),
            bytes_there: self.bytes_there.load(Relaxed),
            bytes_back: self.bytes_back.load(Relaxed),
        }
    }
}
