//! A world: logs, a service, processes, and what happens to them, in the order of simulated
//! time.
//!
//! Start at [`World::run`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Arguments;
use std::time::{Duration, Instant};

use emberline_broker::Commit;
use emberline_flow::claim::ClaimRules;

use super::super::made_up::clock::Clock;
use super::super::made_up::draw::Draw;
use super::super::rig::{claim_rules, delivery, pipeline_settings};
use super::input::{Order, Told};
use super::processes::{Member, Process, WriteInAir};
use super::service::{Asked, Books, Ends, Wires};
use crate::settings::{DeliverySettings, PipelineSettings, WorkerKind};

/// More steps than any world needs.
const MOST_STEPS: u32 = 100_000;
/// How long things go wrong.
const STRETCH_MS: u64 = 40_000;
/// Longest that a call is waited for.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// Until a process that is gone has lost its partitions.
pub(super) const SESSION: Duration = Duration::from_secs(10);
/// The workers of a process.
pub(super) const KINDS: [WorkerKind; 2] = [WorkerKind::Claims, WorkerKind::Retries];

/// A topic and a partition.
pub(super) type Part = (&'static str, i32);

/// What is read, and by whom: each part belongs to one kind of worker.
pub(super) const PARTS: [(Part, WorkerKind); 6] = [
    (("customers", 0), WorkerKind::Claims),
    (("customers", 1), WorkerKind::Claims),
    (("orders", 0), WorkerKind::Claims),
    (("orders", 1), WorkerKind::Claims),
    (("own.retry.5s", 0), WorkerKind::Retries),
    (("own.retry.20s", 0), WorkerKind::Retries),
];

pub(super) struct LogRecord {
    pub(super) key: Option<Vec<u8>>,
    pub(super) value: Option<Vec<u8>>,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) written_ms: i64,
}

pub(super) enum Event {
    Wake { member: usize, wake: u64 },
    Read(usize),
    CallActs(u64),
    CallEnds(u64),
    WriteArrives(u64),
    WriteEnds(u64),
    Commit { process: usize, part: Part, commit: Commit },
    ReadBook(usize),
    Tell(Told),
    Happening,
    SessionOver(usize),
    TellOfLoss { member: usize, part: Part },
    Start,
    Heal,
}

/// Something that the service does wrong, so that it must be noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sabotage {
    /// It never has the order that it is asked for.
    ForgetsOrders,
    /// It says that it has placed an order, and has not.
    DropsOrders,
}

pub(super) struct Call {
    pub(super) member: usize,
    pub(super) asked: Asked,
    pub(super) ends: Ends,
    pub(super) acts: bool,
    /// When it is answered, whether or not its caller hears it then.
    pub(super) until: Duration,
    /// Its worker is dead, or has given it up.
    pub(super) over: bool,
}

pub(super) struct World {
    pub(super) draw: Draw,
    pub(super) clock: Clock,
    pub(super) aloud: bool,
    pub(super) trace: Vec<String>,
    pub(super) seen: BTreeMap<&'static str, u64>,
    pub(super) breach: Option<String>,
    pub(super) sabotage: Option<Sabotage>,
    queue: BTreeMap<(Duration, u64), Event>,
    numbers: u64,
    pub(super) settings: PipelineSettings,
    pub(super) logs: BTreeMap<(String, i32), Vec<LogRecord>>,
    pub(super) committed: BTreeMap<Part, (i64, String)>,
    pub(super) owner: BTreeMap<Part, usize>,
    pub(super) processes: Vec<Process>,
    pub(super) members: Vec<Option<Member>>,
    pub(super) wires: Wires,
    pub(super) calls: BTreeMap<u64, Call>,
    pub(super) writes: BTreeMap<u64, WriteInAir>,
    pub(super) books: Books,
    /// Numbers that the service does not want.
    pub(super) unwanted: BTreeSet<u8>,
    pub(super) told: Vec<Told>,
    /// Leases in the book: of which order, whose.
    pub(super) leases: BTreeMap<Vec<u8>, (String, usize)>,
    pub(super) healed: bool,
    pub(super) epochs: u64,
}

impl World {
    pub(super) fn new(seed: u64, sabotage: Option<Sabotage>, aloud: bool) -> Self {
        fastrand::seed(seed);
        let mut draw = Draw::of(seed);
        let rules =
            ClaimRules { formal_orders: true, authorisations: draw.below(5), ..claim_rules() };
        let delivery = DeliverySettings {
            in_flight: draw.pick(&[1, 2, 8]),
            in_place: draw.pick(&[0, 1, 3]),
            retry_budget: 10.0,
            backoff_base: Duration::from_millis(100),
            backoff_cap: Duration::from_secs(2),
            tiers: [5, 20].map(Duration::from_secs).to_vec(),
            join_wait: Duration::from_millis(draw.pick(&[0, 2_000])),
            drain: Duration::from_secs(draw.pick(&[1, 15])),
            commit_interval: Duration::from_millis(200),
            receipts: draw.percent(50),
            claims: rules,
            ..delivery()
        };
        Self {
            clock: Clock::starting_at(tokio::time::Instant::now().into_std()),
            trace: Vec::new(),
            seen: BTreeMap::new(),
            breach: None,
            queue: BTreeMap::new(),
            numbers: 0,
            settings: pipeline_settings("nowhere:1", ["devices", "bindings"], delivery, &KINDS),
            logs: BTreeMap::new(),
            committed: BTreeMap::new(),
            owner: BTreeMap::new(),
            processes: Vec::new(),
            members: Vec::new(),
            wires: Wires::default(),
            calls: BTreeMap::new(),
            writes: BTreeMap::new(),
            books: Books::default(),
            unwanted: BTreeSet::new(),
            told: Vec::new(),
            leases: BTreeMap::new(),
            healed: false,
            epochs: 0,
            draw,
            aloud,
            sabotage,
        }
    }

    pub(super) async fn run(&mut self) {
        self.begin();
        let mut steps = 0;
        while let Some(((at, _), event)) = self.queue.pop_first() {
            let before = self.clock.passed();
            self.clock.go_to(at);
            tokio::time::advance(self.clock.passed().saturating_sub(before)).await;
            self.meet(event).await;
            self.calls_arrive().await;
            steps += 1;
            if steps > MOST_STEPS {
                let busy: Vec<String> = self.members.iter().flatten().map(Member::busy).collect();
                self.breach(format_args!("the world never comes to rest: {busy:?}"));
            }
            if self.breach.is_some() {
                return;
            }
        }
        self.judge();
    }

    fn begin(&mut self) {
        let customers = self.draw.pick(&[1, 2, 3]);
        for _ in 0..self.draw.pick(&[1, 2, 2]) {
            self.after(Duration::ZERO, Event::Start);
        }
        for customer in 0..customers {
            for _ in 0..self.draw.pick(&[1, 1, 2]) {
                let at = self.draw.millis(0..=STRETCH_MS / 2);
                self.after(at, Event::Tell(Told::Customer(customer)));
            }
        }
        let orders = self.draw.pick(&[2, 4, 8]);
        for number in 0..orders {
            let order = Order::draw(&mut self.draw, number, customers);
            if self.draw.percent(10) {
                self.unwanted.insert(number);
            }
            for copy in 0..self.draw.pick(&[1, 1, 2, 3]) {
                let changed = copy > 0 && self.draw.percent(20);
                let order = Order { count: order.count + u8::from(changed), ..order };
                let at = self.draw.millis(0..=STRETCH_MS);
                self.after(at, Event::Tell(Told::Order(order)));
            }
        }
        if self.draw.percent(30) {
            // Placed by somebody else.
            self.books.orders.push(Order { number: 200, customer: 9, count: 1, formal: true });
        }
        for _ in 0..self.draw.within(2..=14) {
            let at = self.draw.millis(0..=STRETCH_MS);
            self.after(at, Event::Happening);
        }
        self.after(Duration::from_millis(STRETCH_MS + 1), Event::Heal);
    }

    async fn meet(&mut self, event: Event) {
        if let Some(left) = self.stands_still_for(&event) {
            self.after(left, event);
            return;
        }
        match event {
            Event::Wake { member, wake } => self.wake(member, wake).await,
            Event::Read(member) => self.read(member).await,
            Event::CallActs(call) => self.call_acts(call),
            Event::CallEnds(call) => self.call_ends(call).await,
            Event::WriteArrives(write) => self.write_arrives(write),
            Event::WriteEnds(write) => self.write_ends(write).await,
            Event::Commit { process, part, commit } => self.commit(process, part, &commit),
            Event::ReadBook(process) => self.read_book(process),
            Event::Tell(told) => self.tell(told),
            Event::Happening => self.happening().await,
            Event::SessionOver(process) => self.free_parts(process).await,
            Event::TellOfLoss { member, part } => self.tell_of_loss(member, part).await,
            Event::Start => self.start().await,
            Event::Heal => self.heal().await,
        }
    }

    pub(super) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(super) fn after(&mut self, wait: Duration, event: Event) {
        self.numbers += 1;
        self.queue.insert((self.clock.passed() + wait, self.numbers), event);
    }

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(super) fn say(&mut self, what: Arguments<'_>) {
        if self.aloud {
            self.trace.push(format!("{:>9.3?} {what}", self.clock.passed()));
        }
    }

    pub(super) fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    pub(super) fn breach(&mut self, what: Arguments<'_>) {
        self.say(what);
        self.breach.get_or_insert_with(|| what.to_string());
    }
}
