//! Versions read each other's: a rolling upgrade has both in one group, and a rollback hands
//! to the old one what the new one wrote.
//!
//! [`earlier`] holds the formats to what earlier versions wrote, kept in `fixtures`.
//! [`later`] shows what becomes of what only a later version writes.

mod earlier;
mod later;
mod samples;
