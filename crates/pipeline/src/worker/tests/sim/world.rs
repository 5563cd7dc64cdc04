//! A world: logs, groups, a service and processes of real workers, moved from event to
//! event in the order of simulated time.
//!
//! Start at [`World::run`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Arguments;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use super::super::super::{Shared, Worker};
use super::super::made_up::clock::Clock;
use super::super::made_up::draw::Draw;
use super::calls::CallInAir;
use super::coverage::Coverage;
use super::group::Group;
use super::input::{Input, Producer, ReportKey};
use super::kafka::Log;
use super::laws::Breach;
use super::member::Member;
use super::plan::Plan;
use super::projector::Projector;
use super::service::{Line, Service};
use super::story::Story;
use super::trace::Trace;
use super::weather::Weather;
use super::writes::WriteInAir;
use crate::settings::WorkerKind;

/// More steps than any world needs: it goes round in circles.
const MOST_STEPS: u32 = 200_000;
/// Between two turns of a worker that has nothing to wait for, at least.
const SHORTEST_SLEEP: Duration = Duration::from_micros(100);

pub(super) enum Event {
    Wake { member: usize, wake: u64 },
    Tick(usize),
    CallActs(u64),
    CallEnds(u64),
    WriteArrives(u64),
    WriteEnds(u64),
    CommitArrives(usize),
    CommitEnds(usize),
    ReadTable(usize),
    ReadFacts(usize),
    Restored { member: usize, partition: i32, tenure: u64 },
    Project,
    Join(usize),
    SessionOver(usize),
    LossTold(usize),
    Deal(WorkerKind),
    Produce(Box<Input>),
    Happening,
    WeatherOver(u32),
    Heal,
}

/// Some members of one process, one a kind of worker.
pub(super) struct Process {
    pub(super) shared: Arc<Shared>,
    /// How wrong its wall clock is.
    pub(super) wrong_ms: Arc<AtomicI64>,
    pub(super) members: Vec<usize>,
    /// How far it has read the customer-devices topic.
    pub(super) table_at: i64,
    pub(super) table_due: bool,
    pub(super) alive: bool,
    /// When its calls of the last second arrived.
    pub(super) permits: VecDeque<Duration>,
    /// Its share of the rate: since when, how much.
    pub(super) shares: VecDeque<(Duration, f64)>,
}

impl Process {
    /// Of the rate, within the last second.
    pub(super) fn largest_share(&self) -> f64 {
        self.shares.iter().map(|(_, share)| *share).fold(0.0, f64::max)
    }
}

/// Something that the world does wrong, so that a law must be seen broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    RefusesTheInnocent,
    ForgetsReport,
    CommitsTooFar,
    CallsTwice,
    TakesTwice,
    TakesInReverse,
    TakesStatesLate,
    MiscountsItems,
    KeepsRoom,
    HidesRefusedCredentials,
    CountsCallsTwice,
    OpensEarly,
    KeepsRows,
    DropsRowsEarly,
    JoinsByAnothersTable,
    LosesFacts,
    PassesOverOlderFacts,
}

pub(super) struct World {
    pub(super) draw: Draw,
    pub(super) clock: Clock,
    pub(super) trace: Trace,
    pub(super) cover: Coverage,
    pub(super) plan: Plan,
    pub(super) sabotage: Option<Sabotage>,
    queue: BTreeMap<(Duration, u64), Event>,
    queued: u64,
    pub(super) numbers: u64,
    pub(super) log: Log,
    pub(super) groups: [Group; WorkerKind::ALL.len()],
    pub(super) service: Service,
    pub(super) calls: BTreeMap<u64, CallInAir>,
    pub(super) writes: BTreeMap<u64, WriteInAir>,
    pub(super) processes: Vec<Process>,
    pub(super) members: Vec<Option<Member>>,
    pub(super) story: Story,
    pub(super) producer: Producer,
    pub(super) projector: Projector,
    pub(super) poison: BTreeSet<ReportKey>,
    pub(super) weather: Weather,
    pub(super) weathers: u32,
    pub(super) weather_began: Duration,
    /// When a call was last answered.
    pub(super) last_answer: Duration,
    /// The brokers answer badly.
    pub(super) rough_brokers: bool,
    pub(super) healed: bool,
    /// A wall clock was wrong enough to take things for too old.
    pub(super) leapt: bool,
    pub(super) breach: Option<Breach>,
    pub(super) epochs: u64,
}

impl World {
    pub(super) fn new(seed: u64, trace: Trace, sabotage: Option<Sabotage>) -> Self {
        // The worker draws its jitter from this one.
        fastrand::seed(seed);
        let mut draw = Draw::of(seed);
        let plan = Plan::of(&mut draw);
        Self {
            clock: Clock::new(),
            trace,
            cover: Coverage::default(),
            sabotage,
            queue: BTreeMap::new(),
            queued: 0,
            numbers: 0,
            log: Log::new(plan.partitions, &mut draw),
            groups: Default::default(),
            service: Service::default(),
            calls: BTreeMap::new(),
            writes: BTreeMap::new(),
            processes: Vec::new(),
            members: Vec::new(),
            story: Story::default(),
            producer: Producer::new(plan.devices),
            projector: Projector::default(),
            poison: BTreeSet::new(),
            weather: Weather::Fine,
            weathers: 0,
            weather_began: Duration::ZERO,
            last_answer: Duration::ZERO,
            rough_brokers: false,
            healed: false,
            leapt: false,
            breach: None,
            epochs: 0,
            draw,
            plan,
        }
    }

    /// Until everything has healed and nothing is left to do, or a law is broken.
    pub(super) async fn run(&mut self) {
        self.begin();
        let mut steps = 0;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.clock.go_to(at);
            self.meet(event).await;
            steps += 1;
            if steps > MOST_STEPS {
                let restless: Vec<String> =
                    self.members.iter().flatten().map(restlessness).collect();
                self.breach(0, format_args!("the world never comes to rest: {restless:?}"));
            }
            if self.breach.is_some() {
                return;
            }
        }
        self.judge();
    }

    async fn meet(&mut self, event: Event) {
        match event {
            Event::Wake { member, wake } => self.wake(member, wake).await,
            Event::Tick(member) => self.tick(member).await,
            Event::CallActs(call) => self.call_acts(call),
            Event::CallEnds(call) => self.call_ends(call).await,
            Event::WriteArrives(write) => self.write_arrives(write),
            Event::WriteEnds(write) => self.write_ends(write).await,
            Event::CommitArrives(member) => self.commit_arrives(member),
            Event::CommitEnds(member) => self.commit_ends(member),
            Event::ReadTable(process) => self.read_table(process),
            Event::ReadFacts(member) => self.read_facts(member),
            Event::Restored { member, partition, tenure } => {
                self.restored(member, partition, tenure).await;
            }
            Event::Project => self.project(),
            Event::Join(member) => self.join(member),
            Event::SessionOver(member) => self.session_over(member),
            Event::LossTold(member) => self.loss_told(member),
            Event::Deal(kind) => self.deal(kind),
            Event::Produce(input) => self.produce(*input),
            Event::Happening => self.happening().await,
            Event::WeatherOver(weather) => self.weather_over(weather),
            Event::Heal => self.heal(),
        }
    }

    pub(super) fn say(&self, what: Arguments<'_>) {
        self.trace.say(self.clock.passed(), what);
    }

    pub(super) fn after(&mut self, wait: Duration, event: Event) {
        self.queued += 1;
        self.queue.insert((self.clock.passed() + wait, self.queued), event);
    }

    /// Lets a worker do something, and whatever follows from it.
    pub(super) async fn work(
        &mut self,
        member: usize,
        act: impl FnOnce(&mut Worker<Line>, Instant),
    ) {
        let now = self.clock.now();
        let Some(Some(worked)) = self.members.get_mut(member) else { return };
        let next_commit = worked.worker.next_commit;
        act(&mut worked.worker, now);
        let changed = worked.released.has_changed().unwrap_or(false);
        if changed && worked.worker.may_release(now) {
            worked.released.mark_unchanged();
            worked.worker.release_bound(now);
        }
        worked.worker.turn(now);
        // What is settled after the commit of this turn is for the next one.
        worked.dirty = worked.worker.next_commit == next_commit;
        self.settle(member).await;
    }

    async fn wake(&mut self, member: usize, wake: u64) {
        let Some(woken) = self.members[member].as_ref().filter(|it| it.wake == wake) else {
            return;
        };
        let (dirty, items) = (woken.dirty, woken.worker.records.items());
        self.work(member, |_, _| {}).await;
        if let Some(woken) = self.members[member].as_mut()
            && woken.worker.records.items() == items
        {
            woken.dirty &= dirty;
        }
        self.set_wake(member);
    }

    /// What a worker has done at its edges becomes events; the laws of every step.
    async fn settle(&mut self, member: usize) {
        self.calls_arrive(member).await;
        self.take_writes(member);
        self.take_commits(member);
        self.take_answer(member);
        self.take_asked(member);
        self.check_step(member);
        self.check_tables(member);
        self.set_wake(member);
        self.poke(member);
        self.wake_siblings(member);
    }

    /// Bindings that one worker of a process has written release what others hold.
    pub(super) fn wake_siblings(&mut self, member: usize) {
        let Some(Some(changed)) = self.members.get(member) else { return };
        for sibling in self.processes[changed.process].members.clone() {
            let Some(other) = self.members[sibling].as_ref() else { continue };
            if sibling != member
                && other.worker.lanes.held() > 0
                && other.released.has_changed().unwrap_or(false)
            {
                self.set_wake(sibling);
            }
        }
    }

    /// When the worker is to have its next turn.
    pub(super) fn set_wake(&mut self, member: usize) {
        let now = self.clock.now();
        let healed = self.healed;
        let Some(Some(sleeper)) = self.members.get_mut(member) else { return };
        let worker = &sleeper.worker;
        let writes = worker.outbox.len() > 0;
        let mends = sleeper.mends();
        let busy = worker.records.len() > 0
            || writes
            || worker.draining.is_some()
            || sleeper.dirty
            || mends;
        sleeper.wake += 1;
        let released = sleeper.released.has_changed().unwrap_or(false) && worker.lanes.held() > 0;
        let due = if released {
            Some(worker.next_release)
        } else if !busy {
            None
        } else if healed {
            let mends = Some(worker.next_gauges).filter(|_| mends);
            next_need(worker, sleeper.dirty, now).into_iter().chain(mends).min()
        } else {
            Some(worker.next_wake(now))
        };
        if let Some(due) = due {
            let wait = due.saturating_duration_since(now).max(SHORTEST_SLEEP);
            let wake = sleeper.wake;
            self.after(wait, Event::Wake { member, wake });
        }
    }
}

/// As the worker's own, without the wake-ups that only look around: the way to the end is
/// long.
fn next_need(worker: &Worker<Line>, dirty: bool, now: Instant) -> Option<Instant> {
    let calls_may_go = worker.in_calls < worker.shared.settings.delivery.in_flight;
    // The wait for a gate that has just moved is asked for anew in the next turn.
    let asks_again = worker.lanes.has_ready() && worker.no_call_before.is_none();
    let candidates = [
        Some(worker.next_wake(now)).filter(|_| asks_again && calls_may_go),
        worker.lanes.next_deadline(),
        worker.outbox.next_deadline(),
        worker.no_call_before.filter(|_| calls_may_go),
        worker.waiting.next_due(),
        Some(worker.next_look_at_waiting).filter(|_| worker.bindings_changed),
        worker.draining.as_ref().map(|draining| draining.deadline),
        worker.leave_by.filter(|_| worker.source.is_some()),
        Some(worker.next_commit).filter(|_| dirty),
        // Another worker may have opened the gate.
        Some(worker.next_gauges).filter(|_| worker.intake_paused),
    ];
    candidates.into_iter().flatten().min()
}

/// What keeps a member busy.
pub(super) fn restlessness(member: &Member) -> String {
    let worker = &member.worker;
    format!(
        "{} {}: {} records, {} calls, {} ready, {} held, {} not due, paused {}, inbox {}, wake {}, dirty {}, waits to call {}",
        member.process,
        member.kind.name(),
        worker.records.len(),
        worker.in_calls,
        worker.lanes.has_ready(),
        worker.lanes.held(),
        worker.waiting.len(),
        member.control.lock().paused,
        member.inbox.len(),
        member.wake,
        member.dirty,
        worker.no_call_before.is_some(),
    )
}
