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

mod brokers;
mod feed;
mod hanging;
mod kafka_wires;
mod kills;
mod moving;
mod progress;
mod replicas;
mod scale;
mod scaling;
mod service_wires;
mod story;

use std::io::Write as _;
use std::process::ExitCode;

use emberline_testkit::kafka::java;
use libtest_mimic::{Arguments, Trial};

use scale::Scale;
use story::{story, story_of_brokers};

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
    let trials = stories(scale).into_iter();
    let trials = trials.map(|trial| trial.with_ignored_flag(missing.is_some()));
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// The long ones first.
fn stories(scale: Scale) -> Vec<Trial> {
    vec![
        story_of_brokers(
            "deliveries_go_on_when_a_broker_a_coordinator_and_each_in_turn_is_away",
            scale,
            brokers::one_away_after_another,
        ),
        story(
            "calls_that_hang_for_long_cost_no_member_its_place_in_the_group",
            scale,
            hanging::hanging_calls,
        ),
        story(
            "partitions_lost_and_regained_in_flight_never_stand_still",
            scale,
            moving::lost_and_regained,
        ),
        story(
            "spoilt_connections_to_the_service_repeat_only_what_was_left_in_doubt",
            scale,
            service_wires::spoilt_connections,
        ),
        story(
            "spoilt_connections_to_kafka_lose_and_repeat_nothing",
            scale,
            kafka_wires::spoilt_connections,
        ),
        story(
            "killed_workers_lose_nothing_and_repeat_only_their_calls_in_flight",
            scale,
            kills::random_kills,
        ),
        story(
            "scaling_up_and_down_under_load_loses_and_repeats_nothing",
            scale,
            scaling::up_and_down,
        ),
    ]
}
