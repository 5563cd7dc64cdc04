//! The fault switches: what is in force, and how to change it.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use xxhash_rust::xxh3::xxh3_64;

use crate::console::fault_form::{FaultForm, Kind};
use crate::console::posted::Posted;
use crate::console::texts::Faults;
use crate::console::view::{Section, View};
use crate::console::visit::Visit;
use crate::console::{Console, Page};
use crate::{Action, Fault, FaultPlan, FaultRule};

const PATH: &str = "/console/faults";
/// Rules that are shown, and that the page lets one have.
const MOST_RULES: usize = 100;
/// Longest delay that is taken, in milliseconds.
const LONGEST_DELAY: u64 = 600_000;

#[derive(Template)]
#[template(path = "faults.html")]
struct FaultsPage {
    v: View,
    f: &'static Faults,
    delays: Delays,
    rules: Vec<RuleRow>,
    has_more: bool,
    is_quiet: bool,
    quick: [Quick; 6],
    form: FaultForm,
    kinds: [Kind; 9],
    actions: [Action; 8],
}

/// In milliseconds, as they are shown and typed.
struct Delays {
    latency: String,
    jitter: String,
    answer_latency: String,
    is_wrong: bool,
}

struct RuleRow {
    place: usize,
    mark: String,
    what: String,
    whom: String,
    how_often: String,
}

/// A fault at one press.
struct Quick {
    title: &'static str,
    text: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

pub(in crate::console) async fn show(
    State(console): State<Arc<Console>>,
    visit: Visit,
) -> Response {
    let show = |v: View, console: &Console| page(StatusCode::OK, v, console, FaultForm::fresh());
    console.show(visit, Section::Faults, show).await
}

pub(in crate::console) async fn add(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Response {
    let f = Faults::of(posted.visit.lang());
    let form = FaultForm::of(&posted);
    let wrong = match form.clone().read(f) {
        Ok(rule) => {
            let is_added = console.service.faults.change(|plan| {
                let has_room = plan.rules.len() < MOST_RULES;
                if has_room {
                    plan.rules.push(rule);
                }
                has_room
            });
            if is_added {
                return posted.done(PATH, "fault-added");
            }
            FaultForm { wrong: vec![("kind", f.wrong_full.to_owned())], ..form }
        }
        Err(wrong) => *wrong,
    };
    let show =
        |v: View, console: &Console| page(StatusCode::UNPROCESSABLE_ENTITY, v, console, wrong);
    console.show(posted.visit, Section::Faults, show).await
}

/// A rule may be gone, or another one be in its place, since the page was drawn.
pub(in crate::console) async fn remove(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Response {
    let place = posted.get("place").parse().unwrap_or(usize::MAX);
    let is_removed = console.service.faults.change(|plan| {
        let is_same = plan.rules.get(place).is_some_and(|rule| mark(rule) == posted.get("mark"));
        if is_same {
            plan.rules.remove(place);
        }
        is_same
    });
    posted.done(PATH, if is_removed { "fault-removed" } else { "fault-gone" })
}

pub(in crate::console) async fn clear(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Response {
    console.service.faults.clear();
    posted.done(PATH, "no-faults")
}

pub(in crate::console) async fn delay(
    State(console): State<Arc<Console>>,
    posted: Posted,
) -> Response {
    let millis = |name| -> Option<Duration> {
        let text = posted.get(name);
        let millis = if text.is_empty() { 0 } else { text.parse().ok()? };
        (millis <= LONGEST_DELAY).then_some(Duration::from_millis(millis))
    };
    let delays = (millis("latency"), millis("jitter"), millis("answer_latency"));
    if let (Some(latency), Some(jitter), Some(answer_latency)) = delays {
        console.service.faults.change(|plan| {
            (plan.latency, plan.jitter, plan.answer_latency) = (latency, jitter, answer_latency);
        });
        return posted.done(PATH, "delays");
    }
    let typed = Delays {
        latency: posted.get("latency").to_owned(),
        jitter: posted.get("jitter").to_owned(),
        answer_latency: posted.get("answer_latency").to_owned(),
        is_wrong: true,
    };
    let show = |v: View, console: &Console| {
        let page = FaultsPage { delays: typed, ..filled(v, console, FaultForm::fresh()) };
        Page::with(StatusCode::UNPROCESSABLE_ENTITY, &page)
    };
    console.show(posted.visit, Section::Faults, show).await
}

fn page(status: StatusCode, v: View, console: &Console, form: FaultForm) -> Page {
    Page::with(status, &filled(v, console, form))
}

fn filled(v: View, console: &Console, form: FaultForm) -> FaultsPage {
    let f = Faults::of(v.lang);
    let plan = console.service.faults.plan();
    let rules = plan.rules.iter().take(MOST_RULES).enumerate();
    FaultsPage {
        delays: Delays::of(&plan),
        rules: rules.map(|(place, rule)| row(place, rule, f, &v)).collect(),
        has_more: plan.rules.len() > MOST_RULES,
        is_quiet: plan.is_quiet(),
        quick: quick(f),
        form,
        kinds: Kind::ALL,
        actions: Action::ALL,
        v,
        f,
    }
}

impl Delays {
    fn of(plan: &FaultPlan) -> Self {
        let millis = |delay: Duration| delay.as_millis().to_string();
        Self {
            latency: millis(plan.latency),
            jitter: millis(plan.jitter),
            answer_latency: millis(plan.answer_latency),
            is_wrong: false,
        }
    }
}

/// Knows a rule again, however often it has struck since.
fn mark(rule: &FaultRule) -> String {
    let lasting = FaultRule { times: None, ..rule.clone() };
    format!("{:016x}", xxh3_64(&serde_json::to_vec(&lasting).unwrap_or_default()))
}

fn row(place: usize, rule: &FaultRule, f: &'static Faults, v: &View) -> RuleRow {
    let mut what = fault_text(&rule.fault, f);
    if rule.after_acting {
        what = format!("{what} · {}", f.after_acting_word);
    }
    let mut whom = vec![rule.action.map_or(f.every_call, Action::name).to_owned()];
    whom.extend(rule.device.as_ref().map(|device| format!("{} {device}", f.device_word)));
    whom.extend(
        rule.report_time.map(|at| format!("{} {}", f.report_time_word, v.times().full(at))),
    );
    let percent = (rule.share < 1.0).then(|| {
        // At most three decimals, and none that says nothing.
        let percent = (rule.share * 100_000.0).round() / 1_000.0;
        format!("{percent} % {}", f.of_calls)
    });
    let times = match rule.times {
        Some(times) => format!("{times} {}", f.next_calls),
        None => f.no_end.to_owned(),
    };
    let how_often: Vec<String> = percent.into_iter().chain([times]).collect();
    RuleRow {
        place,
        mark: mark(rule),
        what,
        whom: whom.join(" · "),
        how_often: how_often.join(" · "),
    }
}

fn fault_text(fault: &Fault, f: &'static Faults) -> String {
    match fault {
        Fault::Answer { status, code, message, retry_after, retry_after_date } => {
            let mut parts = vec![format!("HTTP {status}")];
            parts.extend(code.as_ref().map(|code| format!("{code}: {message}")));
            parts.extend(retry_after.as_ref().map(|after| format!("Retry-After: {after}")));
            parts.extend(retry_after_date.map(|after| format!("Retry-After: + {after} s")));
            parts.join(" · ")
        }
        Fault::Raw { status, .. } => format!("HTTP {status} · {}", f.kind_raw),
        Fault::CutBody => f.kind_cut_body.to_owned(),
        Fault::TruncatedJson => f.kind_truncated_json.to_owned(),
        Fault::Hang => f.kind_hang.to_owned(),
        Fault::Reset => f.kind_reset.to_owned(),
    }
}

fn quick(f: &'static Faults) -> [Quick; 6] {
    let quick = |title, text, fields| Quick { title, text, fields };
    [
        quick(
            f.quick_signature,
            f.quick_signature_text,
            &[("kind", "signature"), ("share", "100")],
        ),
        quick(
            f.quick_throttle,
            f.quick_throttle_text,
            &[("kind", "throttle"), ("retry_after", "5"), ("share", "100"), ("times", "20")],
        ),
        quick(
            f.quick_share,
            f.quick_share_text,
            &[("kind", "status"), ("status", "503"), ("share", "10")],
        ),
        quick(
            f.quick_down,
            f.quick_down_text,
            &[("kind", "status"), ("status", "503"), ("share", "100")],
        ),
        quick(
            f.quick_hang,
            f.quick_hang_text,
            &[("kind", "hang"), ("share", "100"), ("times", "5")],
        ),
        quick(
            f.quick_doubt,
            f.quick_doubt_text,
            &[("kind", "reset"), ("share", "100"), ("times", "5"), ("after_acting", "yes")],
        ),
    ]
}
