//! Worlds of customers and orders, each made of a seed: real `claims` and `retries` workers
//! in several processes, killed between any two steps, with a service that would place the
//! same order twice if it were told twice.
//!
//! What is checked: no order is ever placed twice, also not by two processes that have a
//! record of it each; every order is placed or a dead letter with its reason; no more formal
//! orders are placed than there are authorisations.
//!
//! One seed again, with its trace: `EMBERLINE_ORDER_SEEDS=42 cargo test -p emberline-pipeline
//! --lib orders:: -- --nocapture`.

mod edges;
mod events;
mod input;
mod judge;
mod processes;
mod service;
mod world;

use std::collections::BTreeMap;

use self::world::{Sabotage, World};

fn world_of(seed: u64, sabotage: Option<Sabotage>, aloud: bool) -> World {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(seed, sabotage, aloud);
        world.run().await;
        world
    })
}

/// What has happened in the worlds of these seeds.
///
/// # Panics
/// If something is wrong in one of them.
fn hold(seeds: std::ops::Range<u64>) -> BTreeMap<&'static str, u64> {
    let mut seen = BTreeMap::new();
    for seed in seeds {
        let world = world_of(seed, None, false);
        if let Some(breach) = &world.breach {
            let trace = world_of(seed, None, true).trace;
            let last = trace.len().saturating_sub(80);
            panic!("seed {seed}: {breach}\n{}", trace[last..].join("\n"));
        }
        for (what, count) in world.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    seen
}

#[test]
fn no_order_is_placed_twice_and_none_is_missing_whenever_a_process_dies() {
    if let Some(seed) = std::env::var("EMBERLINE_ORDER_SEEDS").ok().and_then(|it| it.parse().ok()) {
        let world = world_of(seed, None, true);
        eprintln!("{}\n{:?}\n{:#?}", world.trace.join("\n"), world.breach, world.seen);
        return;
    }
    let seen = hold(0..2_000);
    let missing: Vec<&str> = EXPECTED.iter().copied().filter(|it| !seen.contains_key(it)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?}\n{seen:#?}");
}

const EXPECTED: &[&str] = &[
    "killed while asking",
    "killed while creating",
    "killed while writing a lease",
    "killed before the commit of an order that was placed",
    "acted on after the death of who called",
    "acted on, and the answer was lost",
    "acted on after its answer was given up",
    "the same order in two processes",
    "partition revoked",
    "process stood still",
    "partition lost",
    "order waited for its customer",
    "parked",
    "dead letter: order_conflict",
    "dead letter: authorisations_used_up",
    "dead letter: refused",
    "formal order placed",
    "test order placed",
    "answered: it is there",
];

#[test]
fn an_order_that_is_placed_twice_is_noticed() {
    let found =
        (0..200).find_map(|seed| world_of(seed, Some(Sabotage::ForgetsOrders), false).breach);
    assert!(found.is_some_and(|breach| breach.contains("placed twice")));
}

#[test]
fn an_order_that_is_missing_is_noticed() {
    let found = (0..200).find_map(|seed| world_of(seed, Some(Sabotage::DropsOrders), false).breach);
    assert!(found.is_some_and(|breach| breach.contains("missing")));
}
