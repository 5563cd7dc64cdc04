//! The eight actions (contract: service API), under the vendor's own names.

mod bindings;
mod claims;
mod devices;

pub use bindings::{BoundDevice, ServiceBindDevice};
pub use claims::{
    ServiceCreateCustomer, ServiceCreateOrder, ServiceGetCustomerList, ServiceGetInsurancePageURL,
    ServiceGetOrderList,
};
pub use devices::{ServiceReportDeviceData, ServiceReportDeviceState};

use crate::{Answer, BodyWriter};

/// One call of the service. Only the eight of this crate exist.
pub trait Action {
    /// The body's `Action`.
    const NAME: &'static str;

    /// What the service answers when it accepts.
    type Answer: Answer;

    /// Writes the action's own parameters in ascending order of their names.
    fn write(&self, body: &mut BodyWriter<'_>);
}
