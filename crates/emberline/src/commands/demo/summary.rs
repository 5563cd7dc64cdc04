//! The sum as it is printed.

use std::fmt::Write as _;
use std::time::Duration;

use emberline_pipeline::{Monitor, WorkerKind};
use serde::Serialize;

use crate::output::grouped;

use super::sums::Sums;

/// What it came to beside the sum.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figures {
    devices: u32,
    seconds: f64,
    reports_per_second: f64,
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
}

impl Figures {
    /// `reports` were accepted while the devices reported, which was for so long.
    pub(super) fn of(monitor: &Monitor, devices: u32, reports: u64, took: Duration) -> Self {
        let seconds = took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 reports")]
        let reports_per_second = reports as f64 / seconds.max(0.001);
        let worker = monitor.worker(WorkerKind::Devices);
        let latency = |quantile| worker.and_then(|worker| worker.latency_ms(quantile));
        Self {
            devices,
            seconds: (seconds * 1_000.0).round() / 1_000.0,
            reports_per_second: reports_per_second.round(),
            p50_ms: latency(0.5),
            p99_ms: latency(0.99),
        }
    }
}

/// The sum. `read = delivered + duplicates + skipped + parked + dead_lettered +
/// in_flight`; an item parked and read back is counted once, under its last outcome.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    read: u64,
    delivered: u64,
    duplicates: u64,
    /// With those superseded.
    skipped: u64,
    /// States that a newer one replaced.
    superseded: u64,
    parked: u64,
    dead_lettered: u64,
    in_flight: u64,
    lost: u64,
    sent_twice: u64,
    calls: u64,
    rejected_calls: u64,
    reports_per_second: f64,
    /// From a record's timestamp to its reports' acceptance; of what did not wait in a
    /// retry topic.
    p50_ms: Option<u64>,
    p99_ms: Option<u64>,
    devices: u32,
    /// How long the devices reported.
    seconds: f64,
    generated: u64,
    reports_accepted: u64,
    states_accepted: u64,
    customers_accepted: u64,
    orders_accepted: u64,
    bindings_accepted: u64,
    /// Reports that came after a newer one of their device and category.
    out_of_order: u64,
    /// Those among them of devices that were bound late.
    out_of_order_late: Option<u64>,
    overlapping_calls: u64,
    disagreements: Vec<String>,
    #[serde(skip)]
    sums: Sums,
}

impl Summary {
    pub(super) fn of(sums: Sums, figures: Figures) -> Self {
        let Sums { generated, pipeline, service } = sums;
        Self {
            read: pipeline.read,
            delivered: pipeline.delivered,
            duplicates: pipeline.duplicates,
            skipped: pipeline.skipped + pipeline.superseded,
            superseded: pipeline.superseded,
            parked: pipeline.parked,
            dead_lettered: pipeline.dead_lettered,
            in_flight: pipeline.in_flight,
            lost: sums.lost(),
            sent_twice: service.sent_twice,
            calls: service.calls,
            rejected_calls: service.rejected_calls,
            reports_per_second: figures.reports_per_second,
            p50_ms: figures.p50_ms,
            p99_ms: figures.p99_ms,
            devices: figures.devices,
            seconds: figures.seconds,
            generated: generated.items(),
            reports_accepted: service.reports,
            states_accepted: service.states,
            customers_accepted: service.customers,
            orders_accepted: service.orders,
            bindings_accepted: service.bindings,
            out_of_order: service.out_of_order,
            out_of_order_late: service.out_of_order_late,
            overlapping_calls: service.overlapping_calls,
            disagreements: sums.disagreements(),
            sums,
        }
    }

    /// What is wrong, in words.
    pub(super) fn disagreements(&self) -> &[String] {
        &self.disagreements
    }

    /// Whether all is well.
    pub(super) fn agrees(&self) -> bool {
        self.disagreements.is_empty()
    }

    /// For a person.
    pub(super) fn text(&self) -> String {
        let Sums { generated, pipeline, service } = self.sums;
        let mut text = format!(
            "\nWhat became of what {} devices said in {:.0} s\n\n{:<34}{:>12}{:>12}{:>12}\n",
            grouped(self.devices.into()),
            self.seconds,
            "",
            "generated",
            "workers",
            "service",
        );
        let mut row = |name: &str, [said, worked, served]: [Option<u64>; 3]| {
            let shown = |count: Option<u64>| count.map(grouped).unwrap_or_default();
            let (said, worked, served) = (shown(said), shown(worked), shown(served));
            let line = format!("{name:<34}{said:>12}{worked:>12}{served:>12}");
            text.push_str(line.trim_end());
            text.push('\n');
        };
        row("reports", [Some(generated.reports), None, Some(service.reports)]);
        row("online states", [Some(generated.states), None, Some(service.states)]);
        row("customers", [Some(generated.customers), None, Some(service.customers)]);
        row("orders", [Some(generated.orders), None, Some(service.orders)]);
        row("bindings", [Some(generated.bindings), None, Some(service.bindings)]);
        row(
            "= to deliver, delivered",
            [Some(generated.deliverable()), Some(pipeline.delivered), Some(service.accepted())],
        );
        row("states that a newer one replaced", [None, Some(pipeline.superseded), None]);
        row(
            "said again: duplicates",
            [Some(generated.duplicates), Some(pipeline.duplicates), Some(service.sent_twice)],
        );
        row("nothing to send: skipped", [Some(generated.skipped), Some(pipeline.skipped), None]);
        row(
            "unreadable: dead letters",
            [Some(generated.dead_letters), Some(pipeline.dead_lettered), None],
        );
        row("parked in a retry topic", [None, Some(pipeline.parked), None]);
        row("in flight", [None, Some(pipeline.in_flight), None]);
        row("= in all, read", [Some(generated.items()), Some(pipeline.read), None]);
        row("calls", [None, Some(pipeline.calls), Some(service.calls)]);
        row(
            "calls not accepted",
            [None, Some(pipeline.rejected_calls), Some(service.rejected_calls)],
        );
        text.push_str(&self.remarks());
        text
    }

    fn remarks(&self) -> String {
        let mut text = String::from(
            "\nWhat was parked and came back is counted once, under what became of it in the end.\n",
        );
        let service = self.sums.service;
        let rate = self.reports_per_second;
        // Writing to a text cannot fail.
        let _ = write!(text, "{rate:.0} reports accepted a second");
        if let (Some(p50), Some(p99)) = (self.p50_ms, self.p99_ms) {
            let _ =
                write!(text, "; half of them within {p50} ms of being said, 99 % within {p99} ms");
        }
        text.push_str(".\n");
        if service.out_of_order > 0 {
            let _ = writeln!(
                text,
                "{} reports came after newer ones of their device; {} of devices bound late.",
                grouped(service.out_of_order),
                service.out_of_order_late.map_or("an unknown number".to_owned(), grouped),
            );
        }
        if service.overlapping_calls > 0 {
            let _ = writeln!(
                text,
                "{} calls began while another one of their device and category was under way.",
                grouped(service.overlapping_calls),
            );
        }
        if self.agrees() {
            text.push_str("\nThe sums agree: nothing lost, nothing sent twice.\n");
        } else {
            text.push_str("\nThe sums do NOT agree:\n");
            for disagreement in &self.disagreements {
                let _ = writeln!(text, "  {disagreement}");
            }
        }
        text
    }
}
