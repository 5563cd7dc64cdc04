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

    /// The status of this number; `None` if there is none.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Offline),
            1 => Some(Self::Online),
            2 => Some(Self::Unknown),
            _ => None,
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
