//! A stand-in for the service: it speaks the eight actions of the contract over HTTP,
//! refuses whatever the contract does not allow, fails on demand, and keeps a ledger
//! of what it accepted. It is the judge of the end-to-end tests and the far end of
//! `demo`.
//!
//! Invariant: it shares no code with the crates that build and send calls, nor the
//! nouns that they are built of. Its limits, codes and its signature are written down
//! here a second time, from the contract's text, so that no mistake is made on both
//! sides. Nothing is kept on disk.
//!
//! Start at [`Sandbox`]; the way of one call is `service::Service::handle`.

mod actions;
mod answer;
mod browse;
mod clock;
mod console;
mod faults;
mod gate;
mod ledger;
mod read;
mod refusal;
mod registry;
mod sandbox;
mod serve;
mod service;
mod settings;

pub use actions::Action;
pub use faults::{Fault, FaultPlan, FaultRule, Faults};
pub use ledger::{
    AcceptedReport, ActionTotals, Arrival, Arrivals, Ledger, SignatureTotals, Totals,
};
pub use registry::{Bindings, BoundDevice, Customer, Order, Orders, Registry};
pub use sandbox::Sandbox;
pub use settings::{
    DataCategoryForm, DataInfoForm, Edition, Envelope, NestedSignature, SandboxSettings,
    UnknownName,
};
