//! All of it: `cargo bench -p emberline-benches`.

use std::process::ExitCode;

fn main() -> ExitCode {
    emberline_benches::main()
}
