//! Which letters are meant, and what is to be said about those that were looked at.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use emberline_model::{CustomerId, DeadLetterReason, DeviceId, Outcome};
use emberline_pipeline::replay::Selection;

use super::letter::Letter;
use crate::settings::suggest;
use crate::span::Span;

/// Which letters are meant: of each filter one of its values, of all filters together each.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Filter {
    /// Only letters with this reason, for example `refused`. Repeat it for more.
    #[arg(long, value_name = "REASON")]
    reason: Vec<String>,
    /// Only letters with this error code, upper or lower case. Repeat it for more.
    #[arg(long, value_name = "CODE")]
    code: Vec<String>,
    /// Only letters about this device. Repeat it for more.
    #[arg(long, value_name = "PRODUCT/DEVICE", value_parser = DeviceId::parse)]
    device: Vec<DeviceId>,
    /// Only letters about this customer: its bindings, its own record, its orders. Telemetry
    /// tells no customer, and is left out; only a redrive, which knows who has bound what,
    /// takes that of the devices which the customer has bound now. Repeat it for more.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Vec<CustomerId>,
    /// Only letters whose record first stood on this topic. Repeat it for more.
    #[arg(long, value_name = "TOPIC")]
    topic: Vec<String>,
    /// When the letters were written.
    #[command(flatten)]
    pub(super) span: Span,
}

/// The reasons of this version.
pub(super) fn known_reasons() -> impl Iterator<Item = DeadLetterReason> {
    Outcome::ALL.into_iter().filter_map(|outcome| match outcome {
        Outcome::DeadLettered(reason) => Some(reason),
        _ => None,
    })
}

impl Filter {
    /// As what a redrive is about: what these letters say, and of a customer the telemetry
    /// of the devices too that it has bound now.
    pub(super) fn selection(&self) -> Selection {
        Selection {
            devices: self.device.clone(),
            customers: self.customer.clone(),
            reasons: self.reason.clone(),
            codes: self.code.clone(),
            topics: self.topic.clone(),
            ..Selection::default()
        }
    }

    /// The filters that were given, by name.
    pub(super) fn given(&self) -> BTreeMap<String, String> {
        let texts = |ids: &[DeviceId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let customers: Vec<_> = self.customer.iter().map(ToString::to_string).collect();
        let given = [
            ("reason", self.reason.join(",")),
            ("code", self.code.join(",")),
            ("device", texts(&self.device).join(",")),
            ("customer", customers.join(",")),
            ("topic", self.topic.join(",")),
        ];
        let given = given.into_iter().filter(|(_, values)| !values.is_empty());
        given.map(|(name, values)| (name.to_owned(), values)).collect()
    }

    /// What is to be said about the filter itself: a reason that this version does not have is
    /// looked for, since another version may have it, but it may be misspelt.
    pub(super) fn notes(&self) -> Vec<String> {
        let names = || known_reasons().map(DeadLetterReason::name);
        let unknown = self.reason.iter().filter(|given| !names().any(|name| name == **given));
        let note = |given: &String| {
            let lower = given.to_lowercase().replace([' ', '-'], "_");
            let meant = match suggest::nearest(&lower, names()) {
                Some(name) => format!("did you mean {name}?"),
                None => format!("it has {}", names().collect::<Vec<_>>().join(", ")),
            };
            format!("this version writes no reason {given:?}: {meant}")
        };
        unknown.map(note).collect()
    }

    /// Whether anything but a time or a place is asked for.
    fn is_open(&self) -> bool {
        let Self { reason, code, device, customer, topic, span: _ } = self;
        reason.is_empty()
            && code.is_empty()
            && device.is_empty()
            && customer.is_empty()
            && topic.is_empty()
    }

    fn takes(&self, letter: &Letter) -> bool {
        let Ok(dead) = &letter.dead else { return self.is_open() };
        let about = &letter.about;
        any_of(&self.reason, |reason| *reason == dead.reason)
            && any_of(&self.topic, |topic| *topic == dead.topic)
            && any_of(&self.code, |code| {
                dead.error_code.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(code))
            })
            && any_of(&self.device, |device| about.device.as_ref() == Some(device))
            && any_of(&self.customer, |customer| about.customer.as_ref() == Some(customer))
    }

    /// Whether a device or a customer is asked for, and the letter does not tell its own.
    fn can_not_tell(&self, letter: &Letter) -> bool {
        !(self.device.is_empty() && self.customer.is_empty())
            && letter.about.device.is_none()
            && letter.about.customer.is_none()
    }
}

fn any_of<T>(wanted: &[T], is: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(is)
}

/// Letters that were looked at, one by one.
pub(super) struct Sieve<'a> {
    filter: &'a Filter,
    /// Records that were looked at.
    pub(super) looked_at: u64,
    /// Those that are meant.
    pub(super) matched: u64,
    /// Records without the headers of a dead letter.
    pub(super) no_letters: u64,
    /// Letters that were left out because they tell neither device nor customer.
    untold: u64,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(filter: &'a Filter) -> Self {
        Self { filter, looked_at: 0, matched: 0, no_letters: 0, untold: 0 }
    }

    /// Whether a letter is meant.
    pub(super) fn takes(&mut self, letter: &Letter) -> bool {
        self.looked_at += 1;
        self.no_letters += u64::from(letter.dead.is_err());
        let takes = self.filter.takes(letter);
        self.matched += u64::from(takes);
        self.untold += u64::from(letter.dead.is_ok() && self.filter.can_not_tell(letter));
        takes
    }

    /// What must not stay unsaid.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.no_letters > 0 {
            let records = counted(self.no_letters, "record");
            let left_out = if self.filter.is_open() {
                ""
            } else {
                " They match no filter: leave the filters away to see them."
            };
            notes.push(format!(
                "{records} of the topic without the headers of a dead letter: something else \
                 writes to it, or a later version does.{left_out}"
            ));
        }
        if self.untold > 0 {
            let letters = counted(self.untold, "letter");
            notes.push(format!(
                "{letters} left out that tell neither device nor customer (undecodable)."
            ));
        }
        notes
    }
}

/// `1 letter`, `2 letters`.
pub(super) fn counted(count: u64, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Goes on unless something went wrong, which is kept for after the reading.
pub(super) fn keeping<E>(
    result: Result<ControlFlow<()>, E>,
    kept: &mut Result<(), E>,
) -> ControlFlow<()> {
    result.unwrap_or_else(|error| {
        *kept = Err(error);
        ControlFlow::Break(())
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use emberline_wire::headers::{DeadLetter, HeaderError};

    use super::{Filter, Letter, Sieve};
    use crate::commands::dlq::letter::Place;
    use crate::commands::dlq::letter::tests::refused;
    use crate::commands::dlq::original::About;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        filter: Filter,
    }

    fn filter(flags: &[&str]) -> Filter {
        Line::try_parse_from([&["dlq"], flags].concat()).unwrap_or_else(|e| panic!("{e}")).filter
    }

    fn letter(dead: Result<DeadLetter, HeaderError>, device: &str, customer: &str) -> Letter {
        let about = About { device: device.parse_device(), customer: customer.parse_customer() };
        Letter { place: Place { partition: 0, offset: 0 }, time_ms: 0, dead, about }
    }

    trait Ids {
        fn parse_device(&self) -> Option<emberline_model::DeviceId>;
        fn parse_customer(&self) -> Option<emberline_model::CustomerId>;
    }

    impl Ids for str {
        fn parse_device(&self) -> Option<emberline_model::DeviceId> {
            emberline_model::DeviceId::parse(self).ok()
        }

        fn parse_customer(&self) -> Option<emberline_model::CustomerId> {
            emberline_model::CustomerId::parse(self).ok()
        }
    }

    #[test]
    fn each_filter_must_hold_and_of_one_filter_any_value() {
        let it = letter(Ok(refused()), "P/d", "c_1");
        for flags in [
            &[][..],
            &["--reason", "refused"],
            &["--reason", "too_old", "--reason", "refused"],
            &["--code", "invalidparametervalue", "--topic", "devices"],
            &["--device", "P/d", "--customer", "c_1"],
        ] {
            assert!(filter(flags).takes(&it), "{flags:?}");
        }
        for flags in [
            &["--reason", "refuse"][..],
            &["--reason", "refused", "--topic", "orders"],
            &["--code", "InvalidParameter"],
            &["--device", "P/e"],
            &["--customer", "c_2"],
        ] {
            assert!(!filter(flags).takes(&it), "{flags:?}");
        }
        let without_code = DeadLetter { error_code: None, ..refused() };
        assert!(!filter(&["--code", ""]).takes(&letter(Ok(without_code), "P/d", "c_1")));
    }

    #[test]
    fn what_is_no_device_or_customer_is_refused() {
        for flags in [["--device", "d"], ["--customer", "c-1"], ["--from", "yesterday"]] {
            assert!(Line::try_parse_from([&["dlq"][..], &flags].concat()).is_err(), "{flags:?}");
        }
    }

    #[test]
    fn a_reason_of_another_version_is_looked_for_and_a_misspelt_one_is_told() {
        let other = DeadLetter { reason: "cursed".into(), ..refused() };
        assert!(filter(&["--reason", "cursed"]).takes(&letter(Ok(other), "P/d", "c_1")));
        assert!(filter(&["--reason", "refused"]).notes().is_empty());
        for (given, meant) in [
            ("refussed", "did you mean refused?"),
            ("Too old", "did you mean too_old?"),
            ("impossible-value", "did you mean impossible_value?"),
            ("zebra", "it has undecodable, impossible_value, refused"),
        ] {
            let notes = filter(&["--reason", given]).notes();
            assert!(notes.len() == 1 && notes[0].contains(meant), "{notes:?}");
        }
    }

    #[test]
    fn what_is_no_dead_letter_is_taken_where_nothing_is_asked_for_and_told_always() {
        let strange = || letter(Err(HeaderError::Missing { name: "emberline-dlq-topic" }), "", "");
        let (open, narrow) = (filter(&[]), filter(&["--reason", "refused"]));
        let (mut all, mut some) = (Sieve::new(&open), Sieve::new(&narrow));
        assert!(all.takes(&strange()) && !some.takes(&strange()));
        assert!(all.notes()[0].starts_with("1 record of the topic without"));
        assert!(some.notes()[0].contains("leave the filters away"));
    }

    #[test]
    fn letters_that_do_not_tell_whom_they_are_about_are_told_where_that_is_asked_for() {
        let untold = letter(Ok(refused()), "", "");
        let by_device = filter(&["--device", "P/d"]);
        let mut sieve = Sieve::new(&by_device);
        assert!(!sieve.takes(&untold) && sieve.takes(&letter(Ok(refused()), "P/d", "")));
        assert_eq!((sieve.looked_at, sieve.matched), (2, 1));
        assert!(sieve.notes()[0].starts_with("1 letter left out"), "{:?}", sieve.notes());
    }
}
