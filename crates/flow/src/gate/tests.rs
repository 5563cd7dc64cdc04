use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{CallResult, Cause, Gate, GateSettings, GateState, Permission, Ticket};
use crate::test_time::origin;

const DATA: usize = 0;
const STATE: usize = 1;
const SECOND: Duration = Duration::from_secs(1);

fn gate() -> Gate {
    Gate::new(GateSettings::default())
}

fn go(gate: &mut Gate, now: Instant) -> Ticket {
    match gate.may_call(DATA, now) {
        Permission::Go(ticket) => ticket,
        Permission::Wait(wait) => panic!("told to wait {wait:?}"),
    }
}

fn call(gate: &mut Gate, result: CallResult, now: Instant) {
    let ticket = go(gate, now);
    gate.on_result(ticket, result, now);
}

fn opened(now: Instant) -> Gate {
    let mut gate = gate();
    (0..20).for_each(|_| call(&mut gate, CallResult::Transient, now));
    assert_eq!(gate.state(), GateState::Open);
    gate
}

#[test]
fn a_few_failures_among_many_answers_open_nothing() {
    let now = origin();
    let mut gate = gate();
    for n in 0..1000 {
        let result = if n % 3 == 0 { CallResult::Transient } else { CallResult::Ok };
        call(&mut gate, result, now);
    }
    assert_eq!(gate.state(), GateState::Closed);
    assert!(gate.counts_as_attempt(CallResult::Transient));
}

#[test]
fn refusals_are_answers_of_a_service_that_is_there() {
    let now = origin();
    let mut gate = gate();
    (0..100).for_each(|_| call(&mut gate, CallResult::Other, now));
    (0..9).for_each(|_| call(&mut gate, CallResult::Transient, now));
    assert_eq!(gate.state(), GateState::Closed);
}

#[test]
fn failures_of_long_ago_are_not_weighed() {
    let start = origin();
    let mut gate = gate();
    (0..19).for_each(|_| call(&mut gate, CallResult::Transient, start));
    let later = start + SECOND * 34;
    (0..19).for_each(|_| call(&mut gate, CallResult::Transient, later));
    assert_eq!(gate.state(), GateState::Closed);
    call(&mut gate, CallResult::Transient, later);
    assert_eq!(gate.state(), GateState::Open);
}

#[test]
fn a_service_that_is_down_pauses_intake_and_uses_up_no_attempts() {
    let gate = opened(origin());
    assert!(gate.intake_paused());
    assert_eq!(gate.cause(), Some(Cause::ServiceDown));
    assert!(!gate.counts_as_attempt(CallResult::Transient));
}

#[test]
fn one_probe_goes_at_a_time_and_ever_more_seldom() {
    let mut now = origin();
    let mut gate = opened(now);
    for expected in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(gate.may_call(DATA, now), Permission::Wait(Some(SECOND * expected)));
        now += SECOND * expected;
        let probe = go(&mut gate, now);
        assert!(probe.is_probe());
        assert_eq!(gate.may_call(STATE, now), Permission::Wait(None));
        assert_eq!(gate.state(), GateState::HalfOpen);
        gate.on_result(probe, CallResult::Transient, now);
        assert_eq!(gate.state(), GateState::Open);
    }
}

#[test]
fn a_service_that_is_back_gets_twice_as_many_calls_with_each_answer() {
    let now = origin();
    let mut gate = opened(now);
    call(&mut gate, CallResult::Ok, now + SECOND);
    let mut at_once = 1;
    while at_once < 64 {
        let tickets: Vec<Ticket> = (0..at_once).map(|_| go(&mut gate, now)).collect();
        assert_eq!(gate.may_call(DATA, now), Permission::Wait(None));
        assert_eq!(gate.state(), GateState::HalfOpen);
        assert!(!gate.intake_paused());
        let (first, rest) = tickets.split_first().unwrap();
        gate.on_result(*first, CallResult::Ok, now);
        for ticket in rest {
            gate.on_result(*ticket, CallResult::NotMade, now);
        }
        at_once *= 2;
    }
    assert_eq!(gate.state(), GateState::Closed);
    assert_eq!(gate.cause(), None);
}

#[test]
fn failures_while_slow_open_it_again_for_longer() {
    let now = origin();
    let mut gate = opened(now);
    call(&mut gate, CallResult::Ok, now + SECOND);
    (0..3).for_each(|_| call(&mut gate, CallResult::Transient, now + SECOND));
    assert_eq!(gate.state(), GateState::Open);
    assert_eq!(gate.may_call(DATA, now + SECOND), Permission::Wait(Some(SECOND * 2)));
}

#[test]
fn a_service_that_fails_a_third_of_its_calls_is_let_through_its_slow_start() {
    let now = origin();
    let mut gate = opened(now);
    call(&mut gate, CallResult::Ok, now + SECOND);
    for n in 0..60 {
        let result = if n % 3 == 0 { CallResult::Transient } else { CallResult::Ok };
        call(&mut gate, result, now + SECOND);
    }
    assert_eq!(gate.state(), GateState::Closed);
}

#[test]
fn an_answer_to_a_call_from_before_neither_closes_nor_opens() {
    let now = origin();
    let mut gate = gate();
    let early: Vec<Ticket> = (0..30).map(|_| go(&mut gate, now)).collect();
    (0..20).for_each(|_| call(&mut gate, CallResult::Transient, now));
    gate.on_result(early[0], CallResult::Ok, now);
    gate.on_result(early[1], CallResult::Credentials, now);
    assert_eq!(gate.state(), GateState::Open);
    call(&mut gate, CallResult::Ok, now + SECOND);
    gate.on_result(early[2], CallResult::Transient, now + SECOND);
    assert_eq!(gate.state(), GateState::HalfOpen);
}

#[test]
fn refused_credentials_halt_every_call_until_a_probe_is_accepted() {
    let now = origin();
    let mut gate = gate();
    let other = go(&mut gate, now);
    call(&mut gate, CallResult::Credentials, now);
    gate.on_result(other, CallResult::Credentials, now);
    assert_eq!((gate.state(), gate.cause()), (GateState::Halted, Some(Cause::Credentials)));
    assert!(gate.intake_paused());
    assert!(!gate.counts_as_attempt(CallResult::Credentials));
    let mut at = now;
    for result in [CallResult::Credentials, CallResult::Transient, CallResult::Credentials] {
        assert_eq!(gate.may_call(STATE, at), Permission::Wait(Some(SECOND * 10)));
        at += SECOND * 10;
        let probe = go(&mut gate, at);
        assert_eq!(gate.may_call(DATA, at), Permission::Wait(None));
        gate.on_result(probe, result, at);
        assert_eq!(gate.state(), GateState::Halted);
    }
    call(&mut gate, CallResult::Ok, at + SECOND * 10);
    assert_eq!(gate.state(), GateState::HalfOpen);
}

#[test]
fn a_probe_that_was_not_made_makes_room_for_the_next() {
    let now = origin();
    let mut gate = opened(now);
    call(&mut gate, CallResult::NotMade, now + SECOND);
    assert!(go(&mut gate, now + SECOND).is_probe());
}

#[test]
fn told_to_slow_down_only_that_action_waits_as_told() {
    let now = origin();
    let mut gate = gate();
    let told = |seconds| CallResult::Throttled { retry_after: seconds };
    let (first, second) = (go(&mut gate, now), go(&mut gate, now));
    gate.on_result(first, told(Some(SECOND * 7)), now);
    gate.on_result(second, told(None), now);
    assert_eq!(gate.may_call(DATA, now), Permission::Wait(Some(SECOND * 7)));
    assert!(matches!(gate.may_call(STATE, now), Permission::Go(_)));
    assert!(!gate.counts_as_attempt(told(None)));
    call(&mut gate, told(Some(Duration::MAX)), now + SECOND * 7);
    let longest = Permission::Wait(Some(Duration::from_mins(5)));
    assert_eq!(gate.may_call(DATA, now + SECOND * 7), longest);
}

#[test]
fn after_the_wait_a_throttled_action_comes_back_with_one_call_and_then_more() {
    let now = origin();
    let mut gate = gate();
    let early: Vec<Ticket> = (0..64).map(|_| go(&mut gate, now)).collect();
    for ticket in &early {
        gate.on_result(*ticket, CallResult::Throttled { retry_after: Some(SECOND * 20) }, now);
    }
    assert!(gate.is_throttled());
    assert_eq!(gate.state(), GateState::Closed, "the service is there");
    let back = now + SECOND * 20;
    let mut at_once = 1;
    while at_once < 64 {
        let tickets: Vec<Ticket> = (0..at_once).map(|_| go(&mut gate, back)).collect();
        assert_eq!(gate.may_call(DATA, back), Permission::Wait(None), "{at_once} at once");
        assert!(matches!(gate.may_call(STATE, back), Permission::Go(_)));
        let (first, rest) = tickets.split_first().unwrap();
        gate.on_result(*first, CallResult::Ok, back);
        for ticket in rest {
            gate.on_result(*ticket, CallResult::NotMade, back);
        }
        at_once *= 2;
    }
    assert!(!gate.is_throttled());
}

#[test]
fn told_to_slow_down_and_not_how_long_it_waits_longer_each_time() {
    let mut now = origin();
    let mut gate = gate();
    for seconds in [1, 2, 4, 8] {
        call(&mut gate, CallResult::Throttled { retry_after: None }, now);
        assert_eq!(gate.may_call(DATA, now), Permission::Wait(Some(SECOND * seconds)));
        now += SECOND * seconds;
    }
}

#[test]
fn a_failure_is_the_services_until_a_later_call_is_answered() {
    let now = origin();
    let mut gate = gate();
    let early = go(&mut gate, now);
    let failed_at = now + SECOND;
    call(&mut gate, CallResult::Transient, failed_at);
    gate.on_result(early, CallResult::Ok, now + SECOND * 2);
    assert!(!gate.answered_since(failed_at), "that call began before");
    call(&mut gate, CallResult::Other, now + SECOND * 3);
    assert!(gate.answered_since(failed_at));
}

#[test]
fn new_credentials_are_tried_at_once() {
    let now = origin();
    let mut gate = gate();
    call(&mut gate, CallResult::Credentials, now);
    assert_eq!(gate.outages(), 1);
    gate.credentials_changed(now + SECOND);
    assert!(go(&mut gate, now + SECOND).is_probe());
}

#[test]
fn a_probe_that_never_comes_back_is_not_waited_for_for_ever() {
    let now = origin();
    let mut gate = opened(now);
    let _lost = go(&mut gate, now + SECOND);
    assert_eq!(gate.may_call(DATA, now + SECOND * 100), Permission::Wait(None));
    assert!(go(&mut gate, now + SECOND * 122).is_probe());
}

fn results() -> impl Strategy<Value = CallResult> {
    prop_oneof![
        4 => Just(CallResult::Ok),
        6 => Just(CallResult::Transient),
        1 => Just(CallResult::Throttled { retry_after: Some(SECOND) }),
        1 => Just(CallResult::Credentials),
        1 => Just(CallResult::Other),
        1 => Just(CallResult::NotMade),
    ]
}

proptest! {
    /// Whatever is answered in whatever order: while the gate is shut at most one probe
    /// is under way, and once all answers are in, waiting as told leads to a call.
    #[test]
    fn the_gate_never_floods_and_never_sticks(
        steps in prop::collection::vec((0..3000_u64, 0..20_usize, results(), any::<prop::sample::Index>()), 1..200),
    ) {
        let mut now = origin();
        let patience = SECOND * 86_400;
        let mut gate = Gate::new(GateSettings { patience, ..GateSettings::default() });
        let mut under_way: Vec<Ticket> = Vec::new();
        for (pause, calls, result, which) in steps {
            now += Duration::from_millis(pause);
            for _ in 0..calls {
                if let Permission::Go(ticket) = gate.may_call(DATA, now) {
                    under_way.push(ticket);
                }
            }
            let probes = under_way.iter().filter(|ticket| ticket.epoch == gate.epoch && ticket.probe);
            prop_assert!(!gate.intake_paused() || probes.count() <= 1);
            if !under_way.is_empty() {
                let ticket = under_way.swap_remove(which.index(under_way.len()));
                gate.on_result(ticket, result, now);
            }
        }
        for ticket in under_way {
            gate.on_result(ticket, CallResult::NotMade, now);
        }
        let mut waited = 0;
        while let Permission::Wait(wait) = gate.may_call(DATA, now) {
            prop_assert!(wait.is_some(), "all answers are in");
            now += wait.unwrap_or_default();
            waited += 1;
            prop_assert!(waited < 6);
        }
    }
}
