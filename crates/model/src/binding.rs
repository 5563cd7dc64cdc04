//! Whose device is whose.

use crate::{CustomerId, DeviceId, EventTime};

/// A customer's device was bound or unbound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingEvent {
    /// Whose.
    pub customer: CustomerId,
    /// Which device.
    pub device: DeviceId,
    /// When; where a device appears at two customers the later binding wins.
    pub time: EventTime,
    /// What happened.
    pub change: BindingChange,
}

/// What a binding event changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindingChange {
    /// The device joins the customer's set.
    Bind {
        /// The customer's own number of the device (`CustomerDeviceNo`).
        customer_device_no: String,
        /// `ProductName`.
        product_name: String,
    },
    /// The device leaves the set. The service has no call for it.
    Unbind,
}
