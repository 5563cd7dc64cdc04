//! The sum, from three sides: what the devices said, what became of it by the workers'
//! own count, and what the service has in its books. They must agree.
//!
//! What is counted is *items*: a report, a state, a customer, an order, a binding event, or a record or
//! property that makes none of them. An item is counted once, however often it goes
//! round: an item that was parked in a retry topic and read back from it is not read a
//! second time, and its outcome is that of its last round. So
//!
//! - `read` is what the workers of the input topics read,
//! - `parked` is what went to a retry topic and has not been settled from there,
//! - every other outcome is the sum over all workers,
//!
//! and `read = delivered + duplicates + skipped + superseded + parked + dead_lettered +
//! in_flight` must hold.
//!
//! Start at [`Sums::disagreements`]; `books` says where the numbers come from.

mod books;

use crate::app::Exit;
pub(super) use books::handed_over;

/// All three sides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    pub(super) generated: Generated,
    pub(super) pipeline: Pipeline,
    pub(super) service: Service,
}

/// What the devices said, by what must come of it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Generated {
    /// Reports to be delivered, each counted once.
    pub(super) reports: u64,
    /// States to be delivered, unless a newer one is there first; each counted once.
    pub(super) states: u64,
    /// Customers to be made known.
    pub(super) customers: u64,
    /// Orders to be placed.
    pub(super) orders: u64,
    /// Binding events to be delivered.
    pub(super) bindings: u64,
    /// Reports and states said again.
    pub(super) duplicates: u64,
    /// What there is nothing to send of.
    pub(super) skipped: u64,
    /// What cannot be read.
    pub(super) dead_letters: u64,
}

/// What became of it, by the workers' count.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pipeline {
    pub(super) read: u64,
    pub(super) delivered: u64,
    pub(super) duplicates: u64,
    pub(super) skipped: u64,
    pub(super) superseded: u64,
    pub(super) parked: u64,
    pub(super) dead_lettered: u64,
    pub(super) in_flight: u64,
    pub(super) calls: u64,
    pub(super) rejected_calls: u64,
}

/// What came of it, by the service's books.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Service {
    /// Reports, each counted once.
    pub(super) reports: u64,
    pub(super) states: u64,
    /// Customers known.
    pub(super) customers: u64,
    /// Orders placed.
    pub(super) orders: u64,
    /// Devices bound.
    pub(super) bindings: u64,
    /// Reports that it had already.
    pub(super) sent_twice: u64,
    pub(super) calls: u64,
    /// Calls that it did not do.
    pub(super) rejected_calls: u64,
    /// Reports that came after a newer one of their device and category.
    pub(super) out_of_order: u64,
    /// Those among them of devices that were bound late: what waited for the binding comes
    /// after what was said since. `None` if the history is too long to tell.
    pub(super) out_of_order_late: Option<u64>,
    /// Calls that began while another one of their device and category was under way.
    pub(super) overlapping_calls: u64,
}

impl Generated {
    /// How many items it makes.
    pub(super) const fn items(&self) -> u64 {
        self.deliverable() + self.duplicates + self.skipped + self.dead_letters
    }

    /// What should reach the service.
    pub(super) const fn deliverable(&self) -> u64 {
        self.reports + self.states + self.customers + self.orders + self.bindings
    }
}

impl Pipeline {
    /// What the outcomes and what is in flight come to.
    pub(super) const fn accounted_for(&self) -> u64 {
        self.delivered
            + self.duplicates
            + self.skipped
            + self.superseded
            + self.parked
            + self.dead_lettered
            + self.in_flight
    }
}

impl Service {
    /// What it accepted, each counted once.
    pub(super) const fn accepted(&self) -> u64 {
        self.reports + self.states + self.customers + self.orders + self.bindings
    }
}

impl Sums {
    /// What should have been accepted and is nowhere: not accepted, nor parked, in flight
    /// or a dead letter.
    pub(super) const fn lost(&self) -> u64 {
        let Self { generated, pipeline, service } = self;
        // By kind, so that too much of one does not hide the lack of another.
        let missing = generated.reports.saturating_sub(service.reports)
            + generated.states.saturating_sub(service.states + pipeline.superseded)
            + generated.customers.saturating_sub(service.customers)
            + generated.orders.saturating_sub(service.orders)
            + generated.bindings.saturating_sub(service.bindings);
        let letters = pipeline.dead_lettered.saturating_sub(generated.dead_letters);
        missing.saturating_sub(pipeline.parked + pipeline.in_flight + letters)
    }

    /// In what the three sides differ, or what went wrong otherwise, in words. Nothing if
    /// all is well.
    pub(super) fn disagreements(&self) -> Vec<String> {
        let Self { generated, pipeline, service } = *self;
        let mut found = Vec::new();
        let mut differ = |what: &str, one: (&str, u64), other: (&str, u64)| {
            if one.1 != other.1 {
                let (one, one_count, other, other_count) = (one.0, one.1, other.0, other.1);
                found.push(format!("{what}: {one} {one_count}, but {other} {other_count}"));
            }
        };
        differ("items", ("generated", generated.items()), ("read", pipeline.read));
        differ("items", ("read", pipeline.read), ("accounted for", pipeline.accounted_for()));
        let outcomes = [
            ("duplicates", generated.duplicates, pipeline.duplicates),
            ("skipped", generated.skipped, pipeline.skipped),
            ("dead letters", generated.dead_letters, pipeline.dead_lettered),
        ];
        for (what, expected, counted) in outcomes {
            differ(what, ("expected", expected), ("counted", counted));
        }
        let told = ("the workers say", pipeline.delivered);
        differ("delivered", told, ("the service says", service.accepted()));
        differ("reports", ("generated", generated.reports), ("accepted", service.reports));
        let states = generated.states.saturating_sub(pipeline.superseded);
        differ("states", ("to be delivered", states), ("accepted", service.states));
        differ("customers", ("generated", generated.customers), ("known", service.customers));
        differ("orders", ("generated", generated.orders), ("placed", service.orders));
        differ("bindings", ("generated", generated.bindings), ("accepted", service.bindings));
        let calls = ("the workers say", pipeline.calls);
        differ("calls", calls, ("the service says", service.calls));

        let in_order = service.out_of_order_late.is_none_or(|late| late >= service.out_of_order);
        let must_be_none = [
            ("lost", self.lost()),
            ("sent twice", service.sent_twice),
            ("calls not done", service.rejected_calls),
            ("still parked", pipeline.parked),
            ("still in flight", pipeline.in_flight),
            ("out of order", if in_order { 0 } else { service.out_of_order }),
        ];
        let wrong = must_be_none.into_iter().filter(|(_, count)| *count > 0);
        found.extend(wrong.map(|(what, count)| format!("{what}: {count}")));
        found
    }

    /// How the demonstration ends: done if all is well.
    pub(super) fn exit(&self) -> Exit {
        if self.disagreements().is_empty() { Exit::Done } else { Exit::Failed }
    }
}

#[cfg(test)]
mod tests;
