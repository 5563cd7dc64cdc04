//! The program itself, as a process.

mod build;
mod memory;
mod process;

pub use build::binary;
pub use memory::Memory;
pub use process::{Emberline, Signal};
