//! Which devices are a customer's.

use crate::nested::DeviceInfos;
use crate::{Accepted, Action, BodyWriter};

/// Tells the service all the devices that a customer has, not only the newest: the
/// vendor requires the whole set in one call.
#[derive(Debug, Clone, Copy)]
pub struct ServiceBindDevice<'a> {
    /// `CustomerId`.
    pub customer: &'a str,
    /// `DeviceInfos`.
    pub devices: &'a [BoundDevice<'a>],
}

/// One of a customer's devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoundDevice<'a> {
    /// `CustomerDeviceNo`: the customer's own number of the device.
    pub customer_device_no: &'a str,
    /// `DeviceId`: `ProductId/DeviceName`.
    pub device: &'a str,
    /// `ProductName`.
    pub product_name: &'a str,
}

impl Action for ServiceBindDevice<'_> {
    const NAME: &'static str = "ServiceBindDevice";
    type Answer = Accepted;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("CustomerId", self.customer);
        body.nested("DeviceInfos", &DeviceInfos(self.devices));
    }
}
