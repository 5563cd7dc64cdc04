//! Partitions that move between two sources of a group.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use emberline_broker::{Commit, CommitError, EmbeddedBroker, Revocation, SourceEvent};
use support::{DEADLINE, Seen, Worker, broker_with, produce, settings, wide_room};

/// Takes events of both until the first is asked to give something up.
async fn revocation(first: &mut Worker, second: &mut Worker) -> Revocation {
    let found = tokio::time::timeout(DEADLINE, async {
        loop {
            tokio::select! {
                event = first.next() => if let SourceEvent::Revoking(revocation) = event {
                    return revocation;
                },
                _ = second.next() => {}
            }
        }
    });
    found.await.expect("a revocation in time")
}

/// A worker that has read all of four partitions, one that comes to share them, and what the
/// first is asked to give up for it.
async fn a_second_comes() -> (EmbeddedBroker, [Worker; 2], Revocation) {
    let broker = broker_with("t", 4, 200).await;
    let kafka = broker.settings("g");
    let mut first = Worker::start(&kafka, settings("t"), wide_room());
    first.until("all records", |worker| worker.seen.len() == 200).await;
    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    let revoked = revocation(&mut first, &mut second).await;
    (broker, [first, second], revoked)
}

#[tokio::test]
async fn the_next_owner_starts_where_the_last_one_said_in_its_revocation() {
    let (_broker, [first, mut second], revoked) = a_second_comes().await;
    assert!(!revoked.lost);
    assert_eq!(revoked.partitions.len(), 2);
    let commits: Vec<Commit> = revoked
        .partitions
        .iter()
        .map(|at| Commit { at: at.clone(), offset: 10, metadata: format!("p{}", at.partition) })
        .collect();
    let gone: BTreeSet<i32> = revoked.partitions.iter().map(|at| at.partition).collect();
    revoked.done(commits);

    second.until("the partitions", |worker| worker.assigned.len() == 2).await;
    for assigned in &second.assigned {
        assert!(gone.contains(&assigned.at.partition));
        assert_eq!(assigned.committed, Some(10));
        assert_eq!(assigned.metadata, format!("p{}", assigned.at.partition));
    }
    second.close(Vec::new()).await;
    first.close(Vec::new()).await;
}

#[tokio::test]
async fn after_its_tenure_nothing_of_a_partition_is_read_or_committed() {
    let (broker, [mut first, mut second], revoked) = a_second_comes().await;
    let kafka = broker.settings("g");
    let ended = revoked.partitions.clone();
    let read_before = first.seen.len();
    revoked.done(Vec::new());
    second.until("the partitions", |worker| worker.assigned.len() == 2).await;

    let late = Commit { at: ended[0].clone(), offset: 1, metadata: String::new() };
    first.source.commit(vec![late.clone()]);
    let (commits, error) = first
        .wait_for("the refusal", |event| match event {
            SourceEvent::CommitFailed { commits, error } => Some((commits, error)),
            SourceEvent::Committed(_) => panic!("committed for another owner"),
            _ => None,
        })
        .await;
    assert_eq!((commits, error), (vec![late], CommitError::Fenced));

    let values: Vec<(String, &str)> = (0..100).map(|n| (format!("n{n}"), "later")).collect();
    let values: Vec<(&str, &str)> = values.iter().map(|(key, v)| (key.as_str(), *v)).collect();
    produce(&kafka, "t", &values).await;
    let fresh = |worker: &Worker| {
        worker.seen.iter().filter(|seen| seen.value.as_deref() == Some("later")).count()
    };
    let limit = tokio::time::Instant::now() + DEADLINE;
    while fresh(&first) + fresh(&second) < 100 && tokio::time::Instant::now() < limit {
        tokio::select! {
            _ = first.next() => {}
            _ = second.next() => {}
        }
    }
    assert_eq!(fresh(&first) + fresh(&second), 100);
    let epochs: BTreeSet<u64> = ended.iter().map(|at| at.epoch).collect();
    let after: &[Seen] = &first.seen[read_before..];
    assert!(after.iter().all(|seen| !epochs.contains(&seen.epoch)));
    second.close(Vec::new()).await;
    first.close(Vec::new()).await;
}

#[tokio::test]
async fn while_a_drain_is_waited_for_the_partitions_that_stay_are_committed() {
    let (_broker, [mut first, mut second], revoked) = a_second_comes().await;
    let gone: BTreeSet<i32> = revoked.partitions.iter().map(|at| at.partition).collect();
    let staying = (0..4).find(|partition| !gone.contains(partition)).expect("two stay");
    let commit = first.commit(staying, 7, "meanwhile");
    first.source.commit(vec![commit.clone()]);
    let made = first
        .wait_for("the commit", |event| match event {
            SourceEvent::Committed(commits) => Some(commits),
            SourceEvent::Failed(error) => panic!("{error}"),
            _ => None,
        })
        .await;
    assert_eq!(made, [commit]);
    revoked.done(Vec::new());
    second.until("the partitions", |worker| worker.assigned.len() == 2).await;
    second.close(Vec::new()).await;
    first.close(Vec::new()).await;
}

#[tokio::test]
async fn a_partition_that_comes_back_has_a_new_epoch() {
    let broker = broker_with("t", 2, 20).await;
    let kafka = broker.settings("g");
    let mut first = Worker::start(&kafka, settings("t"), wide_room());
    first.until("both partitions", |worker| worker.assigned.len() == 2).await;
    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    let revoked = revocation(&mut first, &mut second).await;
    let gone = revoked.partitions[0].clone();
    revoked.done(Vec::new());
    second.until("a partition", |worker| worker.assigned.len() == 1).await;
    second.close(Vec::new()).await;

    first.until("it back", |worker| worker.assigned.len() == 3).await;
    let back = first.tenure(gone.partition);
    assert!(back.epoch > gone.epoch);
    first.close(Vec::new()).await;
}

#[tokio::test]
async fn a_worker_that_does_not_answer_holds_the_group_up_to_the_drain_deadline_only() {
    let broker = broker_with("t", 2, 20).await;
    let kafka = broker.settings("g");
    let mut impatient = settings("t");
    impatient.drain_deadline = Duration::from_millis(300);
    let mut first = Worker::start(&kafka, impatient, wide_room());
    first.until("both partitions", |worker| worker.assigned.len() == 2).await;
    let mut second = Worker::start(&kafka, settings("t"), wide_room());
    let _held = revocation(&mut first, &mut second).await;
    second.until("a partition", |worker| worker.assigned.len() == 1).await;
    first
        .wait_for("the report", |event| match event {
            SourceEvent::Failed(error) => {
                assert!(!error.is_fatal());
                Some(())
            }
            _ => None,
        })
        .await;
    second.close(Vec::new()).await;
    first.close(Vec::new()).await;
}

#[tokio::test]
async fn closing_commits_and_ends_the_channel() {
    let broker = broker_with("t", 2, 20).await;
    let kafka = broker.settings("g");
    let mut worker = Worker::start(&kafka, settings("t"), wide_room());
    worker.until("all records", |worker| worker.seen.len() == 20).await;
    let commits = vec![worker.commit(0, 2, "a"), worker.commit(1, 4, "b")];
    let told = worker.close(commits.clone()).await;
    let made = told.into_iter().find_map(|event| match event {
        SourceEvent::Committed(made) => Some(made),
        _ => None,
    });
    assert_eq!(made, Some(commits));
}
