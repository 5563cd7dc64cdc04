//! How it can end. Every record, and every report made of it, ends in exactly one
//! [`Outcome`]; each is counted under its [`Outcome::name`] and reason.

/// The one final outcome of a report, state, binding event, or of a record that made
/// none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The service accepted it.
    Delivered,
    /// The same one was there before.
    Duplicate,
    /// Nothing to send, and no error.
    Skipped(SkipReason),
    /// A state that a newer one of the device replaced before it was sent.
    Superseded,
    /// Durably written to a retry topic.
    Parked(ParkReason),
    /// Durably written to the dead-letter topic.
    DeadLettered(DeadLetterReason),
    /// Durably written to the topic that is keyed by device, from which it is read again; of a
    /// customer's set, each of its facts to the topic of these.
    Repartitioned,
}

/// Why there was nothing to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// A message of the platform whose method is not `report`.
    OtherMethod,
    /// A platform message that is neither `Publish` nor `StatusChange`, or a
    /// `StatusChange` to something else than online or offline.
    OtherMessage,
    /// A property outside of the standard thing model.
    UnknownProperty,
    /// A property report without any property.
    NoProperty,
    /// A record without a value.
    Tombstone,
    /// Read by a replay that is not about it.
    NotSelected,
    /// A dead letter that was redriven as often as it may be: it stays one.
    RedrivenTooOften,
    /// A customer's set that can't be read, or not to its end: a later version's.
    UnreadableSet,
}

/// Why it waits in a retry topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParkReason {
    /// The device has no binding yet.
    Unbound,
    /// The customer is unknown to the service, so far.
    UnknownCustomer,
    /// The call failed in a passing way, more often than it is retried in place.
    Transient,
}

/// Why it is in the dead-letter topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeadLetterReason {
    /// The record can't be read.
    Undecodable,
    /// A property's value is out of its range, of a wrong type, or a field is missing.
    ImpossibleValue,
    /// The service refused it for good.
    Refused,
    /// It waited longer than the maximum age.
    TooOld,
    /// The service has an order of this number already, and it is another one.
    OrderConflict,
    /// A formal order, where none may be placed.
    FormalOrdersOff,
    /// A formal order, and no authorisation is left for it.
    AuthorisationsUsedUp,
}

impl Outcome {
    /// The metric label `outcome`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Duplicate => "duplicate",
            Self::Skipped(_) => "skipped",
            Self::Superseded => "superseded",
            Self::Parked(_) => "parked",
            Self::DeadLettered(_) => "dead_lettered",
            Self::Repartitioned => "repartitioned",
        }
    }

    /// The metric label `reason`; empty where the outcome says it all.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Delivered | Self::Duplicate | Self::Superseded | Self::Repartitioned => "",
            Self::Skipped(reason) => reason.name(),
            Self::Parked(reason) => reason.name(),
            Self::DeadLettered(reason) => reason.name(),
        }
    }

    /// Every outcome, for making counters once.
    pub const ALL: [Self; 22] = [
        Self::Delivered,
        Self::Duplicate,
        Self::Skipped(SkipReason::OtherMethod),
        Self::Skipped(SkipReason::OtherMessage),
        Self::Skipped(SkipReason::UnknownProperty),
        Self::Skipped(SkipReason::NoProperty),
        Self::Skipped(SkipReason::Tombstone),
        Self::Skipped(SkipReason::NotSelected),
        Self::Skipped(SkipReason::RedrivenTooOften),
        Self::Skipped(SkipReason::UnreadableSet),
        Self::Superseded,
        Self::Parked(ParkReason::Unbound),
        Self::Parked(ParkReason::UnknownCustomer),
        Self::Parked(ParkReason::Transient),
        Self::DeadLettered(DeadLetterReason::Undecodable),
        Self::DeadLettered(DeadLetterReason::ImpossibleValue),
        Self::DeadLettered(DeadLetterReason::Refused),
        Self::DeadLettered(DeadLetterReason::TooOld),
        Self::DeadLettered(DeadLetterReason::OrderConflict),
        Self::DeadLettered(DeadLetterReason::FormalOrdersOff),
        Self::DeadLettered(DeadLetterReason::AuthorisationsUsedUp),
        Self::Repartitioned,
    ];

    /// Its place in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Delivered => 0,
            Self::Duplicate => 1,
            Self::Skipped(reason) => 2 + reason as usize,
            Self::Superseded => 10,
            Self::Parked(reason) => 11 + reason as usize,
            Self::DeadLettered(reason) => 14 + reason as usize,
            Self::Repartitioned => 21,
        }
    }
}

impl SkipReason {
    /// The metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherMethod => "other_method",
            Self::OtherMessage => "other_message",
            Self::UnknownProperty => "unknown_property",
            Self::NoProperty => "no_property",
            Self::Tombstone => "tombstone",
            Self::NotSelected => "not_selected",
            Self::RedrivenTooOften => "redriven_too_often",
            Self::UnreadableSet => "unreadable_set",
        }
    }
}

impl ParkReason {
    /// The metric label, and the reason in a retry header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unbound => "unbound",
            Self::UnknownCustomer => "unknown_customer",
            Self::Transient => "transient",
        }
    }
}

impl DeadLetterReason {
    /// The metric label, and the reason in a dead letter's header.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::ImpossibleValue => "impossible_value",
            Self::Refused => "refused",
            Self::TooOld => "too_old",
            Self::OrderConflict => "order_conflict",
            Self::FormalOrdersOff => "formal_orders_off",
            Self::AuthorisationsUsedUp => "authorisations_used_up",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn an_outcomes_index_is_its_place_among_all() {
        for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), index, "{outcome:?}");
        }
    }
}
