//! The only crate that speaks HTTP outwards.
