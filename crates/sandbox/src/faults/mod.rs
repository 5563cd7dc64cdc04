//! Misbehaviour on demand. What can go wrong is in `plan`; when it does, here.

mod plan;

use std::time::Duration;

use parking_lot::Mutex;

use crate::Action;
use crate::actions::Request;
pub use plan::{Fault, FaultPlan, FaultRule};

/// The faults in force; they can be changed while the sandbox runs.
///
/// The dice are seeded: with calls coming one after the other, the same plan fails the
/// same calls.
pub struct Faults {
    state: Mutex<State>,
}

struct State {
    plan: FaultPlan,
    dice: fastrand::Rng,
}

/// What is in store for one call.
#[derive(Debug, Default)]
pub(crate) struct Drawn {
    pub(crate) delay: Duration,
    /// Between what is done and the answer that tells it.
    pub(crate) answer_delay: Duration,
    /// The fault, and whether the call is carried out before it strikes.
    pub(crate) fault: Option<(Fault, bool)>,
}

impl Faults {
    pub(crate) fn new(plan: FaultPlan) -> Self {
        let dice = fastrand::Rng::with_seed(plan.seed);
        Self { state: Mutex::new(State { plan, dice }) }
    }

    /// Puts another plan in force and throws the dice anew from its seed.
    pub fn set(&self, plan: FaultPlan) {
        let mut state = self.state.lock();
        state.dice = fastrand::Rng::with_seed(plan.seed);
        state.plan = plan;
    }

    /// Changes the plan in force. The dice are thrown anew only for another seed.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut FaultPlan) -> T) -> T {
        let state = &mut *self.state.lock();
        let seed = state.plan.seed;
        let changed = change(&mut state.plan);
        if state.plan.seed != seed {
            state.dice = fastrand::Rng::with_seed(state.plan.seed);
        }
        changed
    }

    /// Adds a rule behind those in force.
    pub fn add(&self, rule: FaultRule) {
        self.state.lock().plan.rules.push(rule);
    }

    /// Ends all misbehaviour, latency included.
    pub fn clear(&self) {
        self.set(FaultPlan::default());
    }

    /// Whether nothing goes wrong.
    pub fn are_quiet(&self) -> bool {
        self.state.lock().plan.is_quiet()
    }

    /// The plan in force; a rule's `times` is what is left of it.
    pub fn plan(&self) -> FaultPlan {
        self.state.lock().plan.clone()
    }

    /// Decides on a call. The first rule that fits it and whose share it falls into
    /// strikes, and only that one's `times` goes down.
    pub(crate) fn draw(&self, action: Action, request: Option<&Request<'_>>) -> Drawn {
        let state = &mut *self.state.lock();
        let State { plan, dice } = state;
        let jitter = plan.jitter.mul_f64(if plan.jitter.is_zero() { 0.0 } else { dice.f64() });
        let delay = plan.latency + jitter;
        let rule = plan.rules.iter_mut().find(|rule| {
            rule.fits(action, request) && (rule.share >= 1.0 || dice.f64() < rule.share)
        });
        let fault = rule.map(|rule| {
            rule.times = rule.times.map(|times| times.saturating_sub(1));
            (rule.fault.clone(), rule.after_acting)
        });
        plan.rules.retain(|rule| rule.times != Some(0));
        Drawn { delay, answer_delay: plan.answer_latency, fault }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, FaultPlan, FaultRule, Faults};
    use crate::Action;

    fn strikes(faults: &Faults, action: Action) -> bool {
        faults.draw(action, None).fault.is_some()
    }

    #[test]
    fn a_counted_rule_strikes_so_often_and_is_gone() {
        let faults = Faults::new(FaultPlan::first(2, Fault::status(503)));
        let struck: Vec<bool> = (0..4).map(|_| strikes(&faults, Action::BindDevice)).collect();
        assert_eq!(struck, [true, true, false, false]);
        assert!(faults.plan().rules.is_empty());
    }

    #[test]
    fn a_rule_for_one_action_spares_the_others() {
        let faults = Faults::new(FaultPlan::default());
        faults.add(FaultRule::first(1, Fault::Hang).of(Action::BindDevice));
        assert!(!strikes(&faults, Action::ReportDeviceData));
        assert!(strikes(&faults, Action::BindDevice));
        assert!(!strikes(&faults, Action::BindDevice));
    }

    #[test]
    fn a_share_fails_the_same_calls_for_the_same_seed() {
        let run = |seed| -> Vec<bool> {
            let plan = FaultPlan { seed, ..FaultPlan::share(0.3, Fault::status(500)) };
            let faults = Faults::new(plan);
            (0..1000).map(|_| strikes(&faults, Action::BindDevice)).collect()
        };
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let share = run(1).iter().filter(|struck| **struck).count();
        assert!((200..400).contains(&share), "{share} of 1000");
    }
}
