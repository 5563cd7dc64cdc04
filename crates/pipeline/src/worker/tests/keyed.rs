use std::time::{Duration, Instant};

use emberline_broker::{Delivered, ProduceError};
use emberline_flow::placing::partition_of;
use emberline_model::SkipReason;
use emberline_wire::device::DeviceRecord;

use super::made_up::edges::SimWriters;
use super::rig::{KEYED_PARTS, Rig, SECOND, delivery, device};
use crate::DeliverySettings;
use crate::intake::Content;
use crate::settings::WorkerKind::Repartition;

fn of(name: &str) -> Content {
    Content::ToKeyed(device(name))
}

/// A write under way: its token, its key, and the offset that its timestamp tells.
type UnderWay = (usize, String, i64);

fn under_way(writers: &SimWriters) -> Vec<UnderWay> {
    let handed = std::mem::take(&mut writers.0.lock().handed);
    let seen = handed.into_iter().map(|it| {
        assert_eq!((it.topic.as_str(), it.value.as_deref()), ("own.devices", Some(&b"value"[..])));
        let key = it.key.unwrap();
        assert_eq!(it.partition, Some(partition_of(&key, KEYED_PARTS)));
        let key = String::from_utf8(key).unwrap();
        (it.token, key, it.timestamp_ms.unwrap() - SECOND * 1000)
    });
    seen.collect()
}

fn written(rig: &mut Rig, token: usize) {
    let at = Delivered { partition: 0, offset: 7 };
    rig.worker.write_ended((token, Ok(at)), Instant::now());
    rig.worker.turn(Instant::now());
}

#[test]
fn what_failed_is_not_tried_again_for_a_record_that_is_anothers() {
    let writers = SimWriters::default();
    let mut rig = Rig::writing(Repartition, delivery(), &writers);
    rig.assign(0, None, "");
    rig.read(0, 0, of("a"));
    let first = writers.0.lock().handed.remove(0);
    rig.lose(0);
    rig.worker.write_ended(first.ends(Err(ProduceError::TimedOut)), Instant::now());
    rig.worker.turn(Instant::now() + Duration::from_secs(1));
    assert_eq!(under_way(&writers), [], "its next owner writes it");
    assert_eq!((rig.worker.outbox.unacknowledged(), rig.worker.records.len()), ((0, 0), 0));
}

#[test]
fn of_a_device_one_write_is_under_way_whatever_fails_and_other_devices_go_on() {
    let writers = SimWriters::default();
    let mut rig = Rig::writing(Repartition, delivery(), &writers);
    rig.assign(0, None, "");
    for (offset, name) in [(0, "a"), (1, "a"), (2, "b"), (3, "a")] {
        rig.read(0, offset, of(name));
    }
    let first = writers.0.lock().handed.remove(0);
    assert_eq!(first.key.as_deref(), Some(&b"P/a"[..]));
    let begun = under_way(&writers);
    let told: Vec<_> = begun.iter().map(|(_, key, offset)| (key.as_str(), *offset)).collect();
    assert_eq!(told, [("P/b", 2)]);

    rig.worker.write_ended(first.ends(Err(ProduceError::TimedOut)), Instant::now());
    written(&mut rig, begun[0].0);
    assert_eq!(under_way(&writers), [], "the second of a device waits for the first");
    assert_eq!(rig.frontier(0), 0, "nothing is committed past what is not written");
    rig.worker.turn(Instant::now() + Duration::from_secs(1));
    let again = under_way(&writers);
    assert_eq!(again.iter().map(|it| it.2).collect::<Vec<_>>(), [0]);

    written(&mut rig, again[0].0);
    let second = under_way(&writers);
    assert_eq!(second.iter().map(|it| it.2).collect::<Vec<_>>(), [1]);
    assert_eq!(rig.frontier(0), 1);
    written(&mut rig, second[0].0);
    assert_eq!(rig.frontier(0), 3);
    written(&mut rig, under_way(&writers)[0].0);
    assert_eq!((rig.count("repartitioned"), rig.frontier(0)), (4, 4));
    assert_eq!(rig.worker.records.len(), 0);
    rig.assert_sum();
}

#[test]
fn of_a_partition_that_goes_what_is_under_way_is_finished_and_the_rest_is_the_next_owners() {
    let writers = SimWriters::default();
    let mut rig = Rig::writing(Repartition, delivery(), &writers);
    rig.assign(0, None, "");
    for offset in 0..3 {
        rig.read(0, offset, of("a"));
    }
    let begun = under_way(&writers);
    let answer = rig.revoke(0);
    assert!(answer.try_recv().is_err(), "a write is under way");
    written(&mut rig, begun[0].0);
    let commits = answer.try_recv().expect("an answer");
    assert_eq!(commits.iter().map(|it| it.offset).collect::<Vec<_>>(), [1]);
    assert_eq!(under_way(&writers), []);
    rig.assert_sum();
}

#[test]
fn what_tells_no_device_is_not_lost_and_holds_nothing_up() {
    let writers = SimWriters::default();
    let mut rig = Rig::writing(Repartition, delivery(), &writers);
    rig.assign(0, None, "");
    rig.read(0, 0, Content::Undecodable("not JSON".into()));
    rig.read(0, 1, Content::Device(DeviceRecord::Skipped(SkipReason::OtherMethod)));
    rig.read(0, 2, Content::Tombstone);
    let letters = std::mem::take(&mut writers.0.lock().handed);
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].topic, "own.dead-letters");
    assert_eq!(rig.frontier(0), 0);
    written(&mut rig, letters[0].token);
    assert_eq!((rig.count("dead_lettered"), rig.count("skipped")), (1, 2));
    assert_eq!(rig.frontier(0), 3);
}

#[test]
fn what_is_read_ahead_of_another_partition_waits_until_that_is_read_as_far() {
    let writers = SimWriters::default();
    let mut rig = Rig::writing(Repartition, delivery(), &writers);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    // Their offsets are their times, too.
    rig.read(0, 5, of("a"));
    assert_eq!(under_way(&writers), []);
    rig.read(1, 3, of("a"));
    let first = under_way(&writers);
    assert_eq!(first.iter().map(|it| it.2).collect::<Vec<_>>(), [3]);
    written(&mut rig, first[0].0);
    assert_eq!(under_way(&writers), [], "of the other partition there may be one before it");
    rig.read(1, 9, of("b"));
    let second = under_way(&writers);
    assert_eq!(second.iter().map(|it| it.2).collect::<Vec<_>>(), [5]);
    written(&mut rig, second[0].0);

    // What still waits is the next owner's, and nobody waits for a partition that has gone.
    rig.lose(0);
    let third = under_way(&writers);
    assert_eq!(third.iter().map(|it| it.2).collect::<Vec<_>>(), [9]);
    rig.assign(0, None, "");
    rig.read(0, 6, of("a"));
    rig.lose(0);
    written(&mut rig, third[0].0);
    assert_eq!((rig.count("repartitioned"), rig.worker.records.len()), (3, 0));
    rig.assert_sum();
}

#[test]
fn where_there_is_no_room_to_read_what_is_waited_for_nothing_waits() {
    let writers = SimWriters::default();
    let small = DeliverySettings { records: 2, ..delivery() };
    let mut rig = Rig::writing(Repartition, small, &writers);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(0, 5, of("a"));
    assert_eq!(under_way(&writers), []);
    rig.read(0, 6, of("b"));
    assert_eq!(rig.room.try_room(), 0);
    rig.worker.turn(Instant::now());
    let second = writers.0.lock().handed.remove(1);
    let going = under_way(&writers);
    assert_eq!(going.iter().map(|it| it.2).collect::<Vec<_>>(), [5]);
    // While something is being written there will be room by itself.
    rig.assign(2, None, "");
    written(&mut rig, going[0].0);
    rig.read(0, 7, of("c"));
    assert_eq!(rig.room.try_room(), 0);
    rig.worker.turn(Instant::now());
    assert_eq!(under_way(&writers), []);
    // Not so where all that is being written fails.
    rig.worker.write_ended(second.ends(Err(ProduceError::TooLarge)), Instant::now());
    rig.worker.turn(Instant::now());
    assert_eq!(under_way(&writers).iter().map(|it| it.2).collect::<Vec<_>>(), [7]);
}
