//! Worlds of many seeds, on all cores, and what is said of one in which a law is broken.

use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::coverage::Coverage;
use super::laws::Breach;
use super::trace::Trace;
use super::world::{Sabotage, World};

/// After so many worlds in which a law is broken no more are looked for.
const ENOUGH: usize = 20;
/// Lines of a failed world's trace that are shown.
const LAST_LINES: usize = 60;

pub(super) struct Outcome {
    pub(super) breach: Option<Breach>,
    pub(super) cover: Coverage,
}

/// The world of one seed, from its beginning to its end.
pub(super) fn world(seed: u64, trace: &Trace, sabotage: Option<Sabotage>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut world = World::new(seed, trace.clone(), sabotage);
    let ran = catch_unwind(AssertUnwindSafe(|| runtime.block_on(world.run())));
    if let Err(panic) = ran {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.breach(0, format_args!("panicked: {}", text.unwrap_or_default()));
    }
    Outcome { breach: world.breach.take(), cover: std::mem::take(&mut world.cover) }
}

/// Worlds of all these seeds.
///
/// # Panics
/// If a law is broken in one of them.
pub(super) fn worlds(seeds: Range<u64>) -> Coverage {
    let next = AtomicU64::new(seeds.start);
    let all = Mutex::new(Coverage::default());
    let broken: Mutex<BTreeMap<u64, Breach>> = Mutex::default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                let mut cover = Coverage::default();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end || broken.lock().len() >= ENOUGH {
                        break;
                    }
                    let outcome = world(seed, &Trace::default(), None);
                    cover.merge(&outcome.cover);
                    if let Some(breach) = outcome.breach {
                        broken.lock().insert(seed, breach);
                    }
                }
                all.lock().merge(&cover);
            });
        }
    });
    let broken = broken.into_inner();
    if let Some(first) = broken.keys().next() {
        let all: Vec<String> = broken
            .iter()
            .map(|(seed, breach)| format!("seed {seed} breaks law {}: {}", breach.law, breach.text))
            .collect();
        panic!("{}\n{}", all.join("\n"), report(*first));
    }
    all.into_inner()
}

/// What is to be known of a world in which a law is broken.
pub(super) fn report(seed: u64) -> String {
    let trace = Trace::kept();
    let outcome = world(seed, &trace, None);
    let text = trace.text();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
    let breach = outcome.breach.map_or_else(
        || "no law when it was run again: it is not deterministic".to_owned(),
        |breach| format!("law {}: {}", breach.law, breach.text),
    );
    format!(
        "the world of seed {seed} breaks {breach}\n\
         EMBERLINE_SIM_SEEDS={seed} cargo test -p emberline-pipeline --lib sim:: -- --nocapture\n\
         {last}"
    )
}
