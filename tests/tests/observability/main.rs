//! What operators see: alerts and dashboards, held to what a run really shows.
//!
//! The rules and their cases are judged by a real `promtool`; each query of a dashboard and each
//! metric of an alert by a real Prometheus that scrapes the program between a real Kafka and the
//! stand-in for the service.
//!
//! Start at [`live`]; [`rules`] and [`dashboards`] are about the files alone. Dashboards as files
//! are looked at without Prometheus and Kafka too.

mod dashboards;
mod expression;
mod live;
mod promises;
mod rules;

use std::process::ExitCode;
use std::time::Duration;

use emberline_sandbox::SandboxSettings;
use emberline_testkit::harness::{self, tell};
use emberline_testkit::{World, kafka, prometheus};
use libtest_mimic::{Arguments, Trial};

/// Longest that the run may take. It takes a fraction of it.
const LIMIT: Duration = Duration::from_mins(8);

fn main() -> ExitCode {
    let kafka = kafka::availability().err().map(|missing| missing.to_string());
    let prometheus = prometheus::availability().err().map(|missing| missing.to_string());
    let missing = prometheus.or(kafka);
    harness::run_beside(&Arguments::from_args(), missing.as_ref(), trials(), of_dashboards())
}

fn trials() -> Vec<Trial> {
    vec![
        Trial::test("every_panel_and_every_alert_has_its_data_in_a_real_run", || {
            tell(World::start(bought()), LIMIT, live::every_query_is_answered)
        }),
        check("promtool_accepts_the_alert_rules", rules::are_accepted),
        check("each_alert_fires_in_its_cases_and_in_no_other", rules::fire_in_their_cases_only),
        check(
            "each_alert_has_cases_in_which_it_fires_and_does_not",
            rules::have_cases_of_both_kinds,
        ),
        check("each_alert_has_a_figure_and_a_runbook", rules::have_runbooks),
    ]
}

/// What the files alone tell.
fn of_dashboards() -> Vec<Trial> {
    vec![
        check("each_panel_says_what_it_shows_and_in_which_unit", dashboards::are_complete),
        check("no_panel_lies_over_another", dashboards::do_not_overlap),
        check("each_metric_and_label_of_a_dashboard_is_promised", promises::are_kept_to),
        check("what_an_expression_names_is_read_of_it", expression::names_are_read),
    ]
}

fn check(name: &str, check: fn()) -> Trial {
    Trial::test(name, move || {
        check();
        Ok(())
    })
}

/// A service at which formal orders may be placed.
fn bought() -> SandboxSettings {
    SandboxSettings { authorisations_bought: 100, published: true, ..SandboxSettings::default() }
}
