//! The program itself, as a process.

mod build;
mod process;

pub use build::binary;
pub use process::{Emberline, Signal};
