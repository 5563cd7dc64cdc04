//! What is to be known of all dead letters before one is redriven, or a record replayed because
//! it became one.

use emberline_broker::{Bounds, OffsetRange, PartitionBounds, ScanRecord};
use emberline_wire::headers::{Categories, DeadLetter, REDRIVEN_HEADER};
use hashbrown::HashMap;

use super::plan::{GO_ON, PATIENCE, Tell};
use super::{Copies, ReplayError};
use crate::settings::PipelineSettings;

/// Of records by partition and offset, those categories that became dead letters; `None`: the
/// record as a whole.
pub type Places = HashMap<(i32, i64), Option<Categories>>;

/// How often a record was redriven, as its header says.
pub(crate) fn redriven(header: Option<&[u8]>) -> u32 {
    let text = header.and_then(|it| std::str::from_utf8(it).ok());
    text.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// Reads the letters from these ranges' beginnings to the topic's end: of one in a range a
/// newer one may have come since.
pub(super) fn copies(
    settings: &PipelineSettings,
    ranges: &[OffsetRange],
    tell: &Tell<'_>,
) -> Result<Copies, ReplayError> {
    let mut copies = Copies::default();
    let ranges = to_the_end(settings, ranges)?;
    read(settings, &ranges, tell, |record| {
        let redriven = redriven(record.header(REDRIVEN_HEADER));
        if redriven > 0
            && let Ok(letter) = DeadLetter::from_headers(record.headers())
        {
            copies.note(&letter, redriven);
        }
    })?;
    Ok(copies)
}

/// The records of a topic's ranges that became dead letters.
pub(super) fn places(
    settings: &PipelineSettings,
    topic: &str,
    ranges: &[OffsetRange],
    tell: &Tell<'_>,
) -> Result<Places, ReplayError> {
    let bounds = bounds(settings)?;
    let all: Vec<_> = bounds
        .iter()
        .map(|it| OffsetRange { partition: it.partition, from: it.low, to: it.high })
        .collect();
    let is_in = |letter: &DeadLetter| {
        let mut ranges = ranges.iter().filter(|range| range.partition == letter.partition);
        letter.topic == topic && ranges.any(|it| (it.from..it.to).contains(&letter.offset))
    };
    let mut places = Places::new();
    read(settings, &all, tell, |record| {
        let Ok(letter) = DeadLetter::from_headers(record.headers()) else { return };
        if !is_in(&letter) {
            return;
        }
        let place = (letter.partition, letter.offset);
        let part = letter.part;
        places.entry(place).and_modify(|known| *known = joined(*known, part)).or_insert(part);
    })?;
    Ok(places)
}

fn joined(one: Option<Categories>, other: Option<Categories>) -> Option<Categories> {
    Some(Categories::from_bits(one?.bits() | other?.bits()))
}

fn read(
    settings: &PipelineSettings,
    ranges: &[OffsetRange],
    tell: &Tell<'_>,
    mut each: impl FnMut(&ScanRecord<'_>),
) -> Result<(), ReplayError> {
    let topic = settings.topics.dead_letters();
    tell.read((&settings.kafka, &topic), "dead letters", ranges, |record| {
        each(record);
        GO_ON
    })
}

fn bounds(settings: &PipelineSettings) -> Result<Vec<PartitionBounds>, ReplayError> {
    let topic = [settings.topics.dead_letters()];
    Ok(Bounds::new(&settings.kafka)?.of_topics(&topic, PATIENCE)?)
}

fn to_the_end(
    settings: &PipelineSettings,
    ranges: &[OffsetRange],
) -> Result<Vec<OffsetRange>, ReplayError> {
    let bounds = bounds(settings)?;
    let end = |range: &OffsetRange| {
        let of = bounds.iter().find(|it| it.partition == range.partition);
        of.map_or(range.to, |it| it.high.max(range.to))
    };
    Ok(ranges.iter().map(|range| OffsetRange { to: end(range), ..*range }).collect())
}
