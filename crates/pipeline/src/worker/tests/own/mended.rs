//! Older facts that came last in the topic of the own tables.

use std::time::{Duration, Instant};

use emberline_broker::{Delivered, ProduceError};
use emberline_flow::standstill::Standstill;
use emberline_model::EventTime;
use emberline_wire::device_customers::{DeviceCustomer, encode_key};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::super::super::Exit;
use super::super::super::own::MENDED_AT_ONCE;
use super::super::made_up::edges::{Asked, Handed, SimWriters};
use super::super::rig::{Rig, SECOND, delivery, device};
use super::{OwnRig, PARTITIONS, partition_of_device};
use crate::settings::WorkerKind::Devices;

/// A worker that owns the partition of device `a`, at a time of its own.
struct Mending {
    own: OwnRig,
    writers: SimWriters,
    page: PrometheusHandle,
    partition: i32,
    at: Instant,
}

impl Mending {
    fn new() -> Self {
        let (writers, recorder) =
            (SimWriters::default(), PrometheusBuilder::new().build_recorder());
        let rig = || Rig::writing(Devices, delivery(), &writers);
        let rig = metrics::with_local_recorder(&recorder, rig);
        let mut own = OwnRig::of(rig, PARTITIONS);
        let partition = partition_of_device("a");
        own.own(partition);
        let at = Instant::now();
        own.rig.worker.standstill = Standstill::new(at);
        own.rig.worker.next_gauges = at;
        Self { own, writers, page: recorder.handle(), partition, at }
    }

    /// A fact of this device comes behind a later one.
    fn older_last(&self, name: &str) {
        self.own.bind_at(name, SECOND + 5);
        self.own.bind_at(name, SECOND + 1);
    }

    /// The worker's loop turns for so many seconds.
    fn turns(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.at += Duration::from_secs(1);
            self.own.rig.worker.turn(self.at);
        }
    }

    fn handed(&self) -> Vec<Handed> {
        std::mem::take(&mut self.writers.0.lock().handed)
    }

    /// The one record that was handed over: the latest fact of the device.
    fn handed_latest(&self, name: &str) -> Handed {
        let [handed] = self.handed().try_into().unwrap_or_else(|all: Vec<_>| {
            panic!("{} records were handed over", all.len());
        });
        let customer = emberline_model::CustomerId::parse("c_1").unwrap();
        let time = EventTime::from_millis((SECOND + 5) * 1_000);
        assert_eq!(handed.topic, "own.device-customers");
        assert_eq!(handed.partition, Some(partition_of_device(name)));
        assert_eq!(handed.key, Some(encode_key(&device(name), &customer)));
        assert_eq!(handed.value, Some(DeviceCustomer { time, bound: true }.encode()));
        handed
    }

    fn ends(&mut self, handed: Handed, result: Result<(), ProduceError>) {
        let at = Delivered { partition: self.partition, offset: 7 };
        self.own.rig.worker.write_ended(handed.ends(result.map(|()| at)), self.at);
    }

    fn is_mended(&self, times: u64) -> bool {
        let line = format!("emberline_bindings_facts_mended_total {times}");
        self.page.render().lines().any(|found| found == line)
    }
}

#[tokio::test]
async fn the_latest_fact_is_written_where_an_older_one_has_come_last_for_a_minute() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(60);
    assert!(it.handed().is_empty(), "it may be put right");
    it.turns(1);
    let handed = it.handed_latest("a");
    assert!(it.is_mended(0), "it is not there yet");
    it.ends(handed, Ok(()));
    assert!(it.is_mended(1));
    it.own.bind_at("a", SECOND + 5);
    it.turns(200);
    assert!(it.handed().is_empty(), "it has come back");
    assert!(it.is_mended(1));
}

#[tokio::test]
async fn a_fact_that_is_put_right_meanwhile_is_not_written() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(50);
    it.own.bind_at("a", SECOND + 5);
    it.turns(200);
    assert!(it.handed().is_empty());
}

#[tokio::test]
async fn a_latest_fact_that_is_not_written_is_written_again_and_so_is_one_that_does_not_come_back()
{
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(61);
    let first = it.handed_latest("a");
    it.ends(first, Err(ProduceError::TimedOut));
    it.turns(1);
    let second = it.handed_latest("a");
    assert!(it.is_mended(0));
    it.turns(200);
    assert!(it.handed().is_empty(), "it is being written");
    it.ends(second, Ok(()));
    it.turns(59);
    assert!(it.handed().is_empty());
    it.turns(1);
    let third = it.handed_latest("a");
    it.ends(third, Ok(()));
    assert!(it.is_mended(2));
}

#[tokio::test]
async fn a_latest_fact_that_a_newer_has_come_for_is_not_written_again() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(61);
    let handed = it.handed_latest("a");
    it.own.bind_at("a", SECOND + 9);
    it.ends(handed, Err(ProduceError::TimedOut));
    it.turns(200);
    assert!(it.handed().is_empty());
    assert_eq!(it.own.rig.worker.outbox.unacknowledged(), (0, 0));
}

#[tokio::test]
async fn the_facts_of_a_tenure_that_is_over_are_the_next_owners() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(61);
    let handed = it.handed_latest("a");
    it.own.rig.lose(it.partition);
    it.ends(handed, Err(ProduceError::TimedOut));
    it.turns(200);
    assert!(it.handed().is_empty());
    assert_eq!(it.own.rig.worker.outbox.unacknowledged(), (0, 0));

    it.own.own(it.partition);
    it.older_last("a");
    it.turns(50);
    it.own.rig.lose(it.partition);
    it.turns(200);
    assert!(it.handed().is_empty(), "noted, and not begun");
}

/// Suspended, it has not read what came meanwhile, and may have lost the partition.
#[tokio::test]
async fn who_stood_still_waits_anew() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(50);
    it.at += Duration::from_mins(5);
    it.turns(62);
    assert!(it.handed().is_empty());
    it.turns(5);
    it.handed_latest("a");
}

#[tokio::test]
async fn who_leaves_begins_none() {
    let mut it = Mending::new();
    it.older_last("a");
    it.turns(50);
    it.own.rig.worker.leave(Exit::Stopped, it.at);
    it.turns(200);
    assert!(it.handed().is_empty());
}

#[tokio::test]
async fn few_are_written_at_a_time() {
    let mut it = Mending::new();
    let names = (0..).map(|number| format!("d{number}"));
    let own = |name: &String| partition_of_device(name) == it.partition;
    let names: Vec<_> = names.filter(own).take(MENDED_AT_ONCE + 5).collect();
    for name in &names {
        it.older_last(name);
    }
    it.turns(61);
    let mut handed = it.handed();
    assert_eq!(handed.len(), MENDED_AT_ONCE);
    it.turns(5);
    assert!(it.handed().is_empty());
    for first in handed.drain(..3) {
        it.ends(first, Ok(()));
    }
    it.turns(1);
    assert_eq!(it.handed().len(), 3);
}

#[tokio::test]
async fn a_partition_of_which_older_facts_found_no_room_is_read_again() {
    let mut mending = Mending::new();
    mending.own.asked.0.lock().clear();
    let most = crate::own_tables::MOST_NOTED;
    // Devices of the partition, until one finds no room.
    let of_it = |name: &String| partition_of_device(name) == mending.partition;
    let names = (0..).map(|number| format!("d{number}")).filter(of_it).take(most + 1);
    let names: Vec<String> = names.collect();
    for name in &names {
        mending.older_last(name);
    }
    mending.turns(3);
    assert!(mending.own.asked.0.lock().is_empty(), "there is no room");
    for name in &names[..most / 2] {
        mending.own.bind_at(name, SECOND + 5);
    }
    mending.turns(3);
    let read = Asked::Read(vec![(mending.partition, mending.own.rig.tenure(mending.partition))]);
    assert_eq!(*mending.own.asked.0.lock(), [read], "once");
}
