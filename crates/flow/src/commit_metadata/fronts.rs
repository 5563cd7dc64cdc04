//! What is settled of records that are not settled as a whole, told by device instead of by
//! record.
//!
//! Each category of a device is delivered in the log's order, so one offset says it all: below
//! it everything of that category is settled. With a backlog that is some ten bytes a device
//! where the records would take thousands.

use std::collections::BTreeMap;
use std::hash::Hash;

use hashbrown::HashMap;

/// Parts that a record may have: categories.
pub const PARTS: usize = 6;

/// How far a device's parts are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// The device's lowest record that is not settled as a whole: who reads it knows which
    /// device this is about.
    pub at: i64,
    /// Of its records below this offset the part is settled.
    pub settled_to: [i64; PARTS],
}

impl Front {
    /// The parts of the device's record at this offset that are settled, a bit each.
    pub fn settled_parts(&self, offset: i64) -> u8 {
        (0..PARTS)
            .filter(|part| offset < self.settled_to[*part])
            .fold(0, |bits, part| bits | 1 << part)
    }
}

/// A record that is not settled as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsettled<D> {
    /// Its offset.
    pub offset: i64,
    /// Whose it is.
    pub device: D,
    /// The parts that it has, a bit each.
    pub parts: u8,
    /// Those that are settled.
    pub settled: u8,
}

/// What was told of a device by an earlier owner of the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Below these offsets its parts were settled.
    pub settled_to: [i64; PARTS],
    /// The last record of the device that was read since.
    pub last: i64,
}

/// Tells of these records, which are all of a partition that are read and not settled as a
/// whole, by device; what can't be told so is returned by record. `known` is what was told
/// before, also of records that are not read yet: those from `position` on. The next owner
/// reads from `from` on.
pub fn fronts<D: Copy + Eq + Hash>(
    records: &[Unsettled<D>],
    known: &HashMap<D, Known>,
    (from, position): (i64, i64),
) -> (Vec<Front>, Vec<(i64, u8)>) {
    let tells_more = |known: &Known| known.settled_to.iter().any(|to| *to > position);
    let still_known = known.iter().filter(|(_, known)| tells_more(known));
    let in_part = records.iter().filter(|record| record.settled != 0).map(|record| record.device);
    let devices = in_part.chain(still_known.map(|(device, _)| *device));
    let nothing = Front { at: i64::MAX, settled_to: [i64::MAX; PARTS] };
    let mut told: HashMap<D, Front> = devices.map(|device| (device, nothing)).collect();
    if told.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut reach = i64::MIN;
    for record in records {
        reach = reach.max(record.offset + 1);
        let Some(front) = told.get_mut(&record.device) else { continue };
        front.at = front.at.min(record.offset);
        let left = record.parts & !record.settled;
        for part in (0..PARTS).filter(|part| left & (1 << part) != 0) {
            front.settled_to[part] = front.settled_to[part].min(record.offset);
        }
    }
    for (device, front) in &mut told {
        let known = known.get(device);
        for (part, to) in front.settled_to.iter_mut().enumerate() {
            if *to == i64::MAX {
                *to = reach.max(known.map_or(i64::MIN, |known| known.settled_to[part]));
            }
        }
        if let Some(known) = known.filter(|_| front.at == i64::MAX) {
            // All that is read of it is settled. One that will be read again tells of it.
            front.at = known.last;
        }
    }
    told.retain(|_, front| front.at >= from);
    // What was settled out of turn.
    let by_record: BTreeMap<i64, u8> = records
        .iter()
        .filter_map(|record| {
            let front = told.get(&record.device)?;
            let beyond = record.settled & !front.settled_parts(record.offset);
            (beyond != 0).then_some((record.offset, beyond))
        })
        .collect();
    let mut fronts: Vec<Front> = told.into_values().collect();
    fronts.sort_unstable_by_key(|front| front.at);
    // One that says nothing beyond its own beginning is of no use.
    fronts.retain(|front| front.settled_to.iter().any(|to| *to > front.at));
    (fronts, by_record.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use hashbrown::HashMap;
    use proptest::prelude::*;

    use super::{Front, Known, Unsettled, fronts};

    fn record(offset: i64, device: u8, parts: u8, settled: u8) -> Unsettled<u8> {
        Unsettled { offset, device, parts, settled }
    }

    #[test]
    fn a_device_that_is_delivered_in_order_takes_one_front() {
        let records = [
            record(10, 1, 0b011, 0b001),
            record(11, 2, 0b011, 0),
            record(12, 1, 0b011, 0b001),
            record(14, 1, 0b111, 0),
        ];
        let (fronts, by_record) = fronts(&records, &HashMap::new(), (10, 15));
        assert_eq!(by_record, []);
        assert_eq!(fronts.len(), 1);
        assert_eq!(fronts[0], Front { at: 10, settled_to: [14, 10, 14, 15, 15, 15] });
        assert_eq!(fronts[0].settled_parts(12) & 0b011, 0b001);
    }

    #[test]
    fn what_is_settled_out_of_turn_is_told_by_record() {
        let records = [record(10, 1, 0b01, 0), record(12, 1, 0b11, 0b01)];
        let (fronts, by_record) = fronts(&records, &HashMap::new(), (10, 15));
        assert_eq!(by_record, [(12, 0b01)]);
        assert!(fronts.iter().all(|front| front.settled_parts(10) & 1 == 0));
    }

    #[test]
    fn what_was_told_of_records_not_read_yet_is_told_on() {
        let known = HashMap::from([
            (1, Known { settled_to: [90, 0, 0, 0, 0, 0], last: 10 }),
            (2, Known { settled_to: [80, 0, 0, 0, 0, 0], last: 11 }),
            (3, Known { settled_to: [9; 6], last: 8 }),
        ]);
        let (fronts, _) = fronts(&[record(10, 1, 0b10, 0)], &known, (10, 12));
        let told: Vec<_> = fronts.iter().map(|front| (front.at, front.settled_to[0])).collect();
        assert_eq!(told, [(10, 90), (11, 80)]);
    }

    proptest! {
        /// Whatever is settled in whatever order: what is told is exactly what is settled.
        #[test]
        fn what_is_told_is_what_is_settled(
            records in prop::collection::vec((0..4_u8, 1..64_u8, 0..64_u8), 1..60),
        ) {
            let records: Vec<_> = (0_i64..)
                .zip(records)
                // One that is settled as a whole is told of elsewhere.
                .filter(|(_, (_, parts, settled))| parts & !settled != 0)
                .map(|(offset, (device, parts, settled))| record(offset, device, parts, parts & settled))
                .collect();
            let (fronts, by_record) = fronts(&records, &HashMap::new(), (0, 60));
            let by_record: HashMap<i64, u8> = by_record.into_iter().collect();
            let mut of_device: HashMap<u8, Front> = HashMap::new();
            for record in &records {
                if let Some(front) = fronts.iter().find(|front| front.at == record.offset) {
                    of_device.insert(record.device, *front);
                }
                let front = of_device.get(&record.device);
                let told = front.map_or(0, |front| front.settled_parts(record.offset))
                    | by_record.get(&record.offset).copied().unwrap_or_default();
                prop_assert_eq!(told & record.parts, record.settled, "{:?}", record);
            }
        }
    }
}
