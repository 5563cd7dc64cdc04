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
use super::kafka::{Stored, topic_of};
use super::service::Line;
use super::world::{Sabotage, World};
use crate::metrics::Totals;
use crate::settings::WorkerKind;

const SECOND: Duration = Duration::from_secs(1);
/// Whether the processes together keep to the rate, where their shares are told right.
const RATE_IS_THE_GROUPS: bool = true;

/// Bytes that the last batch may be beyond the room.
const LAST_BATCH: usize = 4_096;

/// What may go out at once after a pause; a share that changes begins a new one, and may
/// do so a few times within a second.
fn burst(rate: f64) -> f64 {
    3.0 * (rate * 0.05).max(1.0)
}

fn exceeds(made: usize, rate: f64, bursts: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "few calls")]
    let made = made as f64;
    made > rate + bursts + 1.0
}

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
        let ahead = member.owned.values().find_map(|tenure| {
            let id = worker.records.partitions.of_epoch(tenure.at.epoch)?;
            let frontier = worker.records.partitions[id].ledger.frontier();
            (tenure.frontier.get() > frontier).then_some((tenure.at.epoch, frontier))
        });
        let changed =
            self.trace.is_kept().then(|| outcomes_of(totals)).filter(|it| *it != member.outcomes);
        let state = worker.shared.traffic.gate().0;
        let ghosts = !worker.ghosts.is_empty();
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
        match state {
            GateState::Closed => {}
            GateState::Open => self.cover.saw("gate: open"),
            GateState::HalfOpen => self.cover.saw("gate: half-open"),
            GateState::Halted => self.cover.saw("gate: halted"),
        }
    }

    /// Law 10: a process makes no more calls in a second than its share of the rate allows;
    /// and all together no more than the rate, where their shares make no more than one.
    pub(super) fn check_rate(&mut self, number: usize) {
        let Some(rate) = self.plan.settings.delivery.rate else { return };
        let (now, instant) = (self.clock.passed(), self.clock.now());
        let since = now.saturating_sub(SECOND);
        let twice = self.sabotage == Some(Sabotage::CountsCallsTwice);
        for _ in 0..if twice { 2 } else { 1 } {
            self.processes[number].permits.push_back(now);
        }
        let (mut all, mut shares, mut bursts) = (0, 0.0, 0.0);
        for process in &mut self.processes {
            let share = process.shared.traffic.rate(instant).1;
            if process.shares.back().is_none_or(|(_, last)| last.to_bits() != share.to_bits()) {
                process.shares.push_back((now, share));
            }
            while process.shares.get(1).is_some_and(|(at, _)| *at <= since) {
                process.shares.pop_front();
            }
            while process.permits.front().is_some_and(|at| *at <= since) {
                process.permits.pop_front();
            }
            if process.alive || !process.permits.is_empty() {
                let largest = process.largest_share();
                all += process.permits.len();
                shares += largest;
                bursts += burst(rate * largest);
            }
        }
        let made = self.processes[number].permits.len();
        let share = self.processes[number].largest_share();
        if exceeds(made, rate * share, burst(rate * share)) {
            self.breach(
                10,
                format_args!(
                    "process {number} makes {made} calls a second; its share of {rate} is {share}"
                ),
            );
        }
        if RATE_IS_THE_GROUPS && shares <= 1.0 && exceeds(all, rate, bursts) {
            self.breach(10, format_args!("{all} calls a second together; the rate is {rate}"));
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
        "outcome: skipped, not selected",
        "outcome: skipped, redriven too often",
        "outcome: skipped, unreadable set",
        "outcome: superseded",
        "outcome: parked, unbound",
        "outcome: parked, unknown customer",
        "outcome: parked, transient",
        "outcome: dead-lettered, undecodable",
        "outcome: dead-lettered, impossible value",
        "outcome: dead-lettered, refused",
        "outcome: dead-lettered, too old",
        "outcome: dead-lettered, order conflict",
        "outcome: dead-lettered, formal orders off",
        "outcome: dead-lettered, authorisations used up",
        "outcome: repartitioned",
    ];
    NAMES[outcome.index()]
}
