//! A worker that joins by tables of its own partitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, PartsEvent, SourceEvent, TableRecord};
use emberline_flow::placing::partition_of;
use emberline_model::Category::Power;
use emberline_model::{CustomerId, EventTime};
use emberline_wire::device_customers::{DeviceCustomer, encode_key};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::mpsc::unbounded_channel;

use super::made_up::edges::{Asked, SimParts};
use super::rig::{Rig, SECOND, Says, data, delivery, device, pipeline_settings};
use crate::PipelineError;
use crate::join::{Join, Own};
use crate::own_tables::OwnTables;
use crate::settings::PipelineSettings;
use crate::settings::WorkerKind::Devices;

mod mended;

const PARTITIONS: i32 = 4;

struct OwnRig {
    rig: Rig,
    tables: Arc<OwnTables>,
    asked: SimParts,
}

impl OwnRig {
    fn new() -> Self {
        Self::of_partitions(PARTITIONS)
    }

    /// Its table has so many partitions.
    fn of_partitions(partitions: i32) -> Self {
        Self::of(Rig::new(Devices), partitions)
    }

    fn of(mut rig: Rig, partitions: i32) -> Self {
        let (tables, asked) = (OwnTables::new(partitions), SimParts::default());
        let (_, told) = unbounded_channel();
        let reader = Box::new(asked.clone());
        rig.worker.join = Join::Own(Own { tables: Arc::clone(&tables), reader, told });
        Self { rig, tables, asked }
    }

    /// It owns the device's partition, and a call of the device is under way, without an answer.
    async fn in_a_call_of(name: &str) -> (Self, i32) {
        let mut own = Self::new();
        let partition = partition_of_device(name);
        own.own(partition);
        own.bind(name);
        own.rig.service.answers(|_| Says::Nothing);
        own.rig.read(partition, 0, data(name, SECOND, &[Power]));
        own.rig.until("the call", |rig| rig.service.calls().len() == 1).await;
        (own, partition)
    }

    /// The reader has read the table of a tenure to its end.
    fn complete(&mut self, partition: i32, tenure: u64) {
        let told = PartsEvent::Complete { partition, tenure, end: 0, topic_partitions: PARTITIONS };
        self.rig.worker.table_told(told, Instant::now()).unwrap();
    }

    /// The partition comes, and its table is complete.
    fn own(&mut self, partition: i32) {
        self.rig.assign(partition, None, "");
        self.complete(partition, self.rig.tenure(partition));
    }

    /// The table of the device's partition tells that it is bound.
    fn bind(&self, name: &str) {
        self.bind_at(name, SECOND);
    }

    fn bind_at(&self, name: &str, second: i64) {
        let key = encode_key(&device(name), &CustomerId::parse("c_1").unwrap());
        let time = EventTime::from_millis(second * 1000);
        self.tables.read(TableRecord {
            partition: partition_of_device(name),
            offset: 0,
            timestamp_ms: 0,
            key: Some(&key),
            value: Some(&DeviceCustomer { time, bound: true }.encode()),
        });
    }

    fn is_open(&self, partition: i32) -> bool {
        self.rig.worker.records.partitions[self.rig.partition(partition)].is_open()
    }
}

fn partition_of_device(name: &str) -> i32 {
    partition_of(device(name).as_str().as_bytes(), PARTITIONS)
}

#[test]
fn whoever_needs_all_bindings_in_its_process_joins_by_all_of_them() {
    use crate::settings::WorkerKind::{Bindings, Claims, Repartition, Retries};
    let joins_by_partitions = |own_partitions, workers: &[_]| {
        let settings = pipeline_settings("127.0.0.1:1", ["t", "t"], delivery(), workers);
        PipelineSettings { own_partitions, ..settings }.joins_by_partitions()
    };
    assert!(joins_by_partitions(true, &[Devices]));
    assert!(joins_by_partitions(true, &[Devices, Claims, Repartition]));
    assert!(!joins_by_partitions(true, &[Devices, Retries]));
    assert!(!joins_by_partitions(true, &[Devices, Bindings]));
    assert!(!joins_by_partitions(true, &[Claims, Repartition]), "nobody joins");
    assert!(!joins_by_partitions(false, &[Devices]));
}

#[tokio::test]
async fn each_partition_is_opened_when_its_own_table_is_complete() {
    let mut own = OwnRig::new();
    own.rig.assign(0, None, "");
    own.rig.assign(1, None, "");
    let (first, second) = (own.rig.tenure(0), own.rig.tenure(1));
    assert_eq!(
        *own.asked.0.lock(),
        [Asked::Read(vec![(0, first)]), Asked::Read(vec![(1, second)])]
    );
    assert!(!own.is_open(0) && !own.is_open(1));
    own.complete(1, second);
    assert!(!own.is_open(0) && own.is_open(1));
}

#[tokio::test]
async fn it_is_told_how_far_the_tables_are() {
    let mut own = OwnRig::new();
    let tables = |own: &OwnRig| own.rig.worker.status.tables();
    own.rig.assign(0, None, "");
    own.rig.assign(1, None, "");
    own.complete(1, own.rig.tenure(1));
    let told = tables(&own);
    assert_eq!((told.owned, told.restoring, told.took), (2, 1, None));
    assert!(told.since.is_some());
    let mut names = (0..100).map(|number| format!("d{number}"));
    own.bind(&names.find(|name| partition_of_device(name) == 1).unwrap());
    own.rig.worker.set_gauges(Instant::now());
    assert_eq!(tables(&own).devices, 1, "also while another one is read");
    own.complete(0, own.rig.tenure(0));
    let told = tables(&own);
    assert_eq!((told.owned, told.restoring, told.since), (2, 0, None));
    assert!(told.took.is_some());
    own.rig.assign(2, None, "");
    own.rig.lose(2);
    let told = tables(&own);
    assert_eq!((told.owned, told.restoring), (2, 0), "it went before it was complete");
}

#[tokio::test]
async fn the_first_tables_are_there_also_where_the_last_of_them_went_before_it_was_complete() {
    let mut own = OwnRig::new();
    own.rig.assign(0, None, "");
    own.rig.assign(1, None, "");
    own.complete(0, own.rig.tenure(0));
    let missing = PartsEvent::Failed(BrokerError::NoTopic("own.device-customers".into()));
    let now = Instant::now();
    own.rig.worker.table_told(missing, now).unwrap();
    own.rig.lose(1);
    assert!(own.rig.worker.status.tables().took.is_some(), "from now on a short wait is none");
    own.rig.assign(2, None, "");
    let missing = PartsEvent::Failed(BrokerError::NoTopic("own.device-customers".into()));
    let later = own.rig.worker.table_told(missing, now + Duration::from_mins(5));
    assert!(later.is_ok(), "that of then was another table's");
}

#[tokio::test]
async fn the_metrics_tell_of_the_tables() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let mut own = metrics::with_local_recorder(&recorder, OwnRig::new);
    let tells = |own: &mut OwnRig, [restoring, ready, restored, older]: [u64; 4]| {
        own.rig.worker.set_gauges(Instant::now());
        let page = recorder.handle().render();
        for line in [
            format!("emberline_bindings_partitions{{state=\"restoring\"}} {restoring}"),
            format!("emberline_bindings_partitions{{state=\"ready\"}} {ready}"),
            format!("emberline_bindings_restore_seconds_count {restored}"),
            format!("emberline_bindings_facts_older_total {older}"),
        ] {
            assert!(page.lines().any(|found| found == line), "{line}: {page}");
        }
    };
    tells(&mut own, [0, 0, 0, 0]);
    let partition = partition_of_device("a");
    let another = (partition + 1) % PARTITIONS;
    own.rig.assign(partition, None, "");
    own.rig.assign(another, None, "");
    own.bind("a");
    own.bind_at("a", SECOND - 1);
    tells(&mut own, [2, 0, 0, 0]);
    let tenure = own.rig.tenure(partition);
    let told = PartsEvent::Complete { partition, tenure, end: 0, topic_partitions: PARTITIONS };
    let later = Instant::now() + Duration::from_secs(10);
    own.rig.worker.table_told(told, later).unwrap();
    own.bind_at("a", SECOND - 1);
    tells(&mut own, [1, 1, 1, 1]);
    let page = recorder.handle().render();
    let took =
        page.lines().find_map(|line| line.strip_prefix("emberline_bindings_restore_seconds_sum "));
    assert!(took.unwrap().parse::<f64>().unwrap() >= 10.0, "{page}");

    own.rig.lose(another);
    own.complete(another, own.rig.tenure(another));
    tells(&mut own, [0, 1, 1, 1]);
}

#[tokio::test]
async fn who_joins_by_the_whole_table_tells_of_no_partitions() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let mut rig = metrics::with_local_recorder(&recorder, || Rig::new(Devices));
    rig.assign(0, None, "");
    rig.worker.set_gauges(Instant::now());
    let page = recorder.handle().render();
    for state in ["restoring", "ready"] {
        let line = format!("emberline_bindings_partitions{{state=\"{state}\"}} 0");
        assert!(page.lines().any(|found| found == line), "{line}: {page}");
    }
}

#[tokio::test]
async fn what_is_told_of_a_tenure_that_is_over_opens_nothing() {
    let mut own = OwnRig::new();
    own.rig.assign(0, None, "");
    let first = own.rig.tenure(0);
    own.rig.lose(0);
    own.rig.assign(0, None, "");
    let second = own.rig.tenure(0);
    own.complete(0, first);
    assert!(!own.is_open(0), "its own table may lack what the former had");
    own.complete(0, second);
    assert!(own.is_open(0));
    let (read, leave) = (Asked::Read, Asked::Leave);
    let expected = [read(vec![(0, first)]), leave(vec![(0, first)]), read(vec![(0, second)])];
    assert_eq!(*own.asked.0.lock(), expected);
}

#[tokio::test]
async fn a_report_is_joined_by_its_partitions_table_and_waits_for_a_binding_as_ever() {
    let mut own = OwnRig::new();
    let partition = partition_of_device("a");
    own.own(partition);
    own.rig.read(partition, 0, data("a", SECOND, &[Power]));
    own.rig.until("a held lane", |rig| rig.worker.lanes.held() == 1).await;
    own.bind("a");
    own.rig.worker.release_bound(Instant::now());
    own.rig.until_idle().await;
    assert_eq!(own.rig.count("delivered"), 1);
}

#[tokio::test]
async fn a_device_whose_partition_is_anothers_is_not_known_here() {
    let mut own = OwnRig::new();
    let elsewhere = (partition_of_device("a") + 1) % PARTITIONS;
    own.own(elsewhere);
    own.bind("a");
    own.rig.read(elsewhere, 0, data("a", SECOND, &[Power]));
    own.rig.until("a held lane", |rig| rig.worker.lanes.held() == 1).await;
    assert_eq!(own.rig.service.calls().len(), 0);
}

#[tokio::test]
async fn a_table_is_dropped_when_what_it_is_needed_for_is_finished() {
    let (mut own, partition) = OwnRig::in_a_call_of("a").await;
    let answer = own.rig.revoke(partition);
    assert_eq!(own.tables.devices(), 1, "the call is under way");
    own.rig.service.answers(|_| Says::Accepted);
    own.rig.until_idle().await;
    assert_eq!(answer.try_recv().unwrap().len(), 1, "its last commit");
    assert_eq!(own.tables.devices(), 0);
    let tenure = own.rig.tenure(partition);
    assert_eq!(own.asked.0.lock().last(), Some(&Asked::Leave(vec![(partition, tenure)])));
}

/// Without its table a device looks unbound.
#[tokio::test]
async fn nothing_is_parked_because_its_table_has_gone() {
    let (mut own, partition) = OwnRig::in_a_call_of("a").await;
    own.rig.read(partition, 1, data("a", SECOND + 1, &[Power]));
    own.rig.lose(partition);
    assert_eq!(own.tables.devices(), 0);
    own.rig.service.answers(|_| Says::Status(500));
    own.rig.until_idle().await;
    assert_eq!(own.rig.worker.lanes.held(), 0);
    assert!(own.rig.written.lock().is_empty(), "both are the next owner's");
}

#[tokio::test]
async fn a_partition_that_is_not_open_yet_goes_at_once() {
    let mut own = OwnRig::new();
    own.rig.assign(0, Some(7), "");
    let answer = own.rig.revoke(0);
    assert_eq!(answer.try_recv().unwrap(), Vec::new(), "there is nothing new to be committed");
    assert!(matches!(own.asked.0.lock().last(), Some(Asked::Leave(_))));
}

#[tokio::test]
async fn a_partition_stands_still_without_a_reason_only_once_it_is_open() {
    let mut own = OwnRig::new();
    own.rig.assign(0, None, "");
    let now = Instant::now();
    let ago = now.checked_sub(Duration::from_mins(5)).expect("the machine runs for longer");
    let look = |own: &mut OwnRig, at: Instant| {
        let mut highs = own.rig.worker.shared.highs.lock();
        highs.offsets.insert(("t".to_owned(), 0), 10);
        highs.told = Some(at);
        drop(highs);
        own.rig.worker.look_for_stalls(at);
    };
    look(&mut own, ago);
    look(&mut own, now);
    assert_eq!(own.rig.monitor.live(), Ok(()), "its table is being read");
    own.complete(0, own.rig.tenure(0));
    look(&mut own, ago);
    look(&mut own, now);
    assert!(own.rig.monitor.live().is_err());
}

#[tokio::test]
async fn a_table_of_other_partitions_than_the_devices_ends_the_worker() {
    let mut own = OwnRig::of_partitions(PARTITIONS + 1);
    let told =
        PartsEvent::Complete { partition: 0, tenure: 1, end: 0, topic_partitions: PARTITIONS };
    let error = own.rig.worker.table_told(told, Instant::now()).unwrap_err();
    assert!(matches!(error, PipelineError::TableParts { .. }), "{error}");

    let assigned = own.rig.assigned(0);
    let event = SourceEvent::Assigned(vec![assigned]);
    let error = own.rig.worker.on_event(event, Instant::now()).unwrap_err();
    assert!(error.to_string().contains("own.device-customers has 5 partitions and own.devices"));
}

#[tokio::test]
async fn a_table_that_cannot_be_read_ends_the_worker_unless_it_may_have_been_made_just_now() {
    let mut own = OwnRig::new();
    own.rig.assign(0, None, "");
    let now = Instant::now();
    let missing = || PartsEvent::Failed(BrokerError::NoTopic("own.device-customers".into()));
    let mut told = |event, at| own.rig.worker.table_told(event, at).is_ok();
    assert!(told(missing(), now));
    assert!(told(missing(), now + Duration::from_secs(20)));
    assert!(!told(missing(), now + Duration::from_secs(40)));
    let forbidden = BrokerError::Unreadable("own.device-customers".into());
    assert!(!told(PartsEvent::Failed(forbidden), now));
}
