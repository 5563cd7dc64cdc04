//! Calls: how many, how they ended, why some were refused.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::pace;
use crate::console::figure::Figure;
use crate::console::texts::Calls;
use crate::console::times::Moment;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::words::grouped;
use crate::console::{Console, Page};
use crate::ledger::{ActionTotals, RefusedCall, Totals};

#[derive(Template)]
#[template(path = "calls.html")]
struct CallsPage {
    v: View,
    c: &'static Calls,
    pace: Option<Figure>,
    calls: Vec<Sum>,
    data: Vec<Sum>,
    actions: Vec<ActionRow>,
    codes: Vec<Sum>,
    readings: Vec<Sum>,
    refused: Vec<Refused>,
}

/// A name and a count.
struct Sum {
    name: &'static str,
    text: String,
    /// Whether it should be 0 with a caller that makes no mistake.
    is_bad: bool,
}

impl Sum {
    fn plain(name: &'static str, count: u64) -> Self {
        Self { name, text: grouped(count), is_bad: false }
    }

    fn bad(name: &'static str, count: u64) -> Self {
        Self { name, text: grouped(count), is_bad: count > 0 }
    }
}

struct ActionRow {
    name: &'static str,
    /// Each with what it counts.
    counts: [(&'static str, String); 5],
}

struct Refused {
    at: Moment,
    action: &'static str,
    request_id: Box<str>,
    code: &'static str,
    message: Box<str>,
}

pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    console.show(visit, Section::Calls, page).await
}

fn page(v: View, console: &Console) -> Page {
    let c = Calls::of(v.lang);
    let ledger = &console.service.ledger;
    let totals = ledger.totals();
    let codes = ledger.refusals.by_code().filter(|(_, count)| *count > 0);
    let codes = codes.map(|(code, count)| Sum::plain(code.as_str(), count)).collect();
    let refused = ledger.refusals.last().into_iter().map(|call| refused(call, &v, c)).collect();
    let page = CallsPage {
        pace: pace::figure(ledger, &v, c),
        calls: calls(&totals, c),
        data: data(&totals, c),
        actions: actions(&totals, c),
        readings: readings(&totals, c),
        codes,
        refused,
        v,
        c,
    };
    Page::of(&page)
}

fn calls(totals: &Totals, c: &'static Calls) -> Vec<Sum> {
    vec![
        Sum::plain(c.all, totals.calls),
        Sum::plain(c.accepted_calls, totals.accepted_calls),
        Sum::bad(c.rejected, totals.rejected_calls),
        Sum::plain(c.throttled, totals.throttled_calls),
        Sum::plain(c.faulted, totals.faulted_calls),
        Sum::plain(c.abandoned, totals.abandoned_calls),
        Sum::plain(c.under_way, totals.calls_under_way()),
    ]
}

fn data(totals: &Totals, c: &'static Calls) -> Vec<Sum> {
    vec![
        Sum::plain(c.reports, totals.reports_accepted),
        Sum::plain(c.distinct, totals.distinct_reports),
        Sum::bad(c.sent_twice, totals.sent_twice),
        Sum::bad(c.inversions, totals.order_inversions),
        Sum::bad(c.overlapping, totals.overlapping_calls),
        Sum::plain(c.states, totals.states_accepted),
        Sum::bad(c.forgotten, totals.identities_forgotten),
    ]
}

fn readings(totals: &Totals, c: &'static Calls) -> Vec<Sum> {
    let signatures = totals.signatures;
    vec![
        Sum::plain("json", signatures.json),
        Sum::plain("flatten", signatures.flatten),
        Sum::plain("omit", signatures.omit),
        Sum::plain(c.nothing_nested, signatures.nothing_nested),
    ]
}

/// Actions that were never called are left out.
fn actions(totals: &Totals, c: &'static Calls) -> Vec<ActionRow> {
    let called = totals.by_action.iter().filter(|(_, sums)| **sums != ActionTotals::default());
    let row = |(name, sums): (&&'static str, &ActionTotals)| ActionRow {
        name: if *name == "unknown" { c.unknown_action } else { name },
        counts: [
            (c.accepted_calls, sums.accepted),
            (c.rejected, sums.rejected),
            (c.throttled, sums.throttled),
            (c.faulted, sums.faulted),
            (c.abandoned, sums.abandoned),
        ]
        .map(|(label, count)| (label, grouped(count))),
    };
    called.map(row).collect()
}

fn refused(call: RefusedCall, v: &View, c: &'static Calls) -> Refused {
    Refused {
        at: v.moment(call.at),
        action: call.action.map_or(c.unknown_action, |action| action.name()),
        request_id: call.request_id,
        code: call.code.as_str(),
        message: call.message,
    }
}
