//! The ledger's sums.

use std::collections::BTreeMap;

use serde::Serialize;

/// The sums since the start.
///
/// `calls = accepted_calls + rejected_calls + throttled_calls + faulted_calls +
/// abandoned_calls + ` those under way, and
/// `reports_accepted = distinct_reports + sent_twice`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Calls that came, whatever became of them.
    pub calls: u64,
    /// Calls done as asked.
    pub accepted_calls: u64,
    /// Calls refused with one of the contract's codes: a caller without defects, with
    /// known customers and bound devices, has none.
    pub rejected_calls: u64,
    /// Calls answered 429 by the rate limit.
    pub throttled_calls: u64,
    /// Calls that failed on demand, done or not.
    pub faulted_calls: u64,
    /// Calls whose caller went away before the answer, done or not.
    pub abandoned_calls: u64,
    /// Pushes of bindings accepted.
    pub bind_calls: u64,
    /// Reports accepted, repeats included.
    pub reports_accepted: u64,
    /// Reports accepted, each (device, category, time, values) counted once.
    pub distinct_reports: u64,
    /// Reports accepted that had been accepted before.
    pub sent_twice: u64,
    /// Reports that came after a newer one of their device and category. Repeats are
    /// not judged.
    pub order_inversions: u64,
    /// Calls that began while another one for the same device and category (or for the
    /// same device's state) was under way.
    pub overlapping_calls: u64,
    /// Online states accepted.
    pub states_accepted: u64,
    /// New reports whose repeats can't be noticed, because the bound was reached.
    pub identities_forgotten: u64,
    /// Devices of which a report or a state was accepted.
    pub devices_reported: u64,
    /// Which reading the accepted signatures fitted.
    pub signatures: SignatureTotals,
    /// Calls by action; `unknown` holds those refused before their action was known.
    pub by_action: BTreeMap<&'static str, ActionTotals>,
}

impl Totals {
    /// Calls that have no outcome yet.
    pub const fn calls_under_way(&self) -> u64 {
        let ended = self.accepted_calls
            + self.rejected_calls
            + self.throttled_calls
            + self.faulted_calls
            + self.abandoned_calls;
        self.calls.saturating_sub(ended)
    }
}

/// The outcomes of one action's calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ActionTotals {
    /// Done as asked.
    pub accepted: u64,
    /// Refused with one of the contract's codes.
    pub rejected: u64,
    /// Answered 429 by the rate limit.
    pub throttled: u64,
    /// Failed on demand.
    pub faulted: u64,
    /// The caller went away.
    pub abandoned: u64,
}

/// Signatures accepted, by the reading of nested values that they fitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SignatureTotals {
    /// As JSON text.
    pub json: u64,
    /// Flattened.
    pub flatten: u64,
    /// Left out.
    pub omit: u64,
    /// Nothing in the call was nested: all readings are the same.
    pub nothing_nested: u64,
}
