//! One device: whose it is, its states, and its reports as plots and as a list.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::devices::Latest;
use crate::browse::Found;
use crate::console::figure::{Captions, Figure};
use crate::console::plot::{Line, Point, Stretch, Strip, Style};
use crate::console::texts::Devices;
use crate::console::times::Moment;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::words::{
    CIRCUIT, is_switch, number, quantity_name, state_class, state_name, unit, value_text,
};
use crate::console::{Console, Page};
use crate::ledger::{DeviceSeen, SeenReport, StateRow};
use crate::read::thing_model::{CATEGORIES, DataCategory, Quantity};
use crate::registry::Binding;

/// Reports and states that are copied of a device.
const MOST_COPIED: usize = 1_000;
/// Of which so many are listed.
const MOST_LISTED: usize = 50;
/// Circuits that get a line of their own.
const MOST_LINES: usize = 6;
/// Customers that are told; more than one is rare.
const MOST_OWNERS: usize = 5;

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage {
    v: View,
    d: &'static Devices,
    id: String,
    owners: Found<Binding>,
    heard: Option<Moment>,
    states: Vec<StateLine>,
    /// With the time of the first.
    strip: Option<(Vec<Band>, String)>,
    figures: Vec<Figure>,
    reports: Vec<Report>,
    /// Why there is nothing to see.
    remark: Option<&'static str>,
}

struct StateLine {
    class: &'static str,
    name: &'static str,
    at: Moment,
}

/// A state in the strip.
struct Band {
    x: f64,
    width: f64,
    class: &'static str,
    name: &'static str,
    since: String,
}

struct Report {
    time: Moment,
    latest: Latest,
    occurrence: u32,
}

pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    console.show(visit, Section::Devices, page).await
}

fn page(mut v: View, console: &Console) -> Page {
    let d = Devices::of(v.lang);
    let id = v.visit().get("id").unwrap_or_default().trim().to_owned();
    let seen = console.service.ledger.device(&id, MOST_COPIED);
    let owners = console.service.registry.find_owners(&id, MOST_OWNERS);
    let (status, remark) = match (&seen, owners.total) {
        _ if id.is_empty() => (StatusCode::NOT_FOUND, Some(d.no_id)),
        (Some(_), _) => (StatusCode::OK, None),
        (None, 1..) => (StatusCode::OK, Some(d.silent)),
        (None, 0) => (StatusCode::NOT_FOUND, Some(d.not_known)),
    };
    v.heading = d.device;
    let heard = seen.as_ref().map(|seen| v.moment(seen.heard));
    let seen = seen.unwrap_or(DeviceSeen { heard: 0, states: Vec::new(), reports: Vec::new() });
    let page = DevicePage {
        states: seen.states.iter().rev().take(MOST_LISTED).map(|row| state(*row, &v, d)).collect(),
        strip: Strip::of(&seen.states, v.now).map(|strip| bands(&strip, &v, d)),
        figures: figures(&seen.reports, &v, d),
        reports: seen.reports.iter().rev().take(MOST_LISTED).map(|it| report(it, &v, d)).collect(),
        id,
        owners,
        heard,
        remark,
        v,
        d,
    };
    Page::with(status, &page)
}

fn state(row: StateRow, v: &View, d: &'static Devices) -> StateLine {
    let StateRow { at, online_status } = row;
    StateLine {
        class: state_class(online_status),
        name: state_name(online_status, d),
        at: v.moment(at),
    }
}

fn bands(strip: &Strip, v: &View, d: &'static Devices) -> (Vec<Band>, String) {
    let band = |stretch: &Stretch| Band {
        x: stretch.x,
        width: stretch.width,
        class: state_class(stretch.row.online_status),
        name: state_name(stretch.row.online_status, d),
        since: v.times().full(stretch.row.at),
    };
    (strip.stretches.iter().map(band).collect(), v.times().full(strip.first))
}

fn report(seen: &SeenReport, v: &View, d: &'static Devices) -> Report {
    Report {
        time: v.moment(seen.report.time),
        latest: Latest::of(seen, d),
        occurrence: seen.occurrence,
    }
}

/// The values of a report with their units, and which circuit they are of.
pub(super) fn values_text(seen: &SeenReport, d: &Devices) -> String {
    let measured = seen.values().filter(|(quantity, _)| quantity.sub_type != CIRCUIT);
    let mut texts: Vec<String> =
        measured.map(|(quantity, value)| value_text(quantity, value, d)).collect();
    if let Some(circuit) = circuit(seen) {
        texts.push(format!("{} {circuit}", d.circuit));
    }
    texts.join(" · ")
}

fn circuit(seen: &SeenReport) -> Option<i32> {
    let has_one = seen.category.quantities.first().is_some_and(|it| it.sub_type == CIRCUIT);
    has_one.then_some(seen.report.steps[0])
}

/// A plot for everything that was measured.
fn figures(reports: &[SeenReport], v: &View, d: &'static Devices) -> Vec<Figure> {
    let measured = CATEGORIES.iter().flat_map(|category| {
        let measured = category.quantities.iter().enumerate();
        measured
            .filter(|(_, quantity)| quantity.sub_type != CIRCUIT)
            .map(move |(place, quantity)| (category, place, quantity))
    });
    measured
        .filter_map(|(category, place, quantity)| {
            let of_category: Vec<_> =
                reports.iter().filter(|seen| seen.category == category).collect();
            figure(category, quantity, lines(&of_category, place, d), v, d)
        })
        .collect()
}

/// A line for each circuit; those of most circuits are drawn.
fn lines(reports: &[&SeenReport], place: usize, d: &Devices) -> Vec<Line> {
    let mut by_circuit: BTreeMap<Option<i32>, Vec<Point>> = BTreeMap::new();
    for seen in reports {
        let Some((_, value)) = seen.values().nth(place) else { continue };
        let point = Point { at: seen.report.time, value };
        by_circuit.entry(circuit(seen)).or_default().push(point);
    }
    let name = |circuit: Option<i32>| match circuit {
        Some(circuit) => format!("{} {circuit}", d.circuit),
        None => String::new(),
    };
    let line = |(circuit, points)| Line { name: name(circuit), points };
    by_circuit.into_iter().take(MOST_LINES).map(line).collect()
}

fn figure(
    category: &DataCategory,
    quantity: &'static Quantity,
    lines: Vec<Line>,
    v: &View,
    d: &'static Devices,
) -> Option<Figure> {
    let switch = is_switch(quantity);
    let codes = format!("{} · {}", category.code, quantity.sub_type);
    let unit = unit(quantity);
    let subtitle = if unit.is_empty() { codes } else { format!("{codes} · {unit}") };
    let captions = Captions { title: quantity_name(quantity, d).to_owned(), subtitle };
    let step = 10_f64.powi(-i32::try_from(quantity.decimals).unwrap_or(0));
    let style =
        Style { at_least: switch.then_some((0.0, 1.0)), step, stairs: switch, filled: switch };
    let written = |value| {
        if switch { value_text(quantity, value, d) } else { number(quantity, value) }
    };
    Figure::of(captions, lines, style, v, written)
}
