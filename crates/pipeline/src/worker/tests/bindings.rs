use std::sync::atomic::Ordering;

use super::rig::{Rig, SECOND, Says, binding};
use crate::intake::Content;
use crate::settings::WorkerKind::Bindings;

fn bind(device: &str) -> Content {
    Content::Binding(Box::new(binding(device, SECOND)))
}

#[tokio::test]
async fn a_set_pushed_for_a_partition_that_was_lost_meanwhile_is_not_written() {
    let mut rig = Rig::new(Bindings);
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, bind("a"));
    rig.until("the push", |rig| rig.service.calls().len() == 1).await;
    rig.lose(0);
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
}

#[tokio::test]
async fn a_binding_that_is_refused_leaves_nothing_behind_for_the_next_customer() {
    let mut rig = Rig::new(Bindings);
    rig.service.answers(|_| Says::Refused);
    rig.assign(0, None, "");
    rig.read(0, 0, bind("a"));
    rig.until("the refusal", |rig| rig.worker.in_calls == 0).await;
    assert!(rig.worker.pushed_sets.is_empty());
}

#[tokio::test]
async fn two_workers_never_make_a_set_of_one_customer_at_once() {
    let mut rig = Rig::new(Bindings);
    let other = rig.worker.shared.bindings.claim(&binding("a", SECOND).customer).unwrap();
    rig.assign(0, None, "");
    rig.read(0, 0, bind("a"));
    rig.until("a look at the claim", |rig| rig.worker.lanes.next_deadline().is_some()).await;
    assert_eq!(rig.service.calls().len(), 0);
    drop(other);
    rig.until("the push", |rig| rig.service.calls().len() == 1).await;
}

#[tokio::test]
async fn no_set_is_made_before_the_last_owners_sets_are_read() {
    let mut rig = Rig::new(Bindings);
    rig.assign(0, None, "");
    rig.worker.sets_behind.fetch_add(1, Ordering::Relaxed);
    rig.read(0, 0, bind("a"));
    rig.until("a look at the sets", |rig| rig.worker.lanes.next_deadline().is_some()).await;
    assert_eq!(rig.service.calls().len(), 0);
    rig.worker.sets_behind.fetch_sub(1, Ordering::Relaxed);
    rig.until("the push", |rig| rig.service.calls().len() == 1).await;
}

#[tokio::test]
async fn a_set_that_lost_anothers_device_is_written_whole() {
    let mut rig = Rig::new(Bindings);
    let theirs = {
        let mut set = emberline_flow::customer_set::CustomerSet::default();
        set.apply(&binding("theirs", SECOND));
        set
    };
    rig.bind("ours");
    let bindings = std::sync::Arc::clone(&rig.worker.shared.bindings);
    let customer = binding("ours", SECOND).customer;
    let record = crate::table::encode(&theirs);
    bindings.read(Some(customer.as_str().as_bytes()), Some(&record), Some(1));
    rig.until("the write", |rig| rig.worker.outbox.unacknowledged().0 == 1).await;
    assert!(bindings.claim(&customer).is_none(), "nobody else makes one meanwhile");
    assert_eq!(rig.service.calls().len(), 0, "both sets were pushed already");
}

#[tokio::test]
async fn bindings_of_a_customer_whose_record_cannot_be_read_wait_in_a_retry_topic() {
    let mut rig = Rig::new(Bindings);
    rig.bind("a");
    let bindings = std::sync::Arc::clone(&rig.worker.shared.bindings);
    let customer = binding("a", SECOND).customer;
    // A device whose id only a later version takes for one.
    let record = b"\x0a\x08\x0a\x06no one";
    bindings.read(Some(customer.as_str().as_bytes()), Some(record), Some(1));
    rig.assign(0, None, "");
    rig.read(0, 0, bind("b"));
    rig.until("the write", |rig| rig.worker.outbox.len() == 1).await;
    let [written] = rig.worker.outbox.records().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(&*written.topic, "own.retry.30s");
    assert_eq!(rig.service.calls().len(), 0, "no set is pushed that lacks what it has");
    assert!(bindings.claim(&customer).is_some(), "the claim is given back");
}
