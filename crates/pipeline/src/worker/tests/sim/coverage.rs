//! That what should be tried is tried: everything that happened, counted over all seeds.

use std::collections::BTreeMap;

/// What is to have happened at least once.
#[derive(Default)]
pub(super) struct Coverage(pub(super) BTreeMap<&'static str, u64>);

impl Coverage {
    pub(super) fn saw(&mut self, what: &'static str) {
        self.add(what, 1);
    }

    pub(super) fn add(&mut self, what: &'static str, count: u64) {
        if count > 0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            self.add(what, *count);
        }
    }

    /// What should have happened, and did not.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        EXPECTED.iter().copied().filter(|what| !self.0.contains_key(what)).collect()
    }
}

const EXPECTED: &[&str] = &[
    "acted on, and failed",
    "answer: accepted",
    "answer: credentials",
    "answer: failed",
    "answer: none",
    "answer: not in time",
    "answer: refused",
    "answer: slow down",
    "answer: unknown customer",
    "batch halved to find a guilty one",
    "call in flight at a death",
    "call of a tenure that is over",
    "call of the dead arrives",
    "call with many reports",
    "call: bindings",
    "call: data",
    "call: state",
    "commit failed",
    "commit of a lost partition refused",
    "commit with offsets settled above it",
    "dead letter: impossible value",
    "dead letter: refused",
    "dead letter: too old",
    "dead letter: undecodable",
    "drain done",
    "drain past its deadline",
    "duplicate at the service",
    "duplicate to be expected",
    "front of a device, told by metadata",
    "facts: again from an earlier set",
    "facts: an older one came after a later one",
    "facts: compacted",
    "facts: mended",
    "gap full",
    "gate: half-open",
    "gate: halted",
    "gate: open",
    "ghosts",
    "items handed over",
    "kill",
    "kill with calls in flight",
    "last commit failed",
    "late acknowledgement",
    "outcome: dead-lettered, impossible value",
    "outcome: dead-lettered, refused",
    "outcome: dead-lettered, too old",
    "outcome: dead-lettered, undecodable",
    "outcome: delivered",
    "outcome: duplicate",
    "outcome: parked, transient",
    "outcome: parked, unbound",
    "outcome: parked, unknown customer",
    "outcome: skipped, no property",
    "outcome: skipped, other message",
    "outcome: skipped, other method",
    "outcome: skipped, tombstone",
    "outcome: skipped, unknown property",
    "outcome: superseded",
    "parked: transient",
    "parked: unbound",
    "parked: unknown customer",
    "own table: gate closed at revoke",
    "own table: lane of a fenced tenure without a table",
    "own table: regained while restoring",
    "own table: told late for a tenure that is over",
    "partitions lost",
    "partitions lost with calls in flight",
    "producer failed for good",
    "producer full",
    "projector dead",
    "reading begins before what was committed",
    "receipt: bindings",
    "receipt: data",
    "receipt: state",
    "revocation",
    "revocation with calls in flight",
    "room full",
    "settled above the frontier, told by metadata",
    "settled in part, told by metadata",
    "start",
    "state of a tenure that is over arrives late",
    "stop",
    "told again",
    "wall clock jumps",
    "weather: ambiguous",
    "weather: down",
    "weather: fine",
    "weather: flaky",
    "weather: no credentials",
    "weather: silent",
    "weather: slow",
    "weather: throttled",
    "write done and said to have failed",
    "write failed",
    "write under way at a death",
];
