//! Which dead letters were redriven since: a record that failed again is a second letter, and
//! only the newest of a record's letters is to be sent.

use emberline_model::Category;
use emberline_wire::headers::{Categories, DeadLetter};
use hashbrown::HashMap;
use xxhash_rust::xxh3::Xxh3;

/// How often what dead letters are about was redriven. Letters that never were cost nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copies {
    /// By the place that a record first had, and the category; `None`: the record as a whole.
    redriven: HashMap<(u64, Option<Category>), u32>,
}

impl Copies {
    /// Takes in a letter that was redriven so often before it became one.
    pub fn note(&mut self, letter: &DeadLetter, redriven: u32) {
        if redriven == 0 {
            return;
        }
        let origin = origin(letter);
        let mut note = |category| {
            let most = self.redriven.entry((origin, category)).or_default();
            *most = redriven.max(*most);
        };
        match letter.part {
            None => note(None),
            Some(part) => part.iter().for_each(|category| note(Some(category))),
        }
    }

    /// What of a letter has no newer one; `None`: nothing of it.
    pub(super) fn newest_of(&self, letter: &DeadLetter, redriven: u32) -> Option<Part> {
        if self.redriven.is_empty() {
            return Some(Part(letter.part));
        }
        let origin = origin(letter);
        let most = |category| self.redriven.get(&(origin, category)).copied().unwrap_or(0);
        if most(None) > redriven {
            return None;
        }
        let concerns = |category: &Category| letter.part.is_none_or(|it| it.contains(*category));
        let is_newest = |category: &Category| most(Some(*category)) <= redriven;
        let all = || Category::ALL.into_iter().filter(concerns);
        if all().all(|category| is_newest(&category)) {
            return Some(Part(letter.part));
        }
        let newest: Categories = all().filter(is_newest).collect();
        (!newest.is_empty()).then_some(Part(Some(newest)))
    }
}

/// Categories of a record; `None`: the record as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part(pub(crate) Option<Categories>);

fn origin(letter: &DeadLetter) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(letter.topic.as_bytes());
    hash.update(&letter.partition.to_le_bytes());
    hash.update(&letter.offset.to_le_bytes());
    hash.digest()
}

#[cfg(test)]
pub(super) mod tests {
    use emberline_model::Category;
    use emberline_wire::headers::{Categories, DeadLetter};

    use super::{Copies, Part};

    pub(crate) fn letter(offset: i64, part: Option<&[Category]>) -> DeadLetter {
        DeadLetter {
            topic: "devices".into(),
            partition: 1,
            offset,
            timestamp_ms: 1_700_000_000_000,
            reason: "refused".into(),
            error_code: Some("InvalidParameter".into()),
            error_message: String::new(),
            attempts: 1,
            first_failure_ms: 0,
            last_failure_ms: 0,
            request_id: None,
            part: part.map(|part| part.iter().copied().collect()),
        }
    }

    #[test]
    fn of_a_records_letters_the_one_that_was_redriven_most_is_sent() {
        let mut copies = Copies::default();
        copies.note(&letter(7, None), 1);
        assert_eq!(copies.newest_of(&letter(7, None), 0), None);
        assert_eq!(copies.newest_of(&letter(7, None), 1), Some(Part(None)));
        assert_eq!(copies.newest_of(&letter(8, None), 0), Some(Part(None)), "another record");
    }

    #[test]
    fn a_category_that_failed_again_does_not_take_the_others_along() {
        use Category::{Power, Smoke, Voltage};
        let mut copies = Copies::default();
        copies.note(&letter(7, Some(&[Smoke])), 1);
        let left = copies.newest_of(&letter(7, Some(&[Power, Smoke])), 0);
        assert_eq!(left, Some(Part(Some(Categories::from_iter([Power])))));
        assert_eq!(copies.newest_of(&letter(7, Some(&[Smoke])), 0), None);
        let other = copies.newest_of(&letter(7, Some(&[Voltage])), 0);
        assert_eq!(other, Some(Part(Some(Categories::from_iter([Voltage])))));
    }

    #[test]
    fn letters_that_were_never_redriven_take_no_memory() {
        let mut copies = Copies::default();
        (0..1000).for_each(|offset| copies.note(&letter(offset, None), 0));
        assert_eq!(copies, Copies::default());
    }
}
