//! Real telemetry, read from Kafka once and judged: counts, and one record that shows each.
//!
//! Reads without a group and commits nothing. Of a record only its place and what a number
//! or a name is wrong with are kept: never a customer, a device or a text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use emberline_broker::{Extent, scan};
use emberline_model::EventTime;
use emberline_wire::device::{
    DeviceDecoder, DeviceInput, DeviceRecord, Telemetry, properties_as_sent,
};
use emberline_wire::headers::TYPE_HEADER;
use serde::Serialize;

use super::finding::{Finding, What};
use super::problem::Problem;
use super::telemetry::{judge, kind_of_error};
use crate::settings::Settings;
use crate::wiring;

/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(20);

/// Most different findings that are told apart: names out of records are of no bounded
/// variety.
const MOST_FINDINGS: usize = 200;

/// What a topic holds.
#[derive(Debug, Serialize)]
pub(super) struct Sampled {
    pub(super) topic: String,
    partitions: usize,
    records: u64,
    counts: Counts,
    /// Reports of each standard property, and how many of them are sent.
    properties: BTreeMap<&'static str, PropertyCount>,
    pub(super) problems: Vec<Problem>,
    pub(super) notes: Vec<Problem>,
}

/// What the records are; together they are all of them.
#[derive(Debug, Default, Serialize)]
struct Counts {
    telemetry: u64,
    states: u64,
    /// Neither, and no error: by reason.
    skipped: BTreeMap<&'static str, u64>,
    undecodable: u64,
}

#[derive(Debug, Default, Serialize)]
struct PropertyCount {
    reported: u64,
    sent: u64,
}

/// Reads about `count` of a topic's newest records.
///
/// # Errors
/// If Kafka's settings can't be used, or it gives no answer.
pub(super) fn sample(settings: &Settings, topic: &str, count: u64) -> anyhow::Result<Sampled> {
    let configured = settings.topics.types.get(topic).map(ToString::to_string);
    let mut gathered = Gathered::default();
    let kafka = wiring::kafka(settings)?;
    let read = scan(&kafka, topic, Extent::Newest(count), PATIENCE, |record| {
        let header = record.header(TYPE_HEADER).map(String::from_utf8_lossy);
        let input = DeviceInput {
            value: record.value(),
            type_name: header.as_deref().or(configured.as_deref()),
            timestamp: EventTime::from_millis(record.timestamp_ms().max(0)),
        };
        gathered.take(input, &format!("{}:{}", record.partition(), record.offset()));
    });
    let scanned = read.map_err(|error| {
        anyhow::Error::from(error).context(format!("Kafka at {}", settings.kafka.brokers))
    })?;
    Ok(gathered.into_sampled(topic, scanned.partitions, scanned.records))
}

impl Sampled {
    pub(super) fn conforms(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn summary(&self) -> String {
        let Self { records, partitions, counts, .. } = self;
        let skipped: u64 = counts.skipped.values().sum();
        let conforms = if self.conforms() { "conforms" } else { "does not conform" };
        let mut text = format!(
            "{conforms}; newest {records} records of {partitions} partitions: {} telemetry, {} states, {skipped} others, {} undecodable",
            counts.telemetry, counts.states, counts.undecodable
        );
        for (property, PropertyCount { reported, sent }) in &self.properties {
            let _ = write!(text, "\n  {property:<16}  {reported} reported, {sent} good");
        }
        text
    }
}

#[derive(Default)]
struct Gathered {
    decoder: DeviceDecoder,
    counts: Counts,
    properties: BTreeMap<&'static str, PropertyCount>,
    found: BTreeMap<Finding, (u64, String)>,
    /// Findings beyond those that are told apart.
    more: u64,
    undecodable: BTreeMap<String, (u64, String)>,
}

impl Gathered {
    fn take(&mut self, input: DeviceInput<'_>, at: &str) {
        match self.decoder.decode(input) {
            Ok(DeviceRecord::Telemetry(telemetry)) => self.telemetry(input, &telemetry, at),
            Ok(DeviceRecord::State(_)) => self.counts.states += 1,
            Ok(DeviceRecord::Skipped(reason)) => {
                *self.counts.skipped.entry(reason.name()).or_default() += 1;
            }
            Err(error) => {
                self.counts.undecodable += 1;
                let seen = self.undecodable.entry(kind_of_error(&error));
                seen.or_insert_with(|| (0, at.to_owned())).0 += 1;
            }
        }
    }

    fn telemetry(&mut self, input: DeviceInput<'_>, telemetry: &Telemetry, at: &str) {
        self.counts.telemetry += 1;
        for report in &telemetry.reports {
            let count = self.properties.entry(report.category().property()).or_default();
            count.reported += 1;
            count.sent += 1;
        }
        let findings = properties_as_sent(input).map(|it| judge(&it)).unwrap_or_default();
        for refusal in &telemetry.refused {
            let property = refusal.category.property();
            self.properties.entry(property).or_default().reported += 1;
            // Of a property given twice, only the decoder sees it.
            if !findings.iter().any(|it| it.refuses(refusal.category)) {
                let what = What::Refused(refusal.reason.clone());
                self.find(Finding { place: property.to_owned(), what }, at);
            }
        }
        for finding in findings {
            self.find(finding, at);
        }
    }

    fn find(&mut self, finding: Finding, at: &str) {
        if self.found.len() >= MOST_FINDINGS && !self.found.contains_key(&finding) {
            self.more += 1;
            return;
        }
        self.found.entry(finding).or_insert_with(|| (0, at.to_owned())).0 += 1;
    }

    fn into_sampled(self, topic: &str, partitions: usize, records: u64) -> Sampled {
        let (mut problems, mut notes) = (Vec::new(), Vec::new());
        if self.counts.telemetry == 0 {
            let text = if records == 0 {
                "the topic is empty"
            } else {
                "no telemetry is among the records"
            };
            let advice = "let a device report, or name the topic that telemetry is on";
            problems.push(Problem::new("", text, advice));
        }
        for (text, (count, at)) in self.undecodable {
            let advice = "becomes a dead letter: look at its producer".to_owned();
            problems.push(counted(Problem::new("undecodable", text, advice), count, at));
        }
        for (finding, (count, at)) in self.found {
            let list = if finding.what.is_note() { &mut notes } else { &mut problems };
            list.push(counted(finding.described(), count, at));
        }
        if self.more > 0 {
            let text = format!("{} more findings of other names", self.more);
            notes.push(Problem::new("", text, ""));
        }
        let Self { counts, properties, .. } = self;
        Sampled {
            topic: topic.to_owned(),
            partitions,
            records,
            counts,
            properties,
            problems,
            notes,
        }
    }
}

fn counted(problem: Problem, count: u64, at: String) -> Problem {
    Problem { count: Some(count), example: Some(at), ..problem }
}

#[cfg(test)]
mod tests {
    use emberline_model::EventTime;
    use emberline_wire::device::DeviceInput;

    use super::{Gathered, Sampled};

    fn sampled(records: &[&str]) -> Sampled {
        let mut gathered = Gathered::default();
        for (offset, record) in records.iter().enumerate() {
            let value = Some(record.as_bytes());
            let timestamp = EventTime::from_millis(0);
            let input = DeviceInput { value, type_name: None, timestamp };
            gathered.take(input, &format!("0:{offset}"));
        }
        gathered.into_sampled("devices", 1, records.len() as u64)
    }

    fn report(params: &str) -> String {
        format!(
            r#"{{"payload":{{"method":"report","timestamp":1579055948,"params":{params}}},"productid":"P","devicename":"d"}}"#
        )
    }

    #[test]
    fn what_does_not_conform_is_counted_with_the_first_record_that_shows_it() {
        let (good, hot) = (report(r#"{"power":1.2,"hue":1}"#), report(r#"{"power":1000}"#));
        let twice = report(r#"{"power":1,"power":2}"#);
        let cold = report(r#"{"power":-1000,"smoke_state":1}"#);
        let status = r#"{"MsgType":"StatusChange","Event":"Online","ProductId":"P","DeviceName":"d","Time":"2020-06-08 20:03:47"}"#;
        let other = r#"{"MsgType":"Publish","ProductId":"P","DeviceName":"d","Time":"2020-06-08 20:03:47","Payload":"eyJtZXRob2QiOiJldmVudF9wb3N0In0="}"#;
        let sampled = sampled(&[&good, &hot, status, "{", other, &twice, "{", &cold]);
        assert!(!sampled.conforms());
        let lines = |list: &[super::Problem]| {
            list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let text = format!(
            "{}\n\n{}\n\n{}",
            sampled.summary(),
            lines(&sampled.problems),
            lines(&sampled.notes)
        );
        insta::assert_snapshot!(text);
    }

    #[test]
    fn records_without_telemetry_conform_to_nothing() {
        assert!(!sampled(&[]).conforms());
        assert!(sampled(&[&report(r#"{"power":1.2,"hue":1}"#)]).conforms());
    }

    #[test]
    fn names_out_of_records_are_told_apart_up_to_a_number() {
        let records: Vec<_> =
            (0..300).map(|number| report(&format!(r#"{{"own_{number}":1}}"#))).collect();
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        let notes = sampled(&records).notes;
        assert_eq!(notes.len(), super::MOST_FINDINGS + 1);
        assert!(notes.last().unwrap().to_string().starts_with("100 more"), "{notes:?}");
    }
}
