//! Every way to fail, and that it ends when it should.

use std::io::ErrorKind;
use std::time::Duration;

use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule, Sandbox, SandboxSettings};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::caller::{Call, PATH, eventually, furnished, get, post, send, settings};

async fn fails(sandbox: &Sandbox, call: &Call) -> ErrorKind {
    post(sandbox, PATH, &call.body()).await.unwrap_err().kind()
}

#[tokio::test]
async fn an_answer_is_given_for_the_next_calls_and_no_more() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan::first(2, Fault::status(503)));
    for _ in 0..2 {
        let answer = send(&sandbox, &Call::power(1, "1")).await;
        assert_eq!((answer.status, answer.body.as_str()), (503, ""));
    }
    assert!(send(&sandbox, &Call::power(1, "1")).await.succeeded());
    let totals = sandbox.ledger().totals();
    assert_eq!((totals.faulted_calls, totals.reports_accepted), (2, 1));
}

#[tokio::test]
async fn an_error_comes_in_the_envelope_and_a_wait_in_its_header() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().add(FaultRule::first(1, Fault::error("InternalError", "oh")));
    sandbox.faults().add(FaultRule::first(1, Fault::slow_down(7)));
    let error = send(&sandbox, &Call::power(1, "1")).await.error();
    assert_eq!(error, ("InternalError".to_owned(), "oh".to_owned()));
    let slow = send(&sandbox, &Call::power(1, "1")).await;
    assert_eq!((slow.status, slow.header("retry-after")), (429, Some("7")));
}

#[tokio::test]
async fn a_wait_can_be_told_as_a_date() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan::first(1, Fault::slow_down_until(20)));
    let slow = send(&sandbox, &Call::power(1, "1")).await;
    let date = slow.header("retry-after").unwrap();
    assert_eq!(slow.status, 429);
    assert!(date.ends_with(" GMT") && date.len() == 29, "{date}");
}

#[tokio::test]
async fn a_caller_that_goes_away_before_its_answer_does_not_undo_the_call() {
    let answer_latency = Duration::from_hours(1);
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan { answer_latency, ..FaultPlan::default() });
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(&Call::power(1, "1").as_http()).await.unwrap();
    eventually("it is done", || sandbox.ledger().totals().reports_accepted == 1).await;
    assert_eq!(sandbox.ledger().totals().calls_under_way(), 1);
    drop(stream);
    eventually("it is abandoned", || sandbox.ledger().totals().abandoned_calls == 1).await;
    let arrivals = sandbox.ledger().arrivals().of(Action::ReportDeviceData);
    assert_eq!(arrivals.calls.len(), 1);
}

#[tokio::test]
async fn a_rule_strikes_only_what_it_names() {
    let sandbox = furnished(settings()).await;
    let rule = FaultRule::always(Fault::error("InvalidParameterValue", "poison"));
    sandbox.faults().add(FaultRule { report_time: Some(7), ..rule.clone() });
    sandbox.faults().add(FaultRule { device: Some("P/z".to_owned()), ..rule.clone() });
    sandbox.faults().add(rule.of(Action::GetOrderList));
    assert!(send(&sandbox, &Call::power(6, "1")).await.succeeded());
    assert_eq!(send(&sandbox, &Call::power(7, "1")).await.error().1, "poison");
    assert!(send(&sandbox, &Call::state("P/a", 1)).await.succeeded());
    assert_eq!(send(&sandbox, &Call::state("P/z", 1)).await.error().1, "poison");
    assert_eq!(send(&sandbox, &Call::new("ServiceGetOrderList")).await.error().1, "poison");
    sandbox.faults().clear();
    assert!(send(&sandbox, &Call::power(7, "1")).await.succeeded());
}

#[tokio::test]
async fn a_body_can_be_cut_short_of_its_length() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan::first(1, Fault::CutBody));
    assert_eq!(fails(&sandbox, &Call::power(1, "1")).await, ErrorKind::UnexpectedEof);
    assert!(sandbox.ledger().reports_of("P/a").is_empty());
}

#[tokio::test]
async fn a_lost_answer_can_hide_a_call_that_was_carried_out() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().add(FaultRule::first(1, Fault::CutBody).after_acting());
    sandbox.faults().add(FaultRule::first(1, Fault::status(500)).after_acting());
    assert_eq!(fails(&sandbox, &Call::power(1, "1")).await, ErrorKind::UnexpectedEof);
    assert_eq!(send(&sandbox, &Call::power(2, "1")).await.status, 500);
    assert_eq!(sandbox.ledger().reports_of("P/a").len(), 2);
    assert_eq!(sandbox.ledger().totals().faulted_calls, 2);
}

#[tokio::test]
async fn an_answer_can_be_no_json() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().add(FaultRule::first(1, Fault::TruncatedJson));
    let page = Fault::Raw { status: 502, body: "<html>Bad Gateway".to_owned() };
    sandbox.faults().add(FaultRule::first(1, page));
    let truncated = send(&sandbox, &Call::power(1, "1")).await;
    assert!(truncated.body.starts_with("{\"Response\""), "{truncated:?}");
    assert!(serde_json::from_str::<serde_json::Value>(&truncated.body).is_err());
    let page = send(&sandbox, &Call::power(1, "1")).await;
    assert_eq!((page.status, page.body.as_str()), (502, "<html>Bad Gateway"));
}

#[tokio::test]
async fn a_connection_can_be_reset() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan::first(1, Fault::Reset));
    assert_eq!(fails(&sandbox, &Call::power(1, "1")).await, ErrorKind::ConnectionReset);
    assert!(send(&sandbox, &Call::power(1, "1")).await.succeeded());
}

#[tokio::test]
async fn a_call_that_hangs_is_let_go_when_the_sandbox_stops() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan::always(Fault::Hang));
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(&Call::power(1, "1").as_http()).await.unwrap();
    eventually("the call hangs", || sandbox.ledger().totals().faulted_calls == 1).await;
    let stopped = tokio::time::timeout(Duration::from_secs(4), sandbox.stop()).await;
    assert!(stopped.is_ok(), "it waited for a call that never ends");
}

#[tokio::test]
async fn a_caller_that_goes_away_is_counted() {
    let latency = Duration::from_hours(1);
    let sandbox = furnished(settings()).await;
    sandbox.faults().set(FaultPlan { latency, ..FaultPlan::default() });
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream.write_all(&Call::power(1, "1").as_http()).await.unwrap();
    eventually("the call is under way", || sandbox.ledger().totals().calls == 2).await;
    drop(stream);
    eventually("it is abandoned", || sandbox.ledger().totals().abandoned_calls == 1).await;
    assert!(sandbox.ledger().reports_of("P/a").is_empty());
}

#[tokio::test]
async fn calls_above_the_rate_are_told_when_to_come_back() {
    let sandbox = furnished(SandboxSettings { rate_limit: Some(0.01), ..settings() }).await;
    let answer = send(&sandbox, &Call::power(1, "1")).await;
    assert_eq!(answer.status, 429);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=100).contains(&seconds), "{seconds}");
    assert_eq!(sandbox.ledger().totals().throttled_calls, 1);
    assert_eq!(get(&sandbox, "/admin/ledger").await.status, 200, "admin pages are not limited");
}
