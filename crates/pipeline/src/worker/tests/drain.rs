use std::time::{Duration, Instant};

use emberline_broker::{Delivered, ProduceError, Unwritten};
use emberline_flow::commit_metadata::{self, CommitMetadata};
use emberline_model::Category::{self, Power, Smoke};
use emberline_wire::device::{DeviceRecord, Refusal};

use super::rig::{Rig, SECOND, Says, data, delivery, telemetry};
use crate::intake::Content;
use crate::settings::WorkerKind::Devices;

/// Which of these categories of the record at this offset a commit tells to be settled, where
/// all records are of one device.
fn parts_told(told: &CommitMetadata, offset: i64, categories: &[Category]) -> Vec<Category> {
    let front = told.fronts.first().filter(|front| front.at <= offset);
    let parts = front.map_or(0, |front| front.settled_parts(offset)) | told.settled_parts(offset);
    categories.iter().copied().filter(|category| parts & (1 << category.index()) != 0).collect()
}

#[tokio::test]
async fn a_revocation_that_the_source_gave_up_on_ends_its_tenures_all_the_same() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    let first = rig.revoke(0);
    let second = rig.revoke(1);
    assert!(second.recv_timeout(Duration::from_secs(1)).is_ok());
    drop(first);
    assert_eq!(rig.worker.records.partitions.owned_len(), 0);
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
}

#[tokio::test]
async fn what_is_in_a_call_is_settled_before_its_partition_goes() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    let answer = rig.revoke(0);
    assert!(answer.try_recv().is_err(), "not before the call has ended");
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    let commits = answer.recv_timeout(Duration::from_secs(1)).unwrap();
    assert_eq!(commits.iter().map(|commit| commit.offset).collect::<Vec<_>>(), [1]);
}

/// One of its properties is on its way to the dead letters, the other has not been sent.
#[tokio::test]
async fn a_record_is_not_committed_before_each_of_its_parts_has_its_outcome() {
    let lingering = crate::DeliverySettings { linger: Duration::from_mins(1), ..delivery() };
    let mut rig = Rig::with(Devices, lingering, "127.0.0.1:1");
    rig.bind("a");
    rig.assign(0, None, "");
    let mut telemetry = telemetry("a", SECOND, &[Power]);
    telemetry.refused.push(Refusal { category: Smoke, reason: "no boolean".into() });
    rig.read(0, 0, Content::Device(DeviceRecord::Telemetry(telemetry)));
    let answer = rig.revoke(0);
    let written = Ok(Delivered { partition: 0, offset: 0 });
    rig.worker.write_ended((0, written), Instant::now());
    rig.until("the answer", |rig| rig.worker.draining.is_none()).await;
    let commits = answer.recv_timeout(Duration::from_secs(1)).unwrap();
    let [commit] = commits.as_slice() else { panic!("{commits:?}") };
    assert_eq!(commit.offset, 0);
    let told = commit_metadata::decode(&commit.metadata, 0);
    assert_eq!(parts_told(&told, 0, &[Power, Smoke]), [Smoke], "the next owner has the rest to do");
    assert_eq!(rig.service.calls().len(), 0);
}

#[tokio::test]
async fn what_lies_above_all_that_was_sent_is_left_to_the_next_owner() {
    let one_call = crate::DeliverySettings { in_flight: 1, ..delivery() };
    let mut rig = Rig::with(Devices, one_call, "127.0.0.1:1");
    rig.bind("a");
    rig.bind("b");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.read(0, 1, data("b", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    let answer = rig.revoke(0);
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    let commits = answer.recv_timeout(Duration::from_secs(1)).unwrap();
    assert_eq!(commits.iter().map(|commit| commit.offset).collect::<Vec<_>>(), [1]);
    assert_eq!(rig.service.calls().len(), 1);
}

#[tokio::test]
async fn the_share_of_the_rate_counts_partitions_that_were_never_ours() {
    let mut rig = Rig::new(Devices);
    rig.assign(0, None, "");
    assert_eq!(rig.worker.all_partitions(), 4);
    let highs = (0..10).map(|partition| (("t".to_owned(), partition), 0));
    rig.worker.shared.highs.lock().offsets.extend(highs);
    assert_eq!(rig.worker.all_partitions(), 10);
}

#[tokio::test]
async fn nothing_is_committed_past_a_dead_letter_that_is_not_written() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.assign(0, None, "");
    rig.read(0, 0, Content::Undecodable("not JSON".into()));
    rig.read(0, 1, data("a", SECOND, &[Power]));
    rig.until("the neighbour", |rig| rig.count("delivered") == 1).await;
    assert_eq!(rig.frontier(0), 0);
    let record = rig.written.lock()[0].clone();
    let error = ProduceError::NoTopic("own.dead-letters".into());
    let refused = Err(Box::new(Unwritten { error, record }));
    rig.worker.write_ended((0, refused), Instant::now());
    assert_eq!((rig.frontier(0), rig.count("dead_lettered")), (0, 0));
    let written = Ok(Delivered { partition: 0, offset: 0 });
    rig.worker.write_ended((0, written), Instant::now());
    rig.until_idle().await;
    assert_eq!((rig.frontier(0), rig.count("dead_lettered")), (2, 1));
}

#[tokio::test]
async fn after_a_crash_only_the_rest_of_a_record_is_sent() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(
        |call| {
            if call.category == Some(400) { Says::Accepted } else { Says::Nothing }
        },
    );
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power, Smoke]));
    rig.until("one part", |rig| rig.count("delivered") == 1).await;
    let id = rig.partition(0);
    let commit = rig.worker.records.due_commits(vec![id]).remove(0);
    assert_eq!(commit.offset, 0);

    let mut next = Rig::new(Devices);
    next.bind("a");
    next.service.answers(|_| Says::Nothing);
    next.assign(0, Some(commit.offset), &commit.metadata);
    let id = next.partition(0);
    let before = next.worker.records.due_commits(vec![id]);
    assert!(before.is_empty(), "nothing new is known");
    next.read(0, 0, data("a", SECOND, &[Power, Smoke]));
    next.read(0, 1, data("a", SECOND, &[Power, Smoke]));
    next.until("the call", |rig| rig.service.calls().len() == 1).await;
    let again = next.worker.records.due_commits(vec![id]).remove(0);
    assert_eq!(again.offset, 0);
    let told = emberline_flow::commit_metadata::decode(&again.metadata, 0);
    assert_eq!(parts_told(&told, 0, &[Power, Smoke]), [Power], "another crash forgets nothing");
    next.service.answers(|_| Says::Accepted);
    next.until_idle().await;
    let categories: Vec<_> = next.service.calls().iter().map(|call| call.category).collect();
    assert_eq!(categories, [Some(500)]);
    assert_eq!((next.count("delivered"), next.count("duplicate")), (1, 2));
    assert_eq!(next.frontier(0), 2);
}

/// The later record has a dead letter under way, and the binding comes before that is
/// written.
#[tokio::test]
async fn of_what_waits_when_partitions_go_nothing_overtakes_the_rest() {
    let mut rig = Rig::new(Devices);
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    let mut later = telemetry("a", SECOND + 1, &[Power]);
    later.refused.push(Refusal { category: Smoke, reason: "no boolean".into() });
    rig.read(0, 1, Content::Device(DeviceRecord::Telemetry(later)));
    let answer = rig.revoke(0);
    rig.bind("a");
    rig.worker.release_bound(Instant::now());
    let written = Ok(Delivered { partition: 0, offset: 0 });
    rig.worker.write_ended((0, written), Instant::now());
    rig.until("the answer", |rig| rig.worker.draining.is_none()).await;
    assert_eq!(rig.service.calls().len(), 0, "both are the next owner's");
    let commits = answer.recv_timeout(Duration::from_secs(1)).unwrap();
    let [commit] = commits.as_slice() else { panic!("{commits:?}") };
    assert_eq!(commit.offset, 0);
    let told = commit_metadata::decode(&commit.metadata, 0);
    assert_eq!(parts_told(&told, 0, &[Power]), []);
    assert_eq!(parts_told(&told, 1, &[Power, Smoke]), [Smoke]);
}
