//! A deterministic simulator: whole worlds of real workers, made of a seed.
//!
//! Not a model of the worker: what is simulated is all that is around it. Logs, groups,
//! the service, the network in between and time are made up; records are read, decoded,
//! delivered, parked and committed by the code that runs in production, several workers
//! to a process and several processes to a group. What happens, and when, is drawn from
//! a generator; at last everything heals, and what came of it all is judged by laws.
//!
//! Absent: threads, sockets, a clock. The same seed gives the same world, byte for byte.
//!
//! The laws, by number:
//!
//! 0. A world comes to rest, with everything read and committed.
//! 1. Every report of a bound device is accepted, every impossible one is a dead letter.
//! 2. A commit never passes what is not settled, nor does its text tell of it.
//! 3. Within a process a lane has one call at most.
//! 4. First acceptances of a lane are in the log's order, where nothing was set aside.
//! 5. A device's last state is its newest, and no tenure takes one back.
//! 6. A report is accepted twice only after a death, a loss, a drain past its deadline, or
//!    an answer that did not say what was done; so often as these account for.
//! 7. What is read is settled, handed over or in flight, at every step.
//! 8. Room and gaps are kept to, and at rest nothing is kept at all.
//! 9. Refused credentials settle nothing. (That an outage parks nothing does not hold yet.)
//! 10. Calls keep to the rate.
//! 11. A device is joined and written with what was pushed before, and as told last.
//! 12. What is accepted has a receipt in the end, and only that has one.
//!
//! In about half of the worlds workers `devices` join by the bindings of their own partitions.
//! All of the above holds there, too, also where nobody divides the bindings any more; and:
//!
//! 13. Nothing of a tenure is taken in before its table has all facts that its partition had
//!     when the tenure began.
//! 14. A call brings data for who owned the device by these facts, or by some that came since.
//! 15. Tables are kept of owned partitions alone, and of no tenure that is over.
//! 16. Nothing is parked as unbound whose device was bound since its tenure began.
//! 17. At rest the facts tell what the sets do, and the tables what the facts do; the last fact
//!     of a key is its latest.
//!
//! Start at [`World::run`](world::World::run); what happens is drawn in `chaos`, the laws
//! are in `laws`, `acceptance` and `verdict`. To see the world of one seed:
//!
//! ```console
//! $ EMBERLINE_SIM_SEEDS=42 cargo test -p emberline-pipeline --lib sim:: -- --nocapture
//! ```

mod acceptance;
mod calls;
mod chaos;
mod commits;
mod coverage;
mod excuses;
mod group;
mod input;
mod kafka;
mod laws;
mod member;
mod own;
mod own_laws;
mod plan;
mod processes;
mod projector;
mod reading;
mod run;
mod service;
mod story;
mod trace;
mod verdict;
mod weather;
mod world;
mod writes;

use std::fmt::Write as _;
use std::ops::Range;

use self::coverage::Coverage;
use self::trace::Trace;
use self::world::Sabotage;

/// Seeds named by the environment: one, or `from..to`.
fn seeds_asked_for() -> Option<Range<u64>> {
    let text = std::env::var("EMBERLINE_SIM_SEEDS").ok()?;
    let number = |text: &str| text.trim().parse::<u64>().expect("a seed, or from..to");
    Some(match text.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => number(&text)..number(&text) + 1,
    })
}

#[test]
fn ten_thousand_seeds_hold_every_law() {
    match seeds_asked_for() {
        Some(seeds) if seeds.end - seeds.start == 1 => {
            let trace = Trace::kept();
            let outcome = run::world(seeds.start, &trace, None);
            eprintln!("{}", trace.text());
            assert!(outcome.breach.is_none(), "{:?}", outcome.breach);
        }
        Some(seeds) => eprintln!("{}", table(&run::worlds(seeds))),
        None => {
            let cover = run::worlds(0..10_000);
            let missing = cover.missing();
            assert!(missing.is_empty(), "never happened: {missing:?}\n{}", table(&cover));
        }
    }
}

fn table(cover: &Coverage) -> String {
    let mut text = String::new();
    for (what, count) in &cover.0 {
        let _ = writeln!(text, "{count:>9} {what}");
    }
    text
}

#[test]
fn the_same_seed_makes_the_same_world() {
    for seed in 0..300 {
        let [first, second] = [(); 2].map(|()| {
            let trace = Trace::kept();
            run::world(seed, &trace, None);
            trace.text()
        });
        let lines = first.lines().zip(second.lines());
        let differs = lines.clone().find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.len(), second.len(), "seed {seed}");
    }
}

/// The first broken law of worlds in which this is done wrong.
fn law_broken_by(sabotage: Sabotage) -> Option<u8> {
    let outcomes = (0..300).map(|seed| run::world(seed, &Trace::default(), Some(sabotage)));
    outcomes.filter_map(|outcome| outcome.breach).map(|breach| breach.law).next()
}

#[test]
fn an_innocent_report_among_the_dead_letters_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::RefusesTheInnocent), Some(1));
}

#[test]
fn a_report_that_the_service_has_forgotten_is_noticed_once_it_is_committed() {
    assert_eq!(law_broken_by(Sabotage::ForgetsReport), Some(2));
}

#[test]
fn a_commit_past_a_record_in_flight_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::CommitsTooFar), Some(2));
}

#[test]
fn two_calls_of_a_lane_are_noticed() {
    assert_eq!(law_broken_by(Sabotage::CallsTwice), Some(3));
}

#[test]
fn reports_out_of_order_are_noticed() {
    assert_eq!(law_broken_by(Sabotage::TakesInReverse), Some(4));
}

#[test]
fn a_state_that_goes_backwards_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::TakesStatesLate), Some(5));
}

#[test]
fn a_report_accepted_twice_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::TakesTwice), Some(6));
}

#[test]
fn a_sum_that_does_not_close_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::MiscountsItems), Some(7));
}

#[test]
fn room_that_is_not_given_back_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::KeepsRoom), Some(8));
}

#[test]
fn a_report_given_up_for_refused_credentials_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::HidesRefusedCredentials), Some(9));
}

#[test]
fn calls_above_the_rate_are_noticed() {
    assert_eq!(law_broken_by(Sabotage::CountsCallsTwice), Some(10));
}

#[test]
fn a_partition_that_is_opened_before_its_table_is_complete_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::OpensEarly), Some(13));
}

#[test]
fn a_device_that_is_joined_by_another_partitions_table_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::JoinsByAnothersTable), Some(14));
}

#[test]
fn a_table_that_is_kept_after_its_tenure_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::KeepsRows), Some(15));
}

#[test]
fn a_table_that_goes_before_its_tenure_does_is_noticed() {
    assert_eq!(law_broken_by(Sabotage::DropsRowsEarly), Some(16));
}

#[test]
fn a_fact_that_a_table_lacks_is_noticed_at_rest() {
    assert_eq!(law_broken_by(Sabotage::LosesFacts), Some(17));
}

#[test]
fn an_older_fact_that_stays_the_last_is_noticed_at_rest() {
    assert_eq!(law_broken_by(Sabotage::PassesOverOlderFacts), Some(17));
}
