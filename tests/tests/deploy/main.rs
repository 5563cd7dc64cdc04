//! What is handed out to run it with, judged by those who will judge it: the chart by helm and by
//! Kubernetes' own validation, the Compose file by Compose's own parser, the image's recipe by
//! hadolint. What they name (commands, configurations, files) is held against the program itself.
//!
//! The judges are built and fetched once, with Go and pip. Golden renders are `insta` snapshots.
//! What the chart holds copies of is written anew with `UPDATE_CHART=1`.

mod chart;
mod compose;
mod image;
mod judges;
mod program;

use std::process::ExitCode;

use anyhow::Result;
use emberline_testkit::{harness, tools};
use libtest_mimic::{Arguments, Trial};

/// Each runs programs of its own.
const AT_ONCE: usize = 2;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let trials = vec![
        trial("a_chart_renders_as_it_did", chart::renders),
        trial("helm_finds_no_fault_in_the_chart", chart::lint),
        trial("an_api_server_would_accept_what_is_rendered", chart::accepted),
        trial("every_pods_configuration_loads_from_what_it_mounts", chart::pods::configurations),
        trial("every_selector_finds_its_pods", chart::pods::selectors),
        trial("pods_have_longer_to_stop_than_the_drain_takes", chart::pods::grace),
        trial("a_scaled_object_asks_what_keda_knows", chart::scaling::triggers),
        trial("replicas_are_added_for_the_topics_that_a_kind_reads", chart::scaling::topics),
        trial("values_that_cant_work_are_refused", chart::values::refusals),
        trial("the_chart_knows_the_settings_of_the_program", chart::values::settings),
        trial("nothing_unknown_is_let_through_in_values", chart::values::strict),
        trial("the_chart_brings_alerts_and_dashboards_as_they_are", chart::copies::same),
        trial("a_compose_file_starts_everything_in_order", compose::order),
        trial("a_compose_file_names_nothing_that_is_missing", compose::named),
        trial("every_command_in_a_compose_file_is_one", compose::commands),
        trial("chart_and_image_are_of_this_version", image::versions),
        trial("hadolint_finds_no_fault_in_the_image", image::lint),
        trial("the_image_is_small_and_needs_no_rights", image::shape),
    ];
    harness::run(&arguments, tools::missing().as_ref(), trials)
}

fn trial(name: &str, test: impl FnOnce() -> Result<()> + Send + 'static) -> Trial {
    Trial::test(name, || test().map_err(|error| harness::failed(&error)))
}
