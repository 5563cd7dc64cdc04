//! Calls of the service over HTTP/1.1: kept-alive connections, TLS, time and size limits.
//!
//! Invariant: this is the only crate that speaks HTTP outwards, and it decides nothing
//! about a failure: it says what happened, `service-api` says what that means, and no
//! request that may have been sent is ever repeated here.
//!
//! Start at [`ServiceClient::call`]; [`Transport`] is the seam for an answer that comes
//! from within the process. [`whole_list`] reads a list page by page, [`HttpClient::probe`]
//! tells how far a call comes. [`HttpClient::get`] reads a page of a process of our own.

mod connect;
mod error;
mod http_client;
mod listing;
mod nonce;
mod pool;
mod service;
mod settings;
mod target;
mod tls;
mod transport;

pub use error::{Phase, SetupError, TransportError};
pub use http_client::{HttpClient, Probe, Stage, Stream};
pub use listing::{ListQuery, WholeList, whole_list};
pub use service::{ServiceClient, fresh_stamp};
pub use settings::HttpSettings;
pub use transport::{HttpAnswer, Transport};
