//! What a dead letter's reason means, and what to do about it.

use emberline_model::DeadLetterReason;

use super::filter::known_reasons;

/// A reason in words.
pub(super) struct Explained {
    /// What happened.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) advice: &'static str,
}

/// A reason by its name in the header.
pub(super) fn explained(name: &str) -> Explained {
    let known = known_reasons().find(|reason| reason.name() == name);
    let (meaning, advice) = known.map_or(
        (
            "a reason that this version does not know",
            "look at it with the version that wrote it, or in its changelog",
        ),
        words,
    );
    Explained { meaning, advice }
}

const fn words(reason: DeadLetterReason) -> (&'static str, &'static str) {
    match reason {
        DeadLetterReason::Undecodable => (
            "the record can't be read",
            "mend what writes to the topic, or take the topic out of the settings if it carries something else",
        ),
        DeadLetterReason::ImpossibleValue => (
            "a property's value is out of its range, of a wrong type, or lacks a field",
            "look at the device and at its product's data template: `emberline thing-model check` names what does not conform",
        ),
        DeadLetterReason::Refused => (
            "the service refused it for good",
            "read the error: it names what the service does not take; ask its operator with the request's id",
        ),
        DeadLetterReason::TooOld => (
            "it waited longer than retry.max_age",
            "see why it waited: bind the device or make the customer known, or look at the last error; then write the record again",
        ),
        DeadLetterReason::OrderConflict => (
            "the service has an order of this number already, and it is another one",
            "compare both with `emberline service list-orders`; if both are meant, write this one under a new order_no",
        ),
        DeadLetterReason::FormalOrdersOff => (
            "a formal order, where none may be placed",
            "set claims.formal_orders and claims.authorisations if it shall cost an authorisation, and write the order again; else order an item with D-",
        ),
        DeadLetterReason::AuthorisationsUsedUp => (
            "a formal order, and no authorisation is left for it",
            "buy authorisations, raise claims.authorisations, and write the order again",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{explained, known_reasons};

    #[test]
    fn every_reason_has_its_own_line_of_advice() {
        let mut lines: Vec<_> =
            known_reasons().map(|reason| explained(reason.name()).advice).collect();
        assert!(lines.iter().all(|line| !line.contains('\n') && !line.is_empty()));
        lines.push(explained("cursed").advice);
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), known_reasons().count() + 1);
    }
}
