//! What a proxy does to what goes through it.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From who connected.
    There,
    /// To who connected.
    Back,
}

/// The faults in force. By default there are none, and bytes pass as they come.
#[derive(Debug, Clone, PartialEq)]
pub struct ProxyFaults {
    /// How long each piece of bytes is kept, in either direction.
    pub latency: Duration,
    /// Most bytes a second of a connection towards the far end.
    pub bytes_a_second_there: Option<u64>,
    /// Most bytes a second of a connection back from the far end.
    pub bytes_a_second_back: Option<u64>,
    /// A connection is reset once so many bytes have gone towards the far end, counted from
    /// now on. Each draws its own number from the range.
    pub cut_there: Option<RangeInclusive<u64>>,
    /// A connection is reset once so many bytes have come back from the far end, likewise.
    pub cut_back: Option<RangeInclusive<u64>>,
    /// Whatever comes is taken and goes nowhere, while the connection stays open. When this
    /// is over the connections that it lost bytes of are reset.
    pub half_open: bool,
    /// New connections are reset at once.
    pub refuse: bool,
    /// The share of connections that all of this befalls, 0 to 1. Each connection's lot is
    /// drawn when it is made. Default 1.
    pub share: f64,
}

impl Default for ProxyFaults {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            bytes_a_second_there: None,
            bytes_a_second_back: None,
            cut_there: None,
            cut_back: None,
            half_open: false,
            refuse: false,
            share: 1.0,
        }
    }
}

impl ProxyFaults {
    pub(super) const fn bytes_a_second(&self, direction: Direction) -> Option<u64> {
        match direction {
            Direction::There => self.bytes_a_second_there,
            Direction::Back => self.bytes_a_second_back,
        }
    }

    pub(super) const fn cut(&self, direction: Direction) -> Option<&RangeInclusive<u64>> {
        match direction {
            Direction::There => self.cut_there.as_ref(),
            Direction::Back => self.cut_back.as_ref(),
        }
    }
}
