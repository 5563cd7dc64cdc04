//! Faults: several `emberline` processes on a Kafka of three nodes, and what is promised of
//! them when something fails. Each name is a promise; each story shows that its faults hit
//! calls in flight, and is judged by what the stand-in for the service has accepted.
//!
//! The short form runs with the other tests. The full one takes about an hour:
//! `cargo test -p emberline-tests --test faults -- --full`.
//!
//! The nodes are processes of this machine, since stories kill some: without Java they are
//! ignored, and with `CI=true` its absence is a failure.
//!
//! Start at [`story::story`]; the world of a story is `emberline_testkit::World`.

mod feed;
mod kills;
mod network;
mod replicas;
mod scale;
mod scaling;
mod starts;
mod story;

use std::io::Write as _;
use std::process::ExitCode;

use emberline_testkit::kafka::java;
use libtest_mimic::{Arguments, Trial};

use scale::Scale;
use story::story;

/// Each story runs three processes or so, and they wait more than they work.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let (scale, rest) = Scale::from_arguments(std::env::args());
    let mut arguments = Arguments::from_iter(rest);
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let missing = java().err();
    if let Some(missing) = missing {
        let _ = writeln!(std::io::stderr(), "ignored: {missing}");
        if std::env::var("CI").is_ok_and(|ci| ci == "true") {
            return ExitCode::FAILURE;
        }
    }
    let kept = stories(scale).into_iter();
    let kept = kept.map(|trial| trial.with_ignored_flag(missing.is_some()));
    let trials = kept.chain(not_kept_yet(scale)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The long ones first.
fn stories(scale: Scale) -> Vec<Trial> {
    vec![
        story("killed_workers_lose_nothing_and_turn_nothing_round", scale, kills::lose_nothing),
        story("broken_ways_to_the_service_lose_nothing", scale, network::to_the_service),
        story("broken_ways_to_kafka_lose_nothing", scale, network::to_kafka),
    ]
}

/// Promises that were seen broken. They are ignored, run with `--ignored`, and go up into
/// [`stories`] with the mend.
fn not_kept_yet(scale: Scale) -> Vec<Trial> {
    let broken = vec![
        // While partitions are drained nothing is committed, those that stay included: a kill
        // near the end of a drain repeats what was delivered since its beginning.
        story("killed_workers_repeat_only_their_calls_in_flight", scale, kills::repeat_little),
        // The same, and a record of which a part is in flight is sent again whole.
        story(
            "killed_workers_repeat_only_their_calls_in_flight_of_records_in_parts",
            scale,
            kills::repeat_little_of_records_in_parts,
        ),
        // A process that leaves unsubscribes and then drains. Unsubscribed, it sends no
        // heartbeats: a drain longer than the session timeout loses the partitions to others,
        // who deliver the same at the same time, and its last commit is refused. With slow
        // calls and little else this happens now and then, with a backlog always.
        story(
            "scaling_up_and_down_under_load_loses_and_repeats_nothing",
            scale,
            scaling::up_and_down,
        ),
        story("scaling_with_a_backlog_loses_and_repeats_nothing", scale, scaling::with_a_backlog),
        // A topic that another replica has just made is not known to every node yet, and the
        // process ends.
        story(
            "replicas_that_start_together_make_their_topics_in_peace",
            scale,
            starts::all_at_once,
        ),
    ];
    broken
        .into_iter()
        .map(|trial| trial.with_kind("not kept yet").with_ignored_flag(true))
        .collect()
}
