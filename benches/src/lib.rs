//! What Emberline costs, beside what the raw building blocks cost in the same run: one
//! command, one table.
//!
//! Each part of the pipeline's figures runs in a child process of its own, so that its CPU
//! time is its own: Kafka and the stand-in service are other processes. Absent: any
//! assertion. A benchmark measures and says whether a target is met; on a busy machine it
//! may be wrong about that, and so it must fail nobody's build.
//!
//! Start at [`main`]; `run` is the order of things, `compare` what is held against what, `group`
//! several processes at once, `flat` the same work in other shapes, `child` the measured processes,
//! `micro` the parts in isolation.

mod child;
mod cli;
mod compare;
mod cpu;
mod flat;
mod group;
mod history;
mod load;
mod micro;
mod report;
mod run;
mod say;
mod sizes;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;

/// Runs the benchmarks, or the part of a child process.
pub fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let result = match (arguments.next().as_deref(), arguments.next()) {
        (Some(child::ARGUMENT), Some(job)) => child::work(&job),
        _ => run::run(&Cli::parse()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::progress(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
