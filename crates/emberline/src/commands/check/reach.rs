//! The service from far to near: its name, the connection, the clock, the credentials.
//!
//! One harmless question (the first customer of the list), made on a connection of its own.

use std::time::{SystemTime, UNIX_EPOCH};

use emberline_service_api::{
    CallError, CustomerList, FailureClass, ServiceGetCustomerList, read_answer,
};
use emberline_service_client::{Probe, Stage};

use super::fault::Fault;
use super::report::{Group, Report};
use crate::paced::PacedService;

/// How far the clocks may be apart, in seconds. The contract gives no number; five minutes
/// is what the vendor's other services allow, and a clock that is a minute wrong is on its
/// way there.
const MOST_SKEW: i64 = 60;

const STEPS: [&str; 5] = ["address", "connection", "tls", "clock", "credentials"];

/// Finds out how far a call comes; true if the credentials are accepted.
pub(super) async fn check(service: &PacedService, report: &mut Report) -> bool {
    let query = ServiceGetCustomerList { limit: Some(1), ..Default::default() };
    let probe = service.probe(&query).await;
    let reached = reached(&probe);
    for (step, outcome) in STEPS.iter().zip(&reached) {
        report.settle(Group::Service, step, outcome.clone());
    }
    if probe.answer.is_none() {
        let because = format!("the {}", STEPS[reached.len().saturating_sub(1)]);
        for step in &STEPS[reached.len()..] {
            report.skipped(Group::Service, step, &because);
        }
        return false;
    }
    let clock = probe.clock_ahead.map(clock);
    let wrong_clock = matches!(clock, Some(Err(_)));
    match clock {
        Some(outcome) => drop(report.settle(Group::Service, "clock", outcome)),
        None => report.skipped(Group::Service, "clock", "an answer without a Date"),
    }
    let outcome = match answered(&probe) {
        // Busy, or a hiccup: asked again as everything else is.
        Err(error) if may_pass(&error) => service.read(&query).await,
        answer => answer,
    };
    let outcome = outcome.map(|list| format!("accepted; {} customers", list.total));
    report.settle(
        Group::Service,
        "credentials",
        outcome.map_err(|error| of_credentials(error, wrong_clock)),
    )
}

/// How the steps up to the answer ended, as far as they were come to.
fn reached(probe: &Probe) -> Vec<Result<String, Fault>> {
    let addresses: Vec<_> = probe.addresses.iter().map(ToString::to_string).collect();
    let tls = match (&probe.tls, &probe.failed) {
        (Some(version), _) => version.clone(),
        (None, _) => "none: the URL is http".to_owned(),
    };
    let peer = probe.peer.map(|peer| peer.to_string()).unwrap_or_default();
    let mut steps = vec![Ok(addresses.join(", ")), Ok(peer), Ok(tls)];
    if let Some((stage, error)) = &probe.failed {
        let (done, advice) = match stage {
            Stage::Name => {
                (0, "is the host in service.url right, and does this machine resolve names?")
            }
            Stage::Connection => (
                1,
                "is the port in service.url right, is the service up, and does a firewall let calls out?",
            ),
            Stage::Tls => (
                2,
                "if its certificate is of an authority of your own, name that in service.ca_file",
            ),
            // No step of its own: without an answer nothing is known of the credentials.
            Stage::Answer => {
                (3, "is service.url the service? Else try again, or raise service.timeout")
            }
        };
        steps.truncate(done);
        let fault = Err(Fault::new(error.to_string(), advice));
        match stage {
            Stage::Answer => steps[1] = fault,
            _ => steps.push(fault),
        }
    }
    steps
}

fn clock(ahead: i64) -> Result<String, Fault> {
    let seconds = ahead.abs();
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    if seconds > MOST_SKEW {
        let detail = format!("this machine's clock is {seconds} s {side} the service's");
        return Err(Fault::new(detail, "set it by NTP: calls with a wrong time are refused"));
    }
    Ok(if seconds <= 1 { "agrees".to_owned() } else { format!("{seconds} s {side} the service's") })
}

fn answered(probe: &Probe) -> Result<CustomerList, CallError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let Some(answer) = &probe.answer else {
        return Err(CallError::Unreadable { problem: "no answer".to_owned() });
    };
    read_answer(answer.status, answer.retry_after.as_deref(), &answer.body, now)
}

fn may_pass(error: &CallError) -> bool {
    matches!(error.class(), FailureClass::Throttled | FailureClass::Transient)
}

/// No customer is named in the question: who is unknown is the app key. And a signature is
/// refused for a wrong time, too.
fn of_credentials(error: CallError, wrong_clock: bool) -> Fault {
    let class = error.class();
    let fault = Fault::from(error);
    match class {
        FailureClass::UnknownCustomer => {
            fault.advise("the service does not know service.app_key: compare it with the console's")
        }
        FailureClass::Credentials if wrong_clock => {
            fault.advise("set this machine's clock first: see the step \"clock\"")
        }
        _ => fault,
    }
}
