//! Which reports were accepted, which arrived, and which of these are a gap. No I/O.
//!
//! A receipt's mark is 24 bytes here, a gap some 120: what is accepted is the rule. What
//! exceeds the memory for them ends in an error.

use std::collections::HashMap;

use emberline_model::{Category, ReportTime};
use emberline_wire::receipt::ReportMark;

use super::super::log::Trouble;

/// Most marks of receipts: 1.3 GB while their table grows for the last time.
const MOST_MARKS: usize = 20_000_000;

/// Most records with a gap in them: about 500 MB.
const MOST_GAPS: usize = 4_000_000;

/// Where a record lies: which of the topics of devices, partition, offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: u16,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// What a gap is a gap of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Missing {
    /// Its number among the devices asked about.
    pub(super) device: u32,
    pub(super) category: Category,
    pub(super) time: ReportTime,
    /// What tells it from others of its time; `None` for a value that can't be sent, of
    /// which there is no mark.
    pub(super) mark: Option<u64>,
}

/// A report without a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) missing: Missing,
    /// The first record that was seen to bring it.
    pub(super) place: Place,
    /// Whether its value can't be sent.
    pub(super) is_refused: bool,
    /// Where it is a dead letter.
    pub(super) letter: Option<Letter>,
}

/// The dead letter of a gap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) reason: String,
    pub(super) error_code: Option<String>,
    /// Where it lies on the topic of dead letters.
    pub(super) partition: i32,
    pub(super) offset: i64,
}

/// What receipts and records say.
#[derive(Debug)]
pub(super) struct Marks {
    /// Whether each that was accepted has arrived, too.
    accepted: HashMap<ReportMark, bool>,
    arrived_and_accepted: u64,
    gaps: Vec<Gap>,
    numbers: HashMap<Missing, usize>,
    /// Every record that brings a gap, with the gap's number.
    places: Vec<(Place, usize)>,
    most: (usize, usize),
}

/// Reports without a receipt, and how many have one.
#[derive(Debug)]
pub(super) struct Gaps {
    pub(super) accepted: u64,
    pub(super) list: Vec<Gap>,
    places: Vec<(Place, usize)>,
}

impl Default for Marks {
    fn default() -> Self {
        Self {
            accepted: HashMap::new(),
            arrived_and_accepted: 0,
            gaps: Vec::new(),
            numbers: HashMap::new(),
            places: Vec::new(),
            most: (MOST_MARKS, MOST_GAPS),
        }
    }
}

impl Marks {
    /// A receipt tells of this report.
    ///
    /// # Errors
    /// It would be too many.
    pub(super) fn accepted(&mut self, mark: ReportMark) -> Result<(), Trouble> {
        if self.accepted.len() >= self.most.0 && !self.accepted.contains_key(&mark) {
            return Err(Trouble::too_much(self.most.0, "reports with a receipt"));
        }
        self.accepted.entry(mark).or_insert(false);
        Ok(())
    }

    /// A record brings this report. All receipts must be known by now.
    ///
    /// # Errors
    /// There would be too many gaps.
    pub(super) fn arrived(&mut self, report: Missing, place: Place) -> Result<(), Trouble> {
        let mark = report.mark.map(|mark| ReportMark { time: report.time, mark });
        if let Some(seen) = mark.and_then(|mark| self.accepted.get_mut(&mark)) {
            self.arrived_and_accepted += u64::from(!std::mem::replace(seen, true));
            return Ok(());
        }
        if self.places.len() >= self.most.1 {
            return Err(Trouble::too_much(self.most.1, "reports without a receipt"));
        }
        let number = *self.numbers.entry(report).or_insert(self.gaps.len());
        if number == self.gaps.len() {
            let is_refused = report.mark.is_none();
            self.gaps.push(Gap { missing: report, place, is_refused, letter: None });
        }
        self.places.push((place, number));
        Ok(())
    }

    /// What is missing, by device, category and time.
    pub(super) fn into_gaps(self) -> Gaps {
        let Self { arrived_and_accepted: accepted, gaps: list, mut places, .. } = self;
        places.sort_unstable();
        Gaps { accepted, list, places }
    }
}

impl Gaps {
    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A dead letter was made of the record there: of these categories of it.
    pub(super) fn is_dead(
        &mut self,
        place: Place,
        concerns: impl Fn(Category) -> bool,
        letter: &Letter,
    ) {
        let first = self.places.partition_point(|(other, _)| *other < place);
        let there = self.places[first..].iter().take_while(|(other, _)| *other == place);
        for (_, number) in there {
            let gap = &mut self.list[*number];
            if concerns(gap.missing.category) {
                gap.letter = Some(letter.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{Category, ReportTime};
    use emberline_wire::receipt::ReportMark;

    use super::{Letter, Marks, Missing, Place, Trouble};

    fn report(category: Category, seconds: i64, mark: u64) -> Missing {
        let time = ReportTime::from_seconds(seconds).unwrap();
        Missing { device: 0, category, time, mark: Some(mark) }
    }

    fn mark(seconds: i64, mark: u64) -> ReportMark {
        ReportMark { time: ReportTime::from_seconds(seconds).unwrap(), mark }
    }

    fn place(offset: i64) -> Place {
        Place { topic: 0, partition: 0, offset }
    }

    #[test]
    fn a_report_that_came_twice_is_one_accepted_or_missing() {
        let mut marks = Marks::default();
        // A receipt that tells of it twice, and one of what has not arrived in the range.
        for accepted in [mark(1, 7), mark(1, 7), mark(9, 9)] {
            marks.accepted(accepted).unwrap();
        }
        for offset in [3, 4] {
            marks.arrived(report(Category::Power, 1, 7), place(offset)).unwrap();
            marks.arrived(report(Category::Power, 2, 7), place(offset)).unwrap();
        }
        let gaps = marks.into_gaps();
        assert_eq!((gaps.accepted, gaps.list.len()), (1, 1));
        assert_eq!((gaps.list[0].missing.time, gaps.list[0].place), (mark(2, 0).time, place(3)));
    }

    #[test]
    fn another_value_of_the_same_time_is_another_report() {
        let mut marks = Marks::default();
        marks.accepted(mark(1, 7)).unwrap();
        marks.arrived(report(Category::Power, 1, 7), place(1)).unwrap();
        marks.arrived(report(Category::Power, 1, 8), place(2)).unwrap();
        let gaps = marks.into_gaps();
        assert_eq!((gaps.accepted, gaps.list.len()), (1, 1));
        assert_eq!(gaps.list[0].missing.mark, Some(8));
    }

    #[test]
    fn a_dead_letter_is_of_its_categories_whichever_record_brought_the_report() {
        let mut marks = Marks::default();
        let (power, smoke) = (report(Category::Power, 1, 1), report(Category::Smoke, 1, 2));
        let refused = Missing { mark: None, ..report(Category::Voltage, 1, 0) };
        for (report, offset) in [(power, 5), (smoke, 5), (refused, 5), (power, 8)] {
            marks.arrived(report, place(offset)).unwrap();
        }
        let mut gaps = marks.into_gaps();
        let letter =
            |offset| Letter { reason: "refused".into(), error_code: None, partition: 1, offset };
        gaps.is_dead(place(4), |_| true, &letter(0));
        gaps.is_dead(place(5), |category| category == Category::Smoke, &letter(1));
        gaps.is_dead(place(8), |_| true, &letter(2));
        let letters = gaps.list.iter().map(|gap| gap.letter.as_ref().map(|it| it.offset));
        assert_eq!(letters.collect::<Vec<_>>(), [Some(2), Some(1), None]);
        assert_eq!(
            gaps.list.iter().map(|it| it.is_refused).collect::<Vec<_>>(),
            [false, false, true]
        );
    }

    #[test]
    fn more_than_is_held_is_told_with_what_to_do() {
        let mut marks = Marks { most: (1, 2), ..Marks::default() };
        let is_too_much = |result| match result {
            Err(Trouble::TooMuch(text)) => text.contains("narrow the range"),
            _ => false,
        };
        marks.accepted(mark(1, 1)).unwrap();
        marks.accepted(mark(1, 1)).unwrap();
        assert!(is_too_much(marks.accepted(mark(1, 2))));
        for offset in [1, 2] {
            marks.arrived(report(Category::Power, 2, 1), place(offset)).unwrap();
        }
        assert!(is_too_much(marks.arrived(report(Category::Power, 2, 1), place(3))));
    }
}
