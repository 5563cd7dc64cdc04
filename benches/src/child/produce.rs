//! Receipts' bytes written by a producer alone, with the pipeline's settings and at its pace:
//! what of a receipt's cost is the Kafka client's own.

use std::time::{Duration, Instant};

use emberline_broker::{KafkaSettings, PolledProducer, ProducerSettings, Record};
use emberline_model::EventTime;
use emberline_service_client::fresh_stamp;
use emberline_testkit::kafka::unique;
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::receipt::{DataReceipt, mark_of};
use tokio::sync::mpsc;

use super::{Did, ready};
use crate::load;

/// Different receipts.
const RECEIPTS: usize = 1_000;
/// As a worker for devices waits for others of a partition.
const LINGER: Duration = Duration::from_millis(50);
/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Writes so many receipts, so many a second, each waited for.
pub(super) fn write(
    brokers: &str,
    topic: &str,
    (records, per_second): (u64, f64),
) -> anyhow::Result<Did> {
    let receipts = receipts();
    let (sender, mut words) = mpsc::unbounded_channel();
    let settings = ProducerSettings { linger: LINGER, ..ProducerSettings::default() };
    let kafka = KafkaSettings::new(brokers, unique("raw"));
    let mut producer = PolledProducer::new(&kafka, &settings, sender)?;
    ready("")?;
    let began = Instant::now();
    let (mut sent, mut written) = (0_u64, 0_u64);
    while written < records {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count, not negative"
        )]
        let due = (began.elapsed().as_secs_f64() * per_second) as u64;
        while sent < due.min(records) {
            let (key, value) = &receipts[usize::try_from(sent)? % receipts.len()];
            let (key, value) = (Some(key.as_bytes()), Some(value.as_slice()));
            producer.send(
                Record { topic, partition: None, key, value, headers: &[], timestamp_ms: None },
                0,
            )?;
            sent += 1;
        }
        std::thread::sleep(LOOK_EVERY);
        producer.poll();
        while let Ok((_, result)) = words.try_recv() {
            result.map_err(|unwritten| unwritten.error)?;
            written += 1;
        }
    }
    Ok(Did { calls: records, seconds: began.elapsed().as_secs_f64(), ..Did::default() })
}

/// Receipts of calls with one report each: key and value.
fn receipts() -> Vec<(String, Vec<u8>)> {
    let mut decoder = DeviceDecoder::new();
    let mut receipts = Vec::with_capacity(RECEIPTS);
    for record in load::records(RECEIPTS) {
        let timestamp = EventTime::from_millis(record.timestamp_ms);
        let input = DeviceInput { value: Some(&record.value), type_name: None, timestamp };
        let Ok(DeviceRecord::Telemetry(telemetry)) = decoder.decode(input) else { continue };
        let device = telemetry.device;
        for report in &telemetry.reports {
            let stamp = fresh_stamp();
            let receipt = DataReceipt {
                time_ms: record.timestamp_ms,
                request_id: stamp.request_id.as_str(),
                customer_id: "c_000001",
                device_id: device.as_str(),
                category: report.category(),
            };
            let mark = mark_of(report.identity(device.key()));
            let mut value = Vec::new();
            receipt.encode(std::iter::once(report.time), std::iter::once(mark), &mut value);
            receipts.push((device.to_string(), value));
        }
    }
    receipts
}
