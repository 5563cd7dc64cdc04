//! Bytes on Kafka to the model and back: both spellings of the platform's forwarded
//! messages, the user's own protobuf and JSON events, and the records and headers of
//! Emberline's own topics.
//!
//! Invariant: nothing here knows Kafka, a clock or a runtime. Whatever a user's record
//! is, decoding it ends in a value or a [`DecodeError`]: it does not panic, does not
//! recurse with the record's depth, and allocates no more than a small multiple of its
//! size.
//!
//! Start at [`device::DeviceDecoder`]; everything else is read and written far less often.

mod bounded;
pub mod customer_devices;
mod delimited;
pub mod device;
pub mod device_customers;
mod error;
pub mod events;
pub mod headers;
mod json;
pub mod order_book;
pub mod proto;
pub mod readable;
pub mod receipt;
pub mod replay;

pub use error::DecodeError;
