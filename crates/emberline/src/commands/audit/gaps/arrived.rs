//! What the records on the topics of devices bring of the devices asked about.

use emberline_broker::ScanRecord;
use emberline_model::{EventTime, Report};
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::headers::TYPE_HEADER;
use emberline_wire::receipt::ReportMark;

use super::super::log::Trouble;
use super::super::when::When;
use super::devices::Devices;
use super::marks::{Marks, Missing, Place};

/// Reads records as the workers do.
pub(super) struct Arrived<'a> {
    decoder: DeviceDecoder,
    devices: &'a Devices,
    marks: &'a mut Marks,
    when: When,
}

impl<'a> Arrived<'a> {
    pub(super) fn new(devices: &'a Devices, marks: &'a mut Marks, when: When) -> Self {
        Self { decoder: DeviceDecoder::new(), devices, marks, when }
    }

    /// Takes a record of the topic of that number.
    ///
    /// # Errors
    /// It can't be read, or there are too many gaps.
    pub(super) fn take(
        &mut self,
        topic: u16,
        record: &ScanRecord<'_>,
        configured: Option<&str>,
    ) -> Result<(), Trouble> {
        if !self.when.takes(record.timestamp_ms()) {
            return Ok(());
        }
        let header = record.header(TYPE_HEADER).map(String::from_utf8_lossy);
        let input = DeviceInput {
            value: record.value(),
            type_name: header.as_deref().or(configured),
            timestamp: EventTime::from_millis(record.timestamp_ms().max(0)),
        };
        let place = Place { topic, partition: record.partition(), offset: record.offset() };
        self.reports(input, place)
    }

    fn reports(&mut self, input: DeviceInput<'_>, place: Place) -> Result<(), Trouble> {
        let telemetry = match self.decoder.decode(input)? {
            DeviceRecord::Telemetry(telemetry) => telemetry,
            DeviceRecord::State(_) | DeviceRecord::Skipped(_) => return Ok(()),
        };
        let Some(device) = self.devices.place(telemetry.device.as_str()) else { return Ok(()) };
        let (key, time) = (telemetry.device.key(), telemetry.time);
        let mark = |report: &Report| ReportMark::of(report.time, report.identity(key)).mark;
        for report in &telemetry.reports {
            let (category, mark) = (report.category(), Some(mark(report)));
            self.marks.arrived(Missing { device, category, time: report.time, mark }, place)?;
        }
        for refusal in &telemetry.refused {
            let category = refusal.category;
            self.marks.arrived(Missing { device, category, time, mark: None }, place)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, DeviceId, EventTime, Measurement, Report, ReportTime};
    use emberline_wire::device::DeviceInput;
    use emberline_wire::receipt::ReportMark;

    use super::super::super::when::When;
    use super::{Arrived, Devices, Marks, Place};
    use crate::span::Span;

    #[test]
    fn a_receipt_of_one_category_leaves_the_others_of_a_record_missing() {
        let (device, time) =
            (DeviceId::parse("P/d").unwrap(), ReportTime::from_seconds(1_579_055_948).unwrap());
        let measurement = Measurement::new(Category::Power, &[1.2]).unwrap();
        let report = Report { time, measurement };
        let mut marks = Marks::default();
        marks.accepted(ReportMark::of(time, report.identity(device.key()))).unwrap();

        let devices = Devices::with_ids(&["P/d"]);
        let mut arrived = Arrived::new(&devices, &mut marks, When::of(&Span::default()));
        let values = [
            r#"{"payload":{"method":"report","timestamp":1579055948,"params":{"power":1.2,"smoke_state":1,"residual_current":99}},"productid":"P","devicename":"d"}"#,
            r#"{"payload":{"method":"report","timestamp":1579055948,"params":{"power":7}},"productid":"P","devicename":"another"}"#,
        ];
        for (offset, value) in (0..).zip(values) {
            let timestamp = EventTime::from_millis(0);
            let input = DeviceInput { value: Some(value.as_bytes()), type_name: None, timestamp };
            arrived.reports(input, Place { topic: 0, partition: 0, offset }).unwrap();
        }
        let broken = DeviceInput {
            value: Some(b"{"),
            type_name: None,
            timestamp: EventTime::from_millis(0),
        };
        assert!(arrived.reports(broken, Place { topic: 0, partition: 0, offset: 9 }).is_err());

        let gaps = marks.into_gaps();
        let missing: Vec<_> =
            gaps.list.iter().map(|gap| (gap.missing.category, gap.is_refused)).collect();
        assert_eq!(gaps.accepted, 1);
        assert_eq!(missing, [(Category::Smoke, false), (Category::ResidualCurrent, true)]);
    }
}
