//! Delivery rules as pure state machines.
