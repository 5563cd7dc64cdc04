//! The nouns of Emberline: devices, customers, reports, states, bindings, orders
//! and the standard thing model. Each is valid by construction: a value that
//! exists has passed the contract's limits.
//!
//! Invariant: nothing here knows bytes on a wire, Kafka, HTTP, a clock or a
//! runtime.
//!
//! Start at [`Report`].

mod binding;
mod category;
mod customer;
mod device;
mod measurement;
mod order;
mod outcome;
mod replay;
mod report;
mod standard;
mod state;
mod time;

pub use binding::{BindingChange, BindingEvent};
pub use category::Category;
pub use customer::{CustomerEvent, CustomerId, InvalidCustomerId};
pub use device::{DeviceId, DeviceKey, InvalidDeviceId};
pub use measurement::{Decimal, Field, Measurement, OutOfRange, Quantity, Reading, SubType};
pub use order::{InvalidOrder, Item, ItemFamily, ItemVersion, OrderEvent};
pub use outcome::{DeadLetterReason, Outcome, ParkReason, SkipReason};
pub use replay::{InvalidReplayName, ReplayName};
pub use report::{Identity, Report};
pub use standard::ValueKind;
pub use state::{DeviceState, OnlineStatus};
pub use time::{EventTime, ReportTime};
