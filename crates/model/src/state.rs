//! A device's presence.

use crate::{DeviceId, EventTime};

/// What the service calls `OnlineStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OnlineStatus {
    /// 0.
    Offline,
    /// 1.
    Online,
    /// 2.
    Unknown,
}

impl OnlineStatus {
    /// The service's number for it.
    pub const fn code(self) -> u8 {
        match self {
            Self::Offline => 0,
            Self::Online => 1,
            Self::Unknown => 2,
        }
    }
}

/// One online/offline event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceState {
    /// Which device.
    pub device: DeviceId,
    /// What it became.
    pub status: OnlineStatus,
    /// When. The platform tells whole seconds, so two events may share one.
    pub time: EventTime,
}
