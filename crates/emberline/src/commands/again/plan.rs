//! What would be done, for people and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use emberline_model::ReplayName;
use emberline_pipeline::replay::{Plan, Planned};
use serde_json::{Value, json};

use super::Job;
use crate::output::{self, grouped};
use crate::span::shown;

/// Prints a plan that is all that was asked for.
pub(super) fn show(job: &Job, planned: &Planned, rate: Option<f64>) -> std::io::Result<()> {
    if job.options.json {
        return output::json(&json!({ "plan": view(planned, rate) }));
    }
    output::text(&text(job, planned, rate))
}

/// Tells what is about to be done: stdout is the report's.
pub(super) fn tell(job: &Job, name: &ReplayName, planned: &Planned, rate: Option<f64>) {
    output::notice(&format!("{} {name}", job.word()));
    output::notice(text(job, planned, rate).trim_end());
}

/// What a plan has counted, by name.
pub(super) fn counts(plan: &Plan) -> BTreeMap<String, u64> {
    let devices = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    [
        ("records", plan.records),
        ("matched", plan.selected()),
        ("reports", plan.reports),
        ("unbound", plan.unbound),
        ("states", plan.states),
        ("superseded", plan.superseded),
        ("events", plan.events),
        ("duplicates", plan.duplicates),
        ("dead", plan.dead),
        ("redriven_too_often", plan.redriven_too_often),
        ("calls", plan.calls),
        ("devices", devices(plan.devices)),
        ("unbound_devices", devices(plan.unbound_devices)),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into()
}

fn view(planned: &Planned, rate: Option<f64>) -> Value {
    let Planned { plan, unreadable_receipts, .. } = planned;
    let mut view = json!(counts(plan));
    view["rate"] = json!(rate);
    view["seconds"] = json!(takes(plan.calls, rate).map(|it| it.as_secs()));
    view["first"] = json!(plan.times.map(|(first, _)| shown(first)));
    view["last"] = json!(plan.times.map(|(_, last)| shown(last)));
    view["unreadable_receipts"] = json!(unreadable_receipts);
    view["before_receipts"] = json!(plan.before_receipts);
    view["receipts_since"] = json!(plan.receipts_since.map(shown));
    view["devices_at_least"] = json!(plan.devices_at_least);
    view
}

/// How long so many calls take at least.
fn takes(calls: u64, rate: Option<f64>) -> Option<Duration> {
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    let seconds = calls as f64 / rate?;
    Duration::try_from_secs_f64(seconds.ceil()).ok()
}

fn text(job: &Job, planned: &Planned, rate: Option<f64>) -> String {
    let Planned { plan, unreadable_receipts, .. } = planned;
    let mut text = String::new();
    let mut line = |name: &str, count: u64, remark: String| {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {name:<11} {:>13}  {remark}", grouped(count));
    };
    let times = plan.times.map(|(first, last)| format!("of {} to {}", shown(first), shown(last)));
    line("records", plan.records, format!("in {}", job.topic));
    line("matched", plan.selected(), times.unwrap_or_default());
    let at_least = if plan.devices_at_least { "at least " } else { "" };
    let devices = u64::try_from(plan.devices).unwrap_or(u64::MAX);
    line("reports", plan.reports, format!("of {at_least}{} devices", grouped(devices)));
    if plan.unbound > 0 {
        let devices = u64::try_from(plan.unbound_devices).unwrap_or(u64::MAX);
        let remark = format!(
            "of these, of {at_least}{} devices that nobody has bound: they wait in a retry topic",
            grouped(devices)
        );
        line("unbound", plan.unbound, remark);
    }
    let rows = [
        ("states", plan.states, "the newest of each device"),
        ("superseded", plan.superseded, "states that a newer one has replaced"),
        ("events", plan.events, "of bindings, customers and orders"),
        ("duplicates", plan.duplicates, "the same report a second time: left out"),
        ("dead", plan.dead, "cannot be read or sent: they become dead letters"),
        ("too often", plan.redriven_too_often, "redriven as often as they may be: they stay"),
    ];
    for (name, count, remark) in rows {
        if count > 0 {
            line(name, count, remark.to_owned());
        }
    }
    let at = match rate {
        Some(rate) => format!("at {rate}/s: {}", lasting(takes(plan.calls, Some(rate)))),
        None => "as fast as the service answers".to_owned(),
    };
    line("calls", plan.calls, at);
    if *unreadable_receipts > 0 {
        let receipts = grouped(*unreadable_receipts);
        let _ = writeln!(
            text,
            "  {receipts} receipts could not be read: what they are about may be sent again"
        );
    }
    if plan.before_receipts > 0 {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "  {}", before_receipts(plan));
    }
    text
}

/// What is sent although nobody knows whether it was accepted.
fn before_receipts(plan: &Plan) -> String {
    let receipts = match plan.receipts_since {
        None => "there are no receipts".to_owned(),
        Some(since) => format!("receipts reach back to {}", shown(since)),
    };
    format!(
        "WARNING: {receipts}; {} reports and states are from before that. Whether they were \
         delivered is not known: they are sent, some perhaps again",
        grouped(plan.before_receipts)
    )
}

fn lasting(time: Option<Duration>) -> String {
    time.map_or_else(
        || "for ever".to_owned(),
        |time| format!("about {}", indicatif::HumanDuration(time)),
    )
}
