//! The eight actions of the service API as types, their signature, the two answer
//! envelopes, and what to do about each error code (contract: service API).
//!
//! Invariant: nothing here does I/O, reads a clock or draws a random number. The
//! [`Stamp`] of a call and the time that an HTTP date is measured against are handed in.
//!
//! Start at [`Signer::write`] for the way out and at [`read_answer`] for the way back.

mod action;
mod answer;
mod body;
mod class;
mod dialect;
mod envelope;
mod error;
mod json;
mod mask;
mod nested;
mod reading;
mod retry_after;
mod secret;
mod signer;
mod stamp;

pub use action::{
    Action, BoundDevice, ServiceBindDevice, ServiceCreateCustomer, ServiceCreateOrder,
    ServiceGetCustomerList, ServiceGetInsurancePageURL, ServiceGetOrderList,
    ServiceReportDeviceData, ServiceReportDeviceState,
};
pub use answer::{Accepted, Answer, Customer, CustomerList, InsurancePage, Order, OrderList};
pub use body::BodyWriter;
pub use class::FailureClass;
pub use dialect::{DataCategoryForm, DataInfoForm, Dialect, NestedSignature};
pub use error::{CallError, TransportFailure};
pub use mask::{clean, mask_number_bytes, mask_numbers};
pub use reading::{check_answer, read_answer};
pub use secret::{Credentials, Secret};
pub use signer::{Signer, sign_message};
pub use stamp::{RequestId, Stamp};
