//! The worker's rules under lost partitions, failing calls and stops, driven turn by turn:
//! the test is the source and the service.

mod bindings;
mod drain;
mod fenced;
mod keyed;
mod listening;
mod made_up;
mod orders;
mod outages;
mod own;
mod poison;
mod projected;
mod rig;
mod sim;
mod states;
mod stopped;
mod waiting;
