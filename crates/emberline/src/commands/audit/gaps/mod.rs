//! `--gaps`: reports on the topics of devices that no receipt tells of.
//!
//! The order is what makes it right: first the ends of the devices' topics are looked up,
//! then the receipts are read up to now, then the records before those ends. A report that
//! arrives meanwhile is not looked at; one that is accepted meanwhile may show as a gap,
//! like all that is in flight.
//!
//! Held are the marks of the receipts of the devices asked about, and the gaps: `marks`.
//! `devices` says which devices are meant, `arrived` reads their records, `letters` looks
//! the gaps up among the dead letters, `show` prints.

mod arrived;
mod devices;
mod letters;
mod marks;
mod show;

use emberline_wire::receipt::{Receipt, Received};

use super::Format;
use super::asked::Asked;
use super::log::Log;
use super::when::{When, receipts_looked_up, receipts_of, widened};
use crate::app::{Exit, UsageError};
use crate::settings::Settings;
use crate::span::{Bound, Span};
use crate::wiring;
use arrived::Arrived;
use devices::Devices;
use marks::Marks;
use show::Verdict;

/// Compares what arrived with what was accepted.
///
/// # Errors
/// As [`super::run`]; and if no device is known of the customer.
pub(super) fn run(
    log: &Log,
    settings: &Settings,
    asked: &Asked,
    span: &Span,
    format: Format,
) -> anyhow::Result<Exit> {
    // Dead letters name the places from which the devices workers have read.
    let topics = &wiring::topics(settings).read_by_devices();
    if topics.len() > 1 && has_offsets(span) {
        let text =
            "an offset is a place in one topic, and the devices workers read more: give times";
        return Err(UsageError(text.to_owned()).into());
    }
    let parts: Vec<_> = topics
        .iter()
        .map(|topic| log.part(topic, span, &widened(span)))
        .collect::<Result<_, _>>()?;

    let receipts = wiring::topics(settings).receipts();
    let since = receipts_looked_up(span, settings.dedupe.window.0);
    let receipts_part = log.part(&receipts, &receipts_of(span), &since)?;
    let devices = Devices::of(log, settings, asked, &receipts, &receipts_part)?;
    let mut marks = Marks::default();
    let read = log.read(&receipts, &receipts_part, |record| {
        let is_meant = record.key().is_none_or(|key| devices.has_key(key));
        let Some(value) = record.value().filter(|_| is_meant) else { return Ok(()) };
        let receipt = Receipt::decode(value)?;
        match receipt.received {
            Received::Data { device_id, reports, .. } if devices.place(&device_id).is_some() => {
                reports.into_iter().try_for_each(|mark| marks.accepted(mark))
            }
            _ => Ok(()),
        }
    })?;

    let mut arrived = Arrived::new(&devices, &mut marks, When::of(span));
    let mut undecodable = 0;
    for (place, (topic, part)) in (0..).zip(topics.iter().zip(&parts)) {
        let configured = settings.topics.types.get(topic).map(ToString::to_string);
        let read =
            log.read(topic, part, |record| arrived.take(place, record, configured.as_deref()))?;
        undecodable += read.unreadable.count;
        read.unreadable.tell(&format!("records of {topic}"));
    }
    let mut gaps = marks.into_gaps();
    if !gaps.is_empty() {
        letters::look_up(log, settings, &since, &mut gaps)?;
    }
    let verdict = Verdict::new(&devices, topics, &gaps, undecodable, read.unreadable.count);
    verdict.show(format)?;
    read.unreadable.tell("receipts");
    Ok(if verdict.is_good() { Exit::Done } else { Exit::Failed })
}

fn has_offsets(span: &Span) -> bool {
    span.from.iter().chain(&span.to).any(|it| matches!(it.bound, Bound::Offset { .. }))
}
