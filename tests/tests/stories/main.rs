//! Stories: `emberline` as a process between a real Kafka and a strict stand-in for the
//! service, judged by what arrived there. Each name is a promise.
//!
//! A Kafka is started for them (one for all), or the one is used that `EMBERLINE_TEST_KAFKA`
//! names. Without any they are ignored, and with `CI=true` their absence is a failure.
//!
//! Start at [`story::story`]; the world of a story is `emberline_testkit::World`.

mod bindings;
mod checks;
mod claims;
mod crashes;
mod delivery;
mod dialects;
mod discretion;
mod events;
mod frontiers;
mod observed;
mod own_bindings;
mod redrives;
mod refusals;
mod reloads;
mod repartition;
mod replay_order;
mod replay_ranges;
mod replays;
mod replicas;
mod restarts;
mod states;
mod story;
mod sum;
mod versions;

use std::process::ExitCode;

use emberline_testkit::harness;
use emberline_testkit::kafka::availability;
use libtest_mimic::{Arguments, Trial};

use story::{story, story_with};

/// Each story runs processes of its own, and they wait more than they work.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    harness::run(&arguments, availability().err().as_ref(), stories())
}

/// The long ones first.
fn stories() -> Vec<Trial> {
    vec![
        story("refused_credentials_lose_nothing_and_commit_nothing", refusals::credentials),
        story("every_dialect_of_the_service_is_spoken", dialects::every_dialect),
        story("a_crash_loses_nothing_and_repeats_only_what_was_under_way", crashes::crash),
        story("committed_offsets_are_frontiers", frontiers::frontiers),
        story("two_replicas_hand_over_without_loss_repeat_or_disorder", replicas::two_replicas),
        story(
            "two_replicas_hand_over_likewise_with_the_brokers_group_protocol",
            replicas::with_the_brokers_protocol,
        ),
        story("killed_workers_place_each_order_once", claims::killed),
        story(
            "a_killed_repartition_worker_loses_nothing_and_nothing_is_sent_twice",
            repartition::killed,
        ),
        story(
            "reports_spread_over_partitions_arrive_once_and_in_order",
            repartition::spread_over_partitions,
        ),
        story("a_device_in_several_partitions_is_seen", repartition::seen),
        story(
            "each_process_has_the_bindings_of_its_own_partitions",
            own_bindings::bindings_by_partitions,
        ),
        story("a_binding_comes_to_the_own_partitions_as_it_is_written_on", own_bindings::rebound),
        story(
            "a_binding_written_late_is_put_right_before_it_is_compacted",
            own_bindings::written_late,
        ),
        story("a_customer_with_20_000_devices_is_pushed_whole", bindings::large_customer),
        story("a_dry_run_counts_what_the_replay_does", replays::dry_run),
        story("a_compacted_topic_is_replayed_to_its_end", replay_ranges::compacted),
        story("a_stopped_replay_goes_on_and_sends_nothing_twice", replays::stopped),
        story("a_replay_of_what_is_missing_sends_exactly_that", replays::missing_only),
        story(
            "a_replay_of_what_is_missing_warns_of_what_is_older_than_the_receipts",
            replays::before_receipts,
        ),
        story("a_replay_begins_and_ends_to_the_millisecond", replay_ranges::to_the_millisecond),
        story("what_is_gone_of_a_replays_range_is_told", replay_ranges::gone),
        story("only_records_that_became_dead_letters_are_replayed", replays::dead_letters),
        story("no_device_goes_backwards_by_a_replay", replay_order::states),
        story("a_replay_of_bindings_leaves_the_newest_ones", replay_order::bindings),
        story("every_report_arrives_once_and_in_order", delivery::every_report),
        story("passing_failures_are_retried_in_place", refusals::passing_failures),
        story("a_stop_in_the_middle_loses_and_repeats_nothing", restarts::stop_in_the_middle),
        story(
            "of_10_000_letters_redriven_half_fail_again_and_are_redriven_once_more",
            redrives::half_fails_again,
        ),
        story("a_killed_redrive_goes_on_under_its_name", redrives::killed),
        story("a_redrive_is_seen_and_cancelled_from_elsewhere_and_goes_on", redrives::cancelled),
        story("a_letter_redriven_as_often_as_it_may_be_stays", redrives::redriven_too_often),
        story("a_restart_remembers_what_was_delivered_before", restarts::duplicates_across_restart),
        story("telemetry_of_an_unbound_device_waits_for_its_binding", bindings::unbound_device),
        story("a_device_goes_to_the_customer_it_was_bound_to_last", bindings::rebound_device),
        story("orders_wait_for_their_customer_and_are_placed_once", claims::orders_after_customers),
        story_with(
            "formal_orders_end_with_the_authorisations",
            claims::bought(),
            claims::authorisations,
        ),
        story(
            "what_a_later_version_wrote_is_neither_lost_nor_sent_twice",
            versions::later_version_beside,
        ),
        story("rates_level_and_secrets_change_in_a_running_process", reloads::reloads),
        story("a_secret_is_changed_without_a_restart", refusals::rotated_secret),
        story("a_refused_report_does_not_hold_up_its_batch", refusals::one_refused_report),
        story("a_devices_state_never_goes_backwards", states::flapping_devices),
        story("no_secret_and_no_telephone_number_is_told", discretion::nothing_is_told),
        story("what_is_measured_is_served_under_its_promised_name", observed::pages_and_metrics),
        story("a_check_sees_topics_as_they_are_and_how_far_the_groups_are", checks::topics_and_lag),
        story("a_hanging_service_does_not_keep_the_process", observed::stop_while_a_call_hangs),
    ]
}
