//! Delivery rules as plain state machines: the offset ledger, duplicate removal,
//! the bindings table, rate share, the gate before the service and retry timing.
//!
//! Invariant: nothing here does I/O, spawns a task, reads a clock or draws a random
//! number. Time and randomness are handed in, so each rule is tested without waiting.
//!
//! Start at [`ledger`].

pub mod backoff;
pub mod bindings;
pub mod claim;
pub mod commit_metadata;
pub mod customer_set;
pub mod dedupe;
pub mod gate;
pub mod in_time;
pub mod lanes;
pub mod ledger;
pub mod newest;
pub mod older_facts;
pub mod order_book;
pub mod placing;
mod prehashed;
pub mod rate;
pub mod replay_lease;
pub mod retry_budget;
pub mod seed_marks;
pub mod spread;
pub mod standstill;
pub mod waiting;

#[cfg(test)]
mod test_time;
