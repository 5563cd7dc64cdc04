//! What devices send in a test: a fleet, and the time that it lives in.

use std::time::{SystemTime, UNIX_EPOCH};

use emberline_fleet::{Expectation, Fleet, FleetPlan, FleetRecord};

/// Microseconds between one record and the next: records of some ten seconds are made at
/// once, so that what is sent again after 1, 3 and 10 s lies among the rest.
const STEP_US: i64 = 2_000;

/// A fleet whose time goes on with each record, from the present.
pub struct Load {
    fleet: Fleet,
    now_us: i64,
    step_us: i64,
}

impl Load {
    /// A fleet of this plan that keeps in mind everything that it sent.
    pub fn new(plan: FleetPlan) -> Self {
        Self::with_step(plan, STEP_US)
    }

    /// One whose time goes no faster than the world's, where so many records a second are
    /// written for long: brokers refuse records that are an hour ahead.
    pub fn in_step(plan: FleetPlan, records_a_second: u32) -> Self {
        Self::with_step(plan, 1_000_000 / i64::from(records_a_second.max(1)))
    }

    fn with_step(mut plan: FleetPlan, step_us: i64) -> Self {
        plan.track = true;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = i64::try_from(since.as_millis()).unwrap_or_default();
        Self { fleet: Fleet::new(plan, now_ms), now_us: now_ms * 1_000, step_us }
    }

    /// The fleet itself.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// The next so many records, of the devices and of what is due with them.
    pub fn records(&mut self, count: usize) -> Vec<FleetRecord> {
        let next = |_| {
            self.now_us += self.step_us;
            self.fleet.next(self.now_us / 1_000)
        };
        (0..count).map(next).collect()
    }

    /// What still waits to be sent: late bindings, and what is sent again.
    pub fn rest(&mut self) -> Vec<FleetRecord> {
        std::iter::from_fn(|| self.fleet.rest(self.now_us / 1_000)).collect()
    }

    /// What must come of all that was sent.
    pub fn expectation(&self) -> &Expectation {
        self.fleet.expectation()
    }
}
