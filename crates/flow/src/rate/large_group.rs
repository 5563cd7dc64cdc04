//! A group of a hundred replicas over a thousand partitions that come and go, die and are cut
//! off: what all of them may call together, at every moment.
//!
//! Nothing here is Kafka: rebalances are drawn as its cooperative protocol makes them. Time is
//! counted in ticks, and nothing waits.

use std::time::{Duration, Instant};

use super::GroupRate;
use crate::test_time::origin;

const REPLICAS: usize = 100;
const PARTITIONS: usize = 1_000;
/// Of the whole group, calls a second.
const LIMIT: f64 = 2_000.0;
const TICK: Duration = Duration::from_millis(50);
const TICKS_A_SECOND: u64 = 20;
/// After so long the group takes a member for gone that says nothing.
const SESSION: u64 = 30 * TICKS_A_SECOND;
/// A replica that is to give up a partition has finished what it began with it by then.
const DRAIN: u64 = 25 * TICKS_A_SECOND;
/// As the pipeline does: so long after partitions have come the share rises.
const RISE_AFTER: Duration = Duration::from_secs(10);
/// Who was cut off knows so long after the group does, at the latest.
const KNOWS_LATE: u64 = 9 * TICKS_A_SECOND;
/// Changes of the group, each of some replicas.
const CHANGES: usize = 40;
/// Between two changes; some come while the last one is not over.
const BETWEEN: u64 = 60 * TICKS_A_SECOND;

struct Replica {
    rate: GroupRate,
    /// Partitions that it believes to own; what it calls for.
    owned: usize,
    /// A member, as far as the group knows.
    member: bool,
    /// It calls.
    alive: bool,
    /// It and the group hear of each other.
    connected: bool,
}

/// What is to happen, at which tick.
#[derive(Clone, Copy)]
enum Event {
    /// The group looks who is there, and asks for what has to move.
    Rebalance,
    /// A replica has finished with so many partitions, and gives them back.
    GivesBack(usize, usize),
    /// Partitions that nobody has go to who has too few.
    HandOut,
    /// The group notices that a replica says nothing.
    Missed(usize),
    /// One that was cut off learns that it has nothing any more.
    Learns(usize),
}

struct Group {
    replicas: Vec<Replica>,
    free: usize,
    events: Vec<(u64, Event)>,
    tick: u64,
    start: Instant,
    draw: Draw,
    moved: usize,
}

/// Numbers that look drawn and are the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).expect("it is below a usize")
    }
}

impl Group {
    fn new(seed: u64) -> Self {
        let start = origin();
        let replica = || Replica {
            rate: GroupRate::new(Some(LIMIT), &[1.0], start),
            owned: 0,
            member: false,
            alive: false,
            connected: false,
        };
        Self {
            replicas: (0..REPLICAS).map(|_| replica()).collect(),
            free: PARTITIONS,
            events: Vec::new(),
            tick: 0,
            start,
            draw: Draw(seed),
            moved: 0,
        }
    }

    fn now(&self) -> Instant {
        self.start + TICK * u32::try_from(self.tick).expect("hours at most")
    }

    fn within(&mut self, ticks: u64, event: Event) {
        let at = self.tick + self.draw.below(ticks.max(1)) + 1;
        self.events.push((at, event));
    }

    fn starts(&mut self, index: usize) {
        let now = self.now();
        let rate = GroupRate::new(Some(LIMIT), &[1.0], now);
        self.replicas[index] =
            Replica { rate, owned: 0, member: true, alive: true, connected: true };
        self.within(TICKS_A_SECOND, Event::Rebalance);
    }

    /// It ends in good order: what it has is given back before it leaves.
    fn leaves(&mut self, index: usize) {
        self.replicas[index].member = false;
        let owned = self.replicas[index].owned;
        self.within(DRAIN, Event::GivesBack(index, owned));
    }

    /// It is gone from one moment to the next.
    fn dies(&mut self, index: usize) {
        self.replicas[index].alive = false;
        self.replicas[index].connected = false;
        self.events.push((self.tick + SESSION, Event::Missed(index)));
    }

    /// It calls on, and hears nothing of its group.
    fn is_cut_off(&mut self, index: usize) {
        self.replicas[index].connected = false;
        self.events.push((self.tick + SESSION, Event::Missed(index)));
        let late = self.draw.below(KNOWS_LATE);
        self.events.push((self.tick + SESSION + late, Event::Learns(index)));
    }

    fn share_of(&mut self, index: usize, owned: usize) {
        let now = self.now();
        let replica = &mut self.replicas[index];
        replica.owned = owned;
        replica.rate.set_share(0, (owned, PARTITIONS), RISE_AFTER, now);
    }

    /// Partitions of each member when all are even, the first ones with one more.
    fn quota(&self) -> usize {
        PARTITIONS.div_ceil(self.replicas.iter().filter(|it| it.member).count().max(1))
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Rebalance => {
                let quota = self.quota();
                for index in 0..REPLICAS {
                    let replica = &self.replicas[index];
                    let surplus = replica.owned.saturating_sub(quota);
                    if replica.member && surplus > 0 {
                        self.within(DRAIN, Event::GivesBack(index, surplus));
                    }
                }
                self.within(TICKS_A_SECOND, Event::HandOut);
            }
            Event::GivesBack(index, _) if !self.replicas[index].connected => {}
            Event::GivesBack(index, count) => {
                let count = count.min(self.replicas[index].owned);
                self.share_of(index, self.replicas[index].owned - count);
                self.free += count;
                self.within(TICKS_A_SECOND, Event::HandOut);
            }
            Event::HandOut => {
                let quota = self.quota();
                for index in 0..REPLICAS {
                    let replica = &self.replicas[index];
                    let count = quota.saturating_sub(replica.owned).min(self.free);
                    if replica.member && replica.connected && count > 0 {
                        self.free -= count;
                        self.moved += count;
                        self.share_of(index, self.replicas[index].owned + count);
                    }
                }
            }
            Event::Missed(index) => {
                // What it still calls for, where it is only cut off, is others' from now on.
                let replica = &mut self.replicas[index];
                replica.member = false;
                self.free += replica.owned;
                if !replica.alive {
                    replica.owned = 0;
                }
                self.within(TICKS_A_SECOND, Event::Rebalance);
            }
            Event::Learns(index) => self.share_of(index, 0),
        }
    }

    /// One tick later; each replica calls as much as it may. The calls of all.
    fn ticks(&mut self) -> usize {
        self.tick += 1;
        while let Some(next) = self.events.iter().position(|(at, _)| *at <= self.tick) {
            let (_, event) = self.events.swap_remove(next);
            self.happens(event);
        }
        let now = self.now();
        let mut calls = 0;
        for replica in self.replicas.iter_mut().filter(|it| it.alive) {
            while replica.rate.take(now).is_ok() {
                calls += 1;
            }
        }
        calls
    }

    fn shares(&self) -> f64 {
        self.replicas.iter().filter(|it| it.alive).map(|it| it.rate.share()).sum()
    }

    /// A replica of which nothing is under way.
    fn pick(&mut self, running: bool) -> Option<usize> {
        let busy = |index: usize| {
            self.events.iter().any(|(_, event)| {
                matches!(event, Event::GivesBack(it, _) | Event::Missed(it) | Event::Learns(it) if *it == index)
            })
        };
        let fit: Vec<usize> = (0..REPLICAS)
            .filter(|index| {
                (self.replicas[*index].alive && self.replicas[*index].member) == running
            })
            .filter(|index| running || self.replicas[*index].owned == 0)
            .filter(|index| !busy(*index))
            .collect();
        if fit.is_empty() { None } else { Some(fit[self.draw.index(fit.len())]) }
    }

    fn changes(&mut self) {
        for _ in 0..=self.draw.below(8) {
            let kind = self.draw.below(5);
            let Some(index) = self.pick(kind > 1) else { continue };
            match kind {
                0 | 1 => self.starts(index),
                2 => self.leaves(index),
                3 => self.dies(index),
                _ => self.is_cut_off(index),
            }
        }
    }
}

#[test]
fn a_hundred_replicas_never_have_more_than_the_rate_and_all_of_it_when_they_are_settled() {
    for seed in 1..=3 {
        let mut group = Group::new(seed);
        for index in 0..REPLICAS * 3 / 4 {
            group.starts(index);
        }
        let mut second = std::collections::VecDeque::new();
        for change in 0..=CHANGES {
            let end = group.tick
                + if change == CHANGES { 6 * BETWEEN } else { 1 + group.draw.below(2 * BETWEEN) };
            while group.tick < end {
                second.push_back(group.ticks());
                let shares = group.shares();
                assert!(
                    shares <= 1.0 + 1e-9,
                    "seed {seed}, tick {}: {shares} of the rate",
                    group.tick
                );
                if second.len() > 10 * usize::try_from(TICKS_A_SECOND).unwrap() {
                    second.pop_front();
                }
                #[expect(clippy::cast_precision_loss, reason = "some thousand calls")]
                let calls = second.iter().sum::<usize>() as f64;
                assert!(
                    calls <= 10.0 * LIMIT,
                    "seed {seed}, tick {}: {calls} in ten seconds",
                    group.tick
                );
            }
            if change < CHANGES {
                group.changes();
            }
        }
        assert_eq!(group.free, 0, "seed {seed}: every partition has an owner");
        assert!((group.shares() - 1.0).abs() < 1e-9, "seed {seed}: {} of the rate", group.shares());
        assert!(group.moved > 2 * PARTITIONS, "seed {seed}: {} partitions moved", group.moved);
    }
}
