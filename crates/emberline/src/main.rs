//! The `emberline` binary.
fn main() {}
