//! A deterministic simulator: whole worlds of real workers, made of a seed.
//!
//! Not a model of the worker: what is simulated is all that is around it. Logs, groups,
//! the service, the network in between and time are made up; records are read, decoded,
//! delivered, parked and committed by the code that runs in production, several workers
//! to a process and several processes to a group. What happens, and when, is drawn from
//! a generator; at last everything heals, and what came of it all is judged by laws.
//!
//! Absent: threads, sockets, a clock. The same seed gives the same world, byte for byte.
//!
//! Start at [`World::run`](world::World::run); what happens is drawn in `chaos`, the laws
//! are in `laws` and `verdict`. To see the world of one seed:
//!
//! ```console
//! $ EMBERLINE_SIM_SEEDS=42 cargo test -p emberline-pipeline --lib sim:: -- --nocapture
//! ```

mod calls;
mod chaos;
mod clock;
mod coverage;
mod draw;
mod group;
mod input;
mod kafka;
mod laws;
mod member;
mod plan;
mod processes;
mod reading;
mod run;
mod service;
mod story;
mod trace;
mod verdict;
mod weather;
mod world;
mod writes;

use std::fmt::Write as _;
use std::ops::Range;

use self::coverage::Coverage;
use self::trace::Trace;

/// Seeds named by the environment: one, or `from..to`.
fn seeds_asked_for() -> Option<Range<u64>> {
    let text = std::env::var("EMBERLINE_SIM_SEEDS").ok()?;
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed, or from..to");
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

#[test]
fn ten_thousand_seeds_hold_every_law() {
    if let Some(seeds) = seeds_asked_for() {
        if seeds.end - seeds.start == 1 {
            let trace = Trace::kept();
            let outcome = run::world(seeds.start, &trace, None);
            eprintln!("{}", trace.text());
            assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
        } else {
            show(&run::worlds(seeds));
        }
        return;
    }
    let cover = run::worlds(0..10_000);
    show(&cover);
}

fn show(cover: &Coverage) {
    let mut text = String::new();
    for (what, count) in &cover.0 {
        let _ = writeln!(text, "{count:>9} {what}");
    }
    eprintln!("{text}");
}
