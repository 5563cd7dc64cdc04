//! Reading a body: its parameters, the texts and numbers in them, and the values that
//! the standard thing model allows.
//!
//! Invariant: nothing is copied that can be borrowed, and no number passes through
//! floating point.

pub(crate) mod decimal;
pub(crate) mod ids;
pub(crate) mod object;
pub(crate) mod params;
pub(crate) mod text;
pub(crate) mod thing_model;
