use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{Contender, Entry, Holder, Meaning, Next, ReplayLease};
use crate::test_time::origin;

const SILENCE: Duration = Duration::from_secs(15);
const A: Holder = Holder(1);
const B: Holder = Holder(2);
/// Nothing was compacted away.
const ALL: u64 = u64::MAX;

fn claim(by: Holder, follows: Option<i64>) -> Entry {
    Entry::Claim { by, follows }
}

fn word(by: Holder, term: i64) -> Entry {
    Entry::Word { by, term, running: true }
}

fn last_word(by: Holder, term: i64) -> Entry {
    Entry::Word { by, term, running: false }
}

/// A lease and one that wants it, which read the same.
struct Side {
    lease: ReplayLease,
    contender: Contender,
}

impl Side {
    /// After these records were read.
    fn after(me: Holder, records: &[(i64, Entry)], now: Instant) -> Self {
        let mut lease = ReplayLease::default();
        for (offset, entry) in records {
            lease.read(*offset, *entry, now);
        }
        Self { lease, contender: Contender::new(me, SILENCE) }
    }

    fn read(&mut self, offset: i64, entry: Entry, now: Instant) -> Meaning {
        let meaning = self.lease.read(offset, entry, now);
        self.contender.read(offset, entry, meaning, now);
        meaning
    }

    fn next(&self, now: Instant) -> Next {
        self.contender.next(&self.lease, now)
    }
}

#[test]
fn a_new_name_and_one_that_has_ended_are_claimed_at_once() {
    let now = origin();
    let new = Side::after(A, &[], now);
    assert_eq!(new.next(now), Next::Claim { follows: None });
    let records = [(3, claim(B, None)), (4, word(B, 3)), (9, last_word(B, 3))];
    let ended = Side::after(A, &records, now);
    assert_eq!(ended.next(now), Next::Claim { follows: Some(9) });
}

#[test]
fn who_is_alive_is_not_taken_over() {
    let now = origin();
    let mut side = Side::after(A, &[(4, word(B, 3))], now);
    assert_eq!(side.next(now), Next::Wait(now + SILENCE));
    side.read(5, word(B, 3), now + SILENCE / 3);
    assert_eq!(side.next(now + SILENCE / 3), Next::Refused);
}

#[test]
fn who_is_silent_for_long_enough_is_taken_over() {
    let now = origin();
    let side = Side::after(A, &[(4, word(B, 3))], now);
    assert_eq!(side.next(now + SILENCE), Next::Claim { follows: Some(4) });
}

#[test]
fn a_claim_is_waited_for_whoever_made_it_and_whether_it_counts_or_not() {
    let now = origin();
    let records = [(4, last_word(B, 3)), (5, claim(B, Some(2)))];
    let side = Side::after(A, &records, now);
    assert!(matches!(side.next(now), Next::Wait(_)));
}

#[test]
fn who_ends_while_it_is_waited_for_is_followed_at_once() {
    let now = origin();
    let mut side = Side::after(A, &[(4, word(B, 3))], now);
    side.read(5, last_word(B, 3), now);
    assert_eq!(side.next(now), Next::Claim { follows: Some(5) });
}

#[test]
fn of_two_that_claim_at_once_the_first_has_it_and_the_other_is_refused_by_its_word() {
    let now = origin();
    let records = [(4, last_word(Holder(9), 3))];
    let mut sides = [Side::after(A, &records, now), Side::after(B, &records, now)];
    for side in &mut sides {
        side.contender.claims(now);
        assert_eq!(side.next(now), Next::ReadOn);
        side.read(5, claim(A, Some(4)), now);
        side.read(6, claim(B, Some(4)), now);
    }
    assert_eq!(sides[0].next(now), Next::Runs { term: 5 });
    assert!(matches!(sides[1].next(now), Next::Wait(_)));
    sides[1].read(7, word(A, 5), now);
    assert_eq!(sides[1].next(now), Next::Refused);
}

#[test]
fn a_word_that_overtakes_a_claim_voids_it() {
    let now = origin();
    let mut side = Side::after(A, &[(4, word(B, 3))], now);
    side.contender.claims(now + SILENCE);
    side.read(5, word(B, 3), now + SILENCE);
    assert_eq!(side.read(6, claim(A, Some(4)), now + SILENCE), Meaning::Void);
    assert!(matches!(side.next(now + SILENCE), Next::Wait(_)));
}

#[test]
fn a_claim_that_took_too_long_is_given_up() {
    let now = origin();
    let mut side = Side::after(A, &[], now);
    side.contender.claims(now);
    let late = now + SILENCE * 2;
    assert_eq!(side.read(0, claim(A, None), late), Meaning::Taken);
    assert_eq!(side.next(late), Next::Wait(late + SILENCE));
}

#[test]
fn who_stood_still_finds_out_and_its_words_count_no_more() {
    let now = origin();
    let mut side = Side::after(A, &[], now);
    side.contender.claims(now);
    side.read(0, claim(A, None), now);
    side.read(1, word(A, 0), now);
    assert_eq!(side.next(now), Next::Runs { term: 0 });
    side.read(2, claim(B, Some(1)), now);
    assert_eq!(side.next(now), Next::TakenOver);
    assert_eq!(side.read(3, word(A, 0), now), Meaning::Void);
    assert_eq!(side.read(4, last_word(A, 0), now), Meaning::Void);
    assert_eq!((side.lease.holder(), side.lease.may_be_alive()), (Some((B, 2)), true));
}

#[test]
fn of_words_that_contradict_each_other_the_later_claims_count() {
    // The claim at 20 was compacted away by a word of one that had stood still.
    let now = origin();
    let mut lease = ReplayLease::default();
    assert_eq!(lease.read(21, word(A, 10), now), Meaning::Stands);
    assert_eq!(lease.read(22, word(B, 20), now), Meaning::Stands);
    assert_eq!(lease.read(23, word(A, 10), now), Meaning::Void);
    assert_eq!(lease.holder(), Some((B, 20)));
}

#[test]
fn a_claim_that_nothing_is_known_of_gives_way_to_a_word() {
    // A's claim at 10 was compacted away by B's at 11, which did not count.
    let now = origin();
    let mut lease = ReplayLease::default();
    assert_eq!(lease.read(11, claim(B, Some(5)), now), Meaning::Taken);
    assert_eq!(lease.read(12, word(A, 10), now), Meaning::Stands);
    assert_eq!(lease.holder(), Some((A, 10)));
}

#[test]
fn what_has_ended_stays_ended() {
    let now = origin();
    let records = [(4, word(B, 3)), (5, last_word(B, 3)), (6, word(B, 3))];
    let side = Side::after(A, &records, now);
    assert!(!side.lease.may_be_alive());
}

#[test]
fn a_deleted_name_is_new_and_what_cannot_be_read_changes_nothing() {
    let now = origin();
    let mut side = Side::after(A, &[(4, word(B, 3))], now);
    assert_eq!(side.read(5, Entry::Unreadable, now), Meaning::Void);
    assert!(side.lease.may_be_alive());
    assert_eq!(side.read(6, Entry::Gone, now), Meaning::Gone);
    assert_eq!(side.next(now), Next::Claim { follows: Some(6) });
    assert_eq!(side.lease.holder(), None);
}

/// Several processes and one log, in made-up time.
struct World {
    now: Instant,
    log: Vec<Entry>,
    processes: Vec<Process>,
    /// Holders so far.
    drawn: u128,
}

struct Process {
    me: Holder,
    side: Side,
    read_to: usize,
    /// A claim that was decided on and is not in the log yet.
    writes: Option<Entry>,
    /// When its last word was written, if it has one.
    last_word: Option<Instant>,
}

/// What happens next to a process.
#[derive(Debug, Clone, Copy)]
enum Step {
    ReadOne,
    ReadAll,
    /// Do what the contender says.
    Act,
    /// What was decided on comes to the log.
    Write,
    Word,
    End,
    /// It dies, and is started anew, from what compaction has left of the log: the last
    /// record, and of the others those whose bit is set.
    Restart {
        kept: u64,
    },
    Pass {
        seconds: u64,
    },
}

impl World {
    fn new(processes: usize) -> Self {
        let now = origin();
        let mut world = Self { now, log: Vec::new(), processes: Vec::new(), drawn: 0 };
        for _ in 0..processes {
            let process = world.process(ALL);
            world.processes.push(process);
        }
        world
    }

    /// A process that has read the log to its end.
    fn process(&mut self, kept: u64) -> Process {
        self.drawn += 1;
        let me = Holder(self.drawn);
        let is_left = |at: usize| at + 1 == self.log.len() || kept >> (at % 64) & 1 == 1;
        let records = self.log.iter().enumerate().filter(|(at, _)| is_left(*at));
        let records: Vec<_> = records.map(|(at, it)| (offset(at), *it)).collect();
        let side = Side::after(me, &records, self.now);
        Process { me, side, read_to: self.log.len(), writes: None, last_word: None }
    }

    fn step(&mut self, at: usize, step: Step) {
        let now = self.now;
        let process = &mut self.processes[at];
        match step {
            Step::ReadOne => process.read(&self.log, process.read_to + 1, now),
            Step::ReadAll => process.read(&self.log, self.log.len(), now),
            Step::Act => {
                if let Next::Claim { follows } = process.side.next(now) {
                    process.side.contender.claims(now);
                    process.writes = Some(claim(process.me, follows));
                }
            }
            Step::Write => self.log.extend(process.writes.take()),
            Step::Word => {
                if let Next::Runs { term } = process.side.next(now) {
                    process.last_word = Some(now);
                    self.log.push(word(process.me, term));
                }
            }
            Step::End => {
                if let Next::Runs { term } = process.side.next(now) {
                    self.log.push(last_word(process.me, term));
                    self.step(at, Step::Restart { kept: ALL });
                }
            }
            Step::Restart { kept } => self.processes[at] = self.process(kept),
            Step::Pass { seconds } => self.now += Duration::from_secs(seconds),
        }
    }

    fn running(&self) -> impl Iterator<Item = &Process> {
        let runs = |it: &&Process| matches!(it.side.next(self.now), Next::Runs { .. });
        self.processes.iter().filter(runs)
    }
}

impl Process {
    fn read(&mut self, log: &[Entry], to: usize, now: Instant) {
        while self.read_to < to.min(log.len()) {
            self.side.read(offset(self.read_to), log[self.read_to], now);
            self.read_to += 1;
        }
    }
}

fn offset(at: usize) -> i64 {
    // As in a log with other names' records in between.
    i64::try_from(at).unwrap() * 3 + 7
}

fn steps() -> impl Strategy<Value = Vec<(usize, Step)>> {
    let step = prop_oneof![
        4 => Just(Step::ReadOne),
        6 => Just(Step::ReadAll),
        6 => Just(Step::Act),
        6 => Just(Step::Write),
        3 => Just(Step::Word),
        1 => Just(Step::End),
        1 => prop_oneof![Just(0), Just(ALL), any::<u64>()].prop_map(|kept| Step::Restart { kept }),
        2 => (1..20_u64).prop_map(|seconds| Step::Pass { seconds }),
    ];
    prop::collection::vec((0..3_usize, step), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// However several claim, read, write, die and stand still: of those that think that they
    /// have it and have read what there is, there is at most one.
    #[test]
    fn no_two_that_have_read_everything_run_it(steps in steps()) {
        let mut world = World::new(3);
        for (at, step) in steps {
            world.step(at, step);
            let up_to_date = |it: &&Process| it.read_to == world.log.len();
            prop_assert!(world.running().filter(up_to_date).count() <= 1);
        }
        for at in 0..3 {
            world.step(at, Step::ReadAll);
        }
        prop_assert!(world.running().count() <= 1);
    }

    /// Who reads what there is and writes its word often enough keeps what it has, whatever the
    /// others do.
    #[test]
    fn who_gives_signs_of_life_is_never_taken_over(steps in steps()) {
        let mut world = World::new(3);
        for step in [Step::Act, Step::Write, Step::ReadAll, Step::Word] {
            world.step(0, step);
        }
        prop_assert_eq!(world.running().count(), 1);
        let beat = SILENCE / 3;
        for (at, step) in steps {
            if let Step::Pass { seconds } = step {
                let until = world.now + Duration::from_secs(seconds);
                while world.now < until {
                    world.now = until.min(world.now + beat);
                    world.step(0, Step::Word);
                    // Others fall behind by less than what makes the difference.
                    (0..3).for_each(|at| world.step(at, Step::ReadAll));
                }
            } else if at != 0 {
                world.step(at, step);
            }
            prop_assert_eq!(world.running().filter(|it| it.me == Holder(1)).count(), 1);
        }
    }

    /// When all others have gone, who goes on trying has it after a silence.
    #[test]
    fn what_was_left_behind_can_be_had(steps in steps()) {
        let mut world = World::new(3);
        for (at, step) in steps {
            world.step(at, step);
        }
        world.processes.truncate(1);
        world.step(0, Step::Restart { kept: 0 });
        for _ in 0..2 {
            world.now += SILENCE;
            for step in [Step::Act, Step::Write, Step::ReadAll] {
                world.step(0, step);
            }
        }
        prop_assert_eq!(world.running().count(), 1);
    }
}
