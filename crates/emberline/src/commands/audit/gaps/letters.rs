//! The gaps that are dead letters, found by where their records come from.

use emberline_wire::headers::{Categories, DeadLetter};

use super::super::log::Log;
use super::marks::{Gaps, Letter, Place};
use crate::output;
use crate::settings::Settings;
use crate::span::Span;
use crate::wiring;

/// Reads the dead letters of this span: like a receipt, one may be written long after its
/// record. Where a record became one twice, one of them is named.
///
/// # Errors
/// Kafka gives no answer.
pub(super) fn look_up(
    log: &Log,
    settings: &Settings,
    span: &Span,
    gaps: &mut Gaps,
) -> anyhow::Result<()> {
    let topics = wiring::topics(settings);
    let (topic, topics) = (topics.dead_letters(), topics.read_by_devices());
    let Some(part) = log.part_if_there(&topic, span)? else { return Ok(()) };
    let read = log.read(&topic, &part, |record| {
        let letter = DeadLetter::from_headers(record.headers())?;
        let of = topics.iter().position(|topic| *topic == letter.topic);
        let Some(topic) = of.and_then(|place| u16::try_from(place).ok()) else { return Ok(()) };
        let place = Place { topic, partition: letter.partition, offset: letter.offset };
        let concerns =
            |category| letter.part.is_none_or(|part: Categories| part.contains(category));
        let found = Letter {
            reason: letter.reason,
            error_code: letter.error_code,
            partition: record.partition(),
            offset: record.offset(),
        };
        gaps.is_dead(place, concerns, &found);
        Ok(())
    })?;
    if read.unreadable.count > 0 {
        output::notice("a gap may be one of these:");
    }
    read.unreadable.tell("dead letters");
    Ok(())
}
