//! The devices of which something was accepted, the last heard of first.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::console::pager::Pager;
use crate::console::texts::Devices;
use crate::console::times::Moment;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::words::{category_name, state_class, state_name};
use crate::console::{Console, Page};
use crate::ledger::{DeviceRow, SeenReport};

#[derive(Template)]
#[template(path = "devices.html")]
struct DevicesPage {
    v: View,
    d: &'static Devices,
    pager: Pager,
    rows: Vec<Row>,
    /// The same search among the bindings.
    in_bindings: String,
}

struct Row {
    id: Box<str>,
    href: String,
    state: Option<(&'static str, &'static str)>,
    latest: Option<Latest>,
    heard: Moment,
}

/// A report in words.
pub(super) struct Latest {
    pub(super) category: &'static str,
    pub(super) code: u16,
    pub(super) values: String,
}

impl Latest {
    pub(super) fn of(seen: &SeenReport, d: &Devices) -> Self {
        Self {
            category: category_name(seen.category, d),
            code: seen.category.code,
            values: super::device::values_text(seen, d),
        }
    }
}

pub(in crate::console) async fn list(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    console.show(visit, Section::Devices, page).await
}

fn page(v: View, console: &Console) -> Page {
    let d = Devices::of(v.lang);
    let (needle, window) = (v.visit().needle(), v.visit().window());
    let found = console.service.ledger.devices(&needle, window);
    let pager = v.pager(&found);
    let row = |row: DeviceRow| Row {
        href: v.to_device(&row.id),
        state: row
            .state
            .map(|state| (state_class(state.online_status), state_name(state.online_status, d))),
        latest: row.report.map(|seen| Latest::of(&seen, d)),
        heard: v.moment(row.heard),
        id: row.id,
    };
    let rows = found.rows.into_iter().map(row).collect();
    let in_bindings = v.visit().to("/console/bindings", &[("q", v.search())]);
    Page::of(&DevicesPage { v, d, pager, rows, in_bindings })
}
