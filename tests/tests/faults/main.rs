//! Faults: several `emberline` processes on a Kafka of three nodes, and what is promised of
//! them when something fails. Each name is a promise; each story shows that its faults hit
//! calls in flight, and is judged by what the stand-in for the service has accepted.
//!
//! The short form runs with the other tests. The full one takes some three hours:
//! `cargo test -p emberline-tests --test faults -- --full`.
//!
//! The nodes are processes of this machine, since stories kill some: without Java they are
//! ignored, and with `CI=true` its absence is a failure.
//!
//! Start at [`story::story`]; the world of a story is `emberline_testkit::World`.

mod brokers;
mod credentials;
mod feed;
mod flapping;
mod hanging;
mod kafka_wires;
mod kills;
mod made_anew;
mod moving;
mod outage;
mod own_topics;
mod poison;
mod progress;
mod rate;
mod rebound;
mod repeats;
mod replays;
mod replicas;
mod roles;
mod scale;
mod scaling;
mod service_wires;
mod starts;
mod story;
mod throttling;
mod unscraped;
mod watch;

use std::process::ExitCode;

use emberline_testkit::harness;
use emberline_testkit::kafka::java;
use libtest_mimic::{Arguments, Trial};

use scale::Scale;
use story::{story, story_of_brokers, story_of_many_partitions, story_of_rights};

/// Each story runs three processes or so, and they wait more than they work.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let (scale, rest) = Scale::from_arguments(std::env::args());
    let mut arguments = Arguments::from_iter(rest);
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    harness::run(&arguments, java().err().as_ref(), stories(scale))
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
            "a_service_that_is_down_costs_neither_records_nor_memory",
            scale,
            outage::service_down,
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
            "killed_workers_lose_nothing_and_repeat_only_their_calls_in_flight",
            scale,
            kills::lose_nothing_and_repeat_little,
        ),
        story(
            "reports_of_rebound_devices_reach_their_owners_whoever_is_killed",
            scale,
            rebound::while_workers_are_killed,
        ),
        story(
            "partitions_lost_and_regained_bring_their_bindings_with_them",
            scale,
            moving::with_their_bindings,
        ),
        story(
            "a_replay_killed_twice_beside_live_traffic_leaves_no_gap",
            scale,
            replays::killed_twice,
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
            "scaling_up_and_down_under_load_loses_and_repeats_nothing",
            scale,
            scaling::up_and_down,
        ),
        story("scaling_with_a_backlog_loses_and_repeats_nothing", scale, scaling::with_a_backlog),
        story_of_many_partitions(
            "a_large_group_that_grows_and_shrinks_loses_and_repeats_nothing",
            scale,
            scaling::large_group,
        ),
        story_of_many_partitions(
            "a_large_group_divides_the_bindings_anew_each_time_it_grows_and_shrinks",
            scale,
            scaling::large_group_with_its_bindings,
        ),
        story(
            "a_table_of_bindings_made_anew_is_joined_by_once_it_is_filled_again",
            scale,
            made_anew::table_of_bindings,
        ),
        story(
            "what_cannot_be_set_aside_is_not_committed_past",
            scale,
            own_topics::missing_or_too_small,
        ),
        story("the_rate_is_the_groups_however_many_replicas_there_are", scale, rate::one_for_all),
        story(
            "refused_credentials_halt_every_replica_and_lose_nothing",
            scale,
            credentials::refused,
        ),
        story("an_action_waits_as_long_as_it_is_told_to", scale, throttling::asked_to_wait),
        story("an_unwatched_run_takes_no_more_memory_with_time", scale, unscraped::a_long_run),
        story(
            "a_message_sent_four_times_arrives_once_whoever_reads_it",
            scale,
            repeats::four_times,
        ),
        story("a_devices_state_never_goes_backwards", scale, flapping::online_and_offline),
        story("poison_of_every_kind_is_set_aside_and_told_of", scale, poison::seven_kinds),
        story("a_guilty_report_is_found_with_thirteen_calls", scale, poison::one_in_a_batch),
        story(
            "replicas_that_start_together_make_their_topics_in_peace",
            scale,
            starts::all_at_once,
        ),
        story_of_rights(
            "what_may_not_be_set_aside_is_not_committed_past",
            scale,
            own_topics::forbidden,
        ),
    ]
}
