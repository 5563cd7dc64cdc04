//! The fault switches.

use emberline_sandbox::{Action, Fault, FaultRule};

use super::Visitor;
use crate::caller::{Call, furnished, send, settings};

#[tokio::test]
async fn a_fault_is_switched_on_shown_and_off_again() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    let form = "kind=throttle&retry_after=7&share=100&times=2&action=ServiceReportDeviceData";
    let added = visitor.send("/console/faults", form).await;
    assert_eq!(added.header("location"), Some("/console/faults?done=fault-added"));
    let rule = FaultRule::first(2, Fault::slow_down(7)).of(Action::ReportDeviceData);
    assert_eq!(sandbox.faults().plan().rules, [rule]);

    let answer = send(&sandbox, &Call::power(1, "1")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("7")));
    let page = visitor.page("/console/faults").await;
    for text in ["HTTP 429 · Retry-After: 7", "ServiceReportDeviceData", "1 calls left"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(visitor.page("/").await.contains("Faults are in force"), "every page tells it");

    let cleared = visitor.send("/console/faults/clear", "").await;
    assert_eq!(cleared.header("location"), Some("/console/faults?done=no-faults"));
    assert!(sandbox.faults().plan().is_quiet());
    assert!(!visitor.page("/").await.contains("Faults are in force"));
}

#[tokio::test]
async fn one_fault_of_several_is_removed_and_no_other_in_its_place() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().add(FaultRule::first(5, Fault::status(500)));
    sandbox.faults().add(FaultRule::always(Fault::Reset));
    let visitor = Visitor::of(&sandbox);
    let page = visitor.page("/console/faults").await;
    let (_, rest) = page.split_once("name=\"mark\" value=\"").unwrap();
    let form = format!("place=0&mark={}", rest.split('"').next().unwrap());

    assert_eq!(send(&sandbox, &Call::power(1, "1")).await.status, 500, "it is the same after that");
    let removed = visitor.send("/console/faults/remove", &form).await;
    assert_eq!(removed.header("location"), Some("/console/faults?done=fault-removed"));
    let twice = visitor.send("/console/faults/remove", &form).await;
    assert_eq!(twice.header("location"), Some("/console/faults?done=fault-gone"));
    assert_eq!(sandbox.faults().plan().rules, [FaultRule::always(Fault::Reset)]);
}

#[tokio::test]
async fn delays_are_set_beside_the_faults_in_force() {
    let sandbox = furnished(settings()).await;
    sandbox.faults().add(FaultRule::always(Fault::Hang));
    let visitor = Visitor::of(&sandbox);
    let set = visitor.send("/console/faults/delays", "latency=20&jitter=&answer_latency=3").await;
    assert_eq!(set.status, 303);
    let plan = sandbox.faults().plan();
    assert_eq!((plan.latency.as_millis(), plan.answer_latency.as_millis()), (20, 3));
    assert_eq!(plan.rules.len(), 1);
    for wrong in ["latency=-1", "latency=soon", "jitter=600001"] {
        let answer = visitor.send("/console/faults/delays", wrong).await;
        assert_eq!(answer.status, 422, "{wrong}");
    }
    assert_eq!(sandbox.faults().plan().latency.as_millis(), 20);
}

#[tokio::test]
async fn a_form_with_mistakes_comes_back_as_it_was_typed() {
    let sandbox = furnished(settings()).await;
    let form = "kind=status&status=700&share=200&device=P%2F%3Cb%3E&times=3";
    let answer = Visitor::of(&sandbox).send("/console/faults", form).await;
    assert_eq!(answer.status, 422);
    for text in [
        "value=\"700\"",
        "value=\"200\"",
        "P/&#60;b&#62;",
        "id=\"status-wrong\"",
        "id=\"share-wrong\"",
    ] {
        assert!(answer.body.contains(text), "{text}");
    }
    assert!(sandbox.faults().plan().is_quiet());
}

#[tokio::test]
async fn there_is_an_end_to_the_faults_that_the_page_takes() {
    let sandbox = furnished(settings()).await;
    for _ in 0..100 {
        sandbox.faults().add(FaultRule::always(Fault::Reset));
    }
    let answer = Visitor::of(&sandbox).send("/console/faults", "kind=hang&share=1").await;
    assert_eq!(answer.status, 422);
    assert_eq!(sandbox.faults().plan().rules.len(), 100);
}
