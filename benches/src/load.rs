//! Events into Kafka: what there is to be read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use emberline_fleet::{Fleet, FleetPlan, FleetRecord, Formats};
use emberline_flow::placing::partition_of;
use emberline_model::{BindingChange, BindingEvent, CustomerId, DeviceId, EventTime};
use emberline_testkit::kafka::{TestKafka, unique};
use emberline_wire::customer_devices::{BoundDevice, CustomerDevices};
use emberline_wire::device_customers::{DeviceCustomer, encode_key};
use emberline_wire::events::decode_binding;
use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::ToBytes;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};

use crate::sizes::Sizes;

/// Partitions of the topics of devices.
const PARTITIONS: i32 = 6;
/// Events a second, by their own timestamps: the dedupe window of two minutes holds all
/// of a full run.
const EVENTS_PER_SECOND: u64 = 10_000;
/// Devices that a customer of the large table has.
const DEVICES_PER_CUSTOMER: u32 = 3;
/// Longest wait for Kafka to take what is left.
const FLUSH: Duration = Duration::from_mins(1);

/// Telemetry of a fleet whose devices are all bound, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// The topic of its events.
    pub(crate) topic: String,
    /// The topic of its bindings, which is empty: they are in the table already.
    pub(crate) bindings: String,
    /// The topics of its customers and of their orders, which are empty.
    pub(crate) customers: String,
    pub(crate) orders: String,
    /// What the names of the pipeline's own topics begin with.
    pub(crate) prefix: String,
    /// Mean size of a value.
    pub(crate) bytes_per_record: u64,
}

impl Load {
    /// Where the pipeline writes its receipts.
    pub(crate) fn receipts(&self) -> String {
        format!("{}.receipts", self.prefix)
    }

    /// The pipeline's topic that is keyed by device.
    pub(crate) fn keyed(&self) -> String {
        format!("{}.devices", self.prefix)
    }
}

/// Platform messages with two reports on average, a tenth of which come twice.
fn plan(devices: u32) -> FleetPlan {
    FleetPlan {
        devices,
        formats: Formats { platform: 1.0, forwarded: 0.0, protobuf: 0.0 },
        not_telemetry: 0.0,
        undecodable: 0.0,
        states: 0.0,
        unbound: 0.0,
        ..FleetPlan::default()
    }
}

/// So many records of the usual fleet.
pub(crate) fn records(count: usize) -> Vec<FleetRecord> {
    let mut fleet = Fleet::new(plan(Sizes::DEVICES), now_ms());
    (0..count).map(|_| fleet.message(now_ms())).collect()
}

/// Makes the topics and writes the bindings and `records` events.
///
/// # Errors
/// If Kafka does not take them.
pub(crate) async fn write(kafka: &TestKafka, devices: u32, records: u64) -> anyhow::Result<Load> {
    write_over(kafka, (devices, records), PARTITIONS).await
}

/// The same with so many partitions of the topic of events.
///
/// # Errors
/// As of [`write`].
pub(crate) async fn write_over(
    kafka: &TestKafka,
    (devices, records): (u32, u64),
    partitions: i32,
) -> anyhow::Result<Load> {
    let (mut load, table) = topics(kafka, partitions, 1).await?;
    let start = now_ms() - i64::try_from(records * 1_000 / EVENTS_PER_SECOND)?;
    let mut fleet = Fleet::new(plan(devices), start);
    let writer = Writer::new(kafka.bootstrap())?;
    for (customer, set) in sets(&fleet) {
        writer.send(&table, customer.as_str().as_bytes(), &set.encode(), start)?;
    }
    let mut bytes = 0;
    for record in 0..records {
        let now = start + i64::try_from(record * 1_000 / EVENTS_PER_SECOND)?;
        let record = fleet.next(now);
        bytes += record.value.len() as u64;
        writer.send(&load.topic, &record.key, &record.value, record.timestamp_ms)?;
    }
    writer.finish()?;
    load.bytes_per_record = bytes.checked_div(records).unwrap_or(0);
    Ok(load)
}

/// Makes the topics and writes the bindings of so many devices, three a customer, and no events.
///
/// # Errors
/// If Kafka does not take them.
pub(crate) async fn write_table(kafka: &TestKafka, devices: u32) -> anyhow::Result<Load> {
    let (load, table) = topics(kafka, PARTITIONS, Sizes::TABLE_PARTITIONS).await?;
    let writer = Writer::new(kafka.bootstrap())?;
    let time = EventTime::from_millis(now_ms());
    for customer in 0..devices.div_ceil(DEVICES_PER_CUSTOMER) {
        let first = customer * DEVICES_PER_CUSTOMER;
        let bound = |device: u32| {
            anyhow::Ok(BoundDevice {
                device: DeviceId::new("F4N0000AN", &format!("device-{device:08}"))?,
                customer_device_no: format!("SN-{device:08}"),
                product_name: "Smoke detector".to_owned(),
                time,
            })
        };
        let of_this = first..devices.min(first + DEVICES_PER_CUSTOMER);
        let devices = of_this.map(bound).collect::<Result<_, _>>()?;
        let set = CustomerDevices { devices, ..CustomerDevices::default() };
        let key = CustomerId::parse(&format!("customer_{customer:08}"))?;
        writer.send(&table, key.as_str().as_bytes(), &set.encode(), time.millis())?;
    }
    writer.finish()?;
    Ok(load)
}

/// Makes the topics and writes the facts of the bindings of so many devices, three a customer,
/// each in the partition of its device, and no events.
///
/// # Errors
/// If Kafka does not take them.
pub(crate) async fn write_facts(kafka: &TestKafka, devices: u32) -> anyhow::Result<Load> {
    let (load, _) = topics(kafka, PARTITIONS, 1).await?;
    kafka.create_topic(&load.keyed(), Sizes::TABLE_PARTITIONS, &[]).await?;
    let facts = format!("{}.device-customers", load.prefix);
    let compacted = [("cleanup.policy", "compact")];
    kafka.create_topic(&facts, Sizes::TABLE_PARTITIONS, &compacted).await?;
    let writer = Writer::new(kafka.bootstrap())?;
    let bind = DeviceCustomer { time: EventTime::from_millis(now_ms()), bound: true }.encode();
    for number in 0..devices {
        let device = DeviceId::new("F4N0000AN", &format!("device-{number:08}"))?;
        let customer = format!("customer_{:08}", number / DEVICES_PER_CUSTOMER);
        let key = encode_key(&device, &CustomerId::parse(&customer)?);
        let partition = partition_of(device.as_str().as_bytes(), Sizes::TABLE_PARTITIONS);
        writer.write(BaseRecord::to(&facts).key(&key).payload(&bind).partition(partition))?;
    }
    writer.finish()?;
    Ok(load)
}

/// Makes the topics of a load, all of them empty; also the name of the one that the table of
/// bindings is read from.
async fn topics(
    kafka: &TestKafka,
    partitions: i32,
    table_partitions: i32,
) -> anyhow::Result<(Load, String)> {
    let prefix = unique("bench");
    let [topic, bindings, customers, orders] =
        ["devices", "bindings", "customers", "orders"].map(|kind| format!("{kind}-{prefix}"));
    kafka.create_topic(&topic, partitions, &[]).await?;
    for single in [&bindings, &customers, &orders] {
        kafka.create_topic(single, 1, &[]).await?;
    }
    let table = format!("{prefix}.customer-devices");
    kafka.create_topic(&table, table_partitions, &[("cleanup.policy", "compact")]).await?;
    Ok((Load { topic, bindings, customers, orders, prefix, bytes_per_record: 0 }, table))
}

/// Writes events as they happen, so many a second for so many seconds.
///
/// # Errors
/// If Kafka does not take them.
pub(crate) fn write_live(
    brokers: &str,
    load: &Load,
    (per_second, seconds): (u64, u64),
) -> anyhow::Result<()> {
    let mut fleet = Fleet::new(plan(Sizes::DEVICES), now_ms());
    let writer = Writer::new(brokers)?;
    let began = Instant::now();
    for record in 0..per_second * seconds {
        let due = began + Duration::from_micros(record * 1_000_000 / per_second);
        // A few at a time: a sleep is longer than the time between two.
        if due.saturating_duration_since(Instant::now()) > Duration::ZERO {
            std::thread::sleep(Duration::from_millis(2));
        }
        let record = fleet.next(now_ms());
        writer.send(&load.topic, &record.key, &record.value, record.timestamp_ms)?;
    }
    writer.finish()
}

/// What the bindings worker would have made of the fleet's bindings.
fn sets(fleet: &Fleet) -> BTreeMap<CustomerId, CustomerDevices> {
    let mut sets: BTreeMap<CustomerId, CustomerDevices> = BTreeMap::new();
    for record in fleet.bindings() {
        let Ok(Some(event)) = decode_binding(Some(&record.value), None) else { continue };
        let BindingEvent { customer, device, time, change } = event;
        if let BindingChange::Bind { customer_device_no, product_name } = change {
            let bound = BoundDevice { device, customer_device_no, product_name, time };
            sets.entry(customer).or_default().devices.push(bound);
        }
    }
    sets
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A plain producer that knows how many of its records were lost.
struct Writer {
    producer: ThreadedProducer<Losses>,
    lost: Arc<AtomicU64>,
}

struct Losses(Arc<AtomicU64>);

impl ClientContext for Losses {}

impl ProducerContext for Losses {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
    }
}

impl Writer {
    fn new(brokers: &str) -> anyhow::Result<Self> {
        let lost = Arc::new(AtomicU64::new(0));
        let producer = ClientConfig::new()
            .set("bootstrap.servers", brokers)
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "2")
            .create_with_context(Losses(Arc::clone(&lost)))?;
        Ok(Self { producer, lost })
    }

    fn send(&self, topic: &str, key: &[u8], value: &[u8], time_ms: i64) -> anyhow::Result<()> {
        self.write(BaseRecord::to(topic).key(key).payload(value).timestamp(time_ms))
    }

    fn write<K, V>(&self, mut record: BaseRecord<'_, K, V>) -> anyhow::Result<()>
    where
        K: ToBytes + ?Sized,
        V: ToBytes + ?Sized,
    {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    record = back;
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }

    fn finish(&self) -> anyhow::Result<()> {
        self.producer.flush(FLUSH).context("kafka did not take all events in time")?;
        let lost = self.lost.load(Ordering::Relaxed);
        ensure!(lost == 0, "kafka lost {lost} events");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use emberline_fleet::Fleet;

    use super::{plan, records, sets};

    #[test]
    fn every_device_of_the_load_is_bound() {
        let sets = sets(&Fleet::new(plan(1_000), 1));
        assert_eq!(sets.values().map(|set| set.devices.len()).sum::<usize>(), 1_000);
    }

    #[test]
    fn a_record_is_about_as_large_as_the_platforms_own() {
        let records = records(2_000);
        let bytes: usize = records.iter().map(|record| record.value.len()).sum();
        let mean = bytes / records.len();
        assert!((380..480).contains(&mean), "{mean} bytes");
    }
}
