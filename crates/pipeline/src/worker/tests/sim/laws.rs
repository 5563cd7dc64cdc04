//! The laws that hold at every step.

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use emberline_broker::Commit;
use emberline_flow::commit_metadata;
use emberline_flow::gate::GateState;
use emberline_model::Outcome;

use super::super::super::Worker;
use super::input::{Fact, ReportKey};
use super::kafka::{Stored, topic_of};
use super::service::Line;
use super::story::AcceptedState;
use super::world::{Sabotage, World};
use crate::metrics::Totals;
use crate::settings::WorkerKind;

/// A share that changes begins a new burst; so often it may within a second.
const CHANGES: f64 = 3.0;
const SECOND: Duration = Duration::from_secs(1);
/// Bytes that the last batch may be beyond the room.
const LAST_BATCH: usize = 4_096;

/// While no call is answered, nothing is parked for it. Holds once the gate is the
/// process's and opens without twenty failures.
pub(super) const OUTAGE_PARKS_NOTHING: bool = false;

/// A broken law, by its number (0: the world itself came to a halt), and in words.
#[derive(Debug, Clone)]
pub(super) struct Breach {
    pub(super) law: u8,
    pub(super) text: String,
}

/// Items that reached an outcome that a failed call leads to, or are on their way there.
pub(super) fn given_up(worker: &Worker<Line>) -> u64 {
    let set_aside = |outcome: &Outcome| {
        matches!(outcome, Outcome::Parked(_) | Outcome::DeadLettered(_) | Outcome::Delivered)
    };
    let settled: u64 =
        Outcome::ALL.iter().filter(|it| set_aside(it)).map(|it| worker.totals.outcome(*it)).sum();
    let parking: u64 = worker.records.parking().map(|(_, items)| u64::from(items)).sum();
    settled + parking + worker.outbox.len() as u64
}

impl World {
    pub(super) fn breach(&mut self, law: u8, text: Arguments<'_>) {
        if self.breach.is_none() {
            self.say(format_args!("LAW {law} BROKEN: {text}"));
            self.breach = Some(Breach { law, text: text.to_string() });
        }
    }

    /// What the world makes of commits before they are judged.
    pub(super) fn spoiled(&mut self, mut commits: Vec<Commit>) -> Vec<Commit> {
        if self.sabotage == Some(Sabotage::CommitsTooFar) && self.draw.percent(20) {
            for commit in &mut commits {
                commit.offset += 1;
                commit.metadata.clear();
            }
        }
        commits
    }

    /// Law 2: what is committed, or told with it, is settled.
    pub(super) fn check_commit(&mut self, member: usize, commit: &Commit) {
        let part = (topic_of(&commit.at.topic), commit.at.partition);
        let metadata = commit_metadata::decode(&commit.metadata, commit.offset);
        if !metadata.settled.is_empty() {
            self.cover.saw("commit with offsets settled above it");
        }
        // What was found settled once stays it.
        let known = self.story.settled_below.get(&part).copied().unwrap_or_default();
        let told = metadata.settled.last().map_or(commit.offset, |run| run.end);
        let claimed =
            |record: &&Stored| record.offset < commit.offset || metadata.is_settled(record.offset);
        let records = self.log.part(part).from(known).iter();
        let unsettled = records
            .take_while(|record| record.offset < told.max(commit.offset))
            .filter(claimed)
            .find(|record| !self.story.is_settled((part, record.offset)));
        if let Some(record) = unsettled {
            let (offset, facts) = (record.offset, self.story.facts.get(&(part, record.offset)));
            let text = format!(
                "member {member} commits {part:?} at {} {:?} past {offset}: {facts:?}",
                commit.offset, metadata.settled
            );
            self.breach(2, format_args!("{text}"));
            return;
        }
        self.story.settled_below.insert(part, known.max(commit.offset));
    }

    /// Laws 7 and 8, and what there is to see.
    pub(super) fn check_step(&mut self, number: usize) {
        self.mark_parking(number);
        let Some(Some(member)) = self.members.get(number) else { return };
        if self.sabotage == Some(Sabotage::MiscountsItems) {
            member.totals.items_read.fetch_add(1, Ordering::Relaxed);
        }
        if self.sabotage == Some(Sabotage::KeepsRoom) {
            member.room.charge(1, 1);
        }
        let worker = &member.worker;
        let totals = &member.totals;
        let outcomes: u64 = totals.outcomes.iter().map(|it| it.load(Ordering::Relaxed)).sum();
        let handed_over = totals.handed_over.load(Ordering::Relaxed);
        let read = totals.items_read.load(Ordering::Relaxed);
        let in_flight = worker.records.items();
        let (records, bytes) = member.room.in_flight();
        let delivery = &self.plan.settings.delivery;
        let too_many = member.kind != WorkerKind::Retries
            && (records > delivery.records || bytes > delivery.bytes + LAST_BATCH);
        let ahead = member
            .owned
            .values()
            .filter_map(|tenure| {
                let id = worker.records.partitions.of_epoch(tenure.at.epoch)?;
                let frontier = worker.records.partitions[id].ledger.frontier();
                (tenure.frontier.get() > frontier).then_some((tenure.at.epoch, frontier))
            })
            .next();
        let changed =
            self.trace.is_kept().then(|| outcomes_of(totals)).filter(|it| *it != member.outcomes);
        let state = worker.shared.traffic.gate().0;
        let (ghosts, suspects) = (!worker.ghosts.is_empty(), state);
        if let Some(changed) = changed
            && let Some(member) = self.members[number].as_mut()
        {
            let before = std::mem::replace(&mut member.outcomes, changed.clone());
            let more: Vec<String> = changed
                .iter()
                .filter_map(|(name, count)| {
                    let more = count - before.get(name).copied().unwrap_or_default();
                    (more > 0).then(|| format!("{more} {name}"))
                })
                .collect();
            self.say(format_args!("member {number}: {}", more.join(", ")));
        }
        if outcomes + handed_over + in_flight != read {
            self.breach(7, format_args!("member {number}: {read} read, {outcomes} outcomes, {handed_over} handed over, {in_flight} in flight"));
        }
        if too_many {
            self.breach(8, format_args!("member {number} has {records} records of {bytes} bytes"));
        }
        if let Some(ahead) = ahead {
            self.breach(8, format_args!("member {number} tells a frontier ahead: {ahead:?}"));
        }
        if ghosts {
            self.cover.saw("ghosts");
        }
        match suspects {
            GateState::Closed => {}
            GateState::Open => self.cover.saw("gate: open"),
            GateState::HalfOpen => self.cover.saw("gate: half-open"),
            GateState::Halted => self.cover.saw("gate: halted"),
        }
    }

    /// Law 10: a process makes no more calls in a second than its share of the rate allows;
    /// and all of them together no more than the rate, where one process has it all.
    pub(super) fn check_rate(&mut self, number: usize) {
        let Some(rate) = self.plan.settings.delivery.rate else { return };
        let (now, instant) = (self.clock.passed(), self.clock.now());
        let twice = self.sabotage == Some(Sabotage::CountsCallsTwice);
        let process = &mut self.processes[number];
        let share = process.shared.traffic.rate(instant).1;
        if process.shares.back().is_none_or(|(_, last)| *last < share || *last > share) {
            process.shares.push_back((now, share));
        }
        let since = now.saturating_sub(SECOND);
        while process.shares.get(1).is_some_and(|(at, _)| *at <= since) {
            process.shares.pop_front();
        }
        for _ in 0..if twice { 2 } else { 1 } {
            process.permits.push_back(now);
        }
        while process.permits.front().is_some_and(|at| *at <= since) {
            process.permits.pop_front();
        }
        let largest = process.shares.iter().map(|(_, share)| *share).fold(0.0, f64::max);
        let burst = |share: f64| (rate * share * 0.05).max(1.0);
        let made = process.permits.len();
        #[expect(clippy::cast_precision_loss, reason = "few calls")]
        let too_many = made as f64 > rate * largest + burst(largest) * CHANGES + 1.0;
        if too_many {
            self.breach(10, format_args!("process {number} made {made} calls within a second, {largest} of {rate} is its share"));
        }
    }

    /// What waits to be parked leaves the order of its lane, also where that comes to
    /// nothing.
    fn mark_parking(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get(number) else { return };
        let records = &member.worker.records;
        for (record, _) in records.parking() {
            let at = &records.partitions[record.partition].at;
            let place = ((topic_of(&at.topic), at.partition), record.offset);
            let Some(facts) = self.story.facts.get(&place) else { continue };
            for fact in facts {
                if let Fact::Report(key) = fact
                    && let Some(told) = self.story.reports.get_mut(key)
                {
                    told.set_aside = true;
                }
            }
        }
    }

    /// Laws 4 and 6 at an acceptance.
    pub(super) fn accept_report(&mut self, key: ReportKey) {
        let Some(told) = self.story.reports.get_mut(&key) else {
            self.breach(1, format_args!("nobody told {key:?}"));
            return;
        };
        told.accepted += 1;
        let (accepted, excused, set_aside) = (told.accepted, told.excused, told.set_aside);
        let place = told.places.first().copied();
        if accepted > 1 {
            self.cover.saw("duplicate at the service");
        }
        if accepted > 1 + excused {
            self.breach(6, format_args!("{key:?} accepted {accepted} times, {excused} excused"));
        }
        if accepted > 1 || set_aside {
            return;
        }
        let Some(place) = place else { return };
        let lane = (key.device, key.category);
        let last = self.story.last_first.entry(lane).or_insert(place);
        let before = std::mem::replace(last, (*last).max(place));
        if before > place {
            self.breach(4, format_args!("{key:?} of {place:?} accepted after one of {before:?}"));
        }
    }

    /// Law 5 at an acceptance; `fresh`: its tenure is not over.
    pub(super) fn accept_state(&mut self, device: u8, state: AcceptedState, fresh: bool) {
        self.story.accepted_states.insert((device, state.second));
        let late = self.sabotage == Some(Sabotage::TakesStatesLate) && self.draw.percent(30);
        let history = self.story.state_history.entry(device).or_default();
        let last = history.last().copied();
        let of_same = history.iter().rev().find(|other| other.epoch == state.epoch).copied();
        history.push(state);
        if late && let Some(before) = history.len().checked_sub(2) {
            history.swap(before, before + 1);
        }
        if !fresh && last.is_some_and(|last| last.second > state.second) {
            // Nobody can call it back.
            self.cover.saw("state of a tenure that is over arrives late");
            self.story.stale_states.insert(device);
        } else if fresh {
            self.story.stale_states.remove(&device);
        }
        if of_same.is_some_and(|other| other.second > state.second) {
            self.breach(
                5,
                format_args!("a state of {device} goes backwards: {of_same:?} {state:?}"),
            );
        }
    }

    /// Coverage of outcomes, from a worker that ends.
    pub(super) fn count_outcomes(&mut self, totals: &Arc<Totals>) {
        for outcome in Outcome::ALL {
            self.cover.add(name_of(outcome), totals.outcome(outcome));
        }
        self.cover.add("items handed over", totals.handed_over.load(Ordering::Relaxed));
    }
}

fn outcomes_of(totals: &Totals) -> BTreeMap<&'static str, u64> {
    let handed_over = ("handed over", totals.handed_over.load(Ordering::Relaxed));
    let outcomes = Outcome::ALL.into_iter().map(|it| (name_of(it), totals.outcome(it)));
    outcomes.chain([handed_over]).collect()
}

/// A name of each outcome with its reason.
fn name_of(outcome: Outcome) -> &'static str {
    const NAMES: [&str; Outcome::ALL.len()] = [
        "outcome: delivered",
        "outcome: duplicate",
        "outcome: skipped, other method",
        "outcome: skipped, other message",
        "outcome: skipped, unknown property",
        "outcome: skipped, no property",
        "outcome: skipped, tombstone",
        "outcome: superseded",
        "outcome: parked, unbound",
        "outcome: parked, unknown customer",
        "outcome: parked, transient",
        "outcome: dead-lettered, undecodable",
        "outcome: dead-lettered, impossible value",
        "outcome: dead-lettered, refused",
        "outcome: dead-lettered, too old",
    ];
    NAMES[outcome.index()]
}
