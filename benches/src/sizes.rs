//! How much is done, in a quick run and in a full one.

/// Numbers of records and devices.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Records of the topic that reading, intake and batched calls are measured with.
    pub(crate) records: u64,
    /// Records of the topic of which every report is a call of its own.
    pub(crate) push_records: u64,
    /// Records of the topic of the large fleet.
    pub(crate) large_records: u64,
    /// Records of the topic with a long backlog.
    pub(crate) long_backlog: u64,
    /// Devices of the table that a replica starts with.
    pub(crate) restored_devices: u32,
    /// How long events come in while their way is timed, in seconds.
    pub(crate) latency_seconds: u64,
    /// Each figure that is part of a ratio is the median of so many runs.
    pub(crate) runs: usize,
}

impl Sizes {
    /// Devices of the usual fleet.
    pub(crate) const DEVICES: u32 = 2_000;
    /// Devices of the large fleet: those that memory is measured with.
    pub(crate) const LARGE_DEVICES: u32 = 100_000;
    /// Devices of the largest fleet that is read of.
    pub(crate) const MOST_DEVICES: u32 = 1_000_000;
    /// Partitions of the topic that such a table is read from.
    pub(crate) const TABLE_PARTITIONS: i32 = 96;
    /// Partitions of the topic that several processes share.
    pub(crate) const GROUP_PARTITIONS: i32 = 12;
    /// Calls in flight where every report is one; the raw client has as many.
    pub(crate) const PUSH_IN_FLIGHT: usize = 256;
    /// Events a second where they are read as they happen: under a thousand of them wait.
    pub(crate) const FLAT_RATE: u64 = 20_000;
    /// Events a second while their way is timed.
    pub(crate) const LATENCY_RATE: u64 = 2_000;

    pub(crate) const QUICK: Self = Self {
        records: 200_000,
        push_records: 50_000,
        large_records: 100_000,
        long_backlog: 1_000_000,
        restored_devices: 1_000_000,
        latency_seconds: 10,
        runs: 3,
    };

    pub(crate) const FULL: Self = Self {
        records: 1_000_000,
        push_records: 100_000,
        large_records: 500_000,
        long_backlog: 10_000_000,
        restored_devices: 10_000_000,
        latency_seconds: 30,
        runs: 3,
    };
}
