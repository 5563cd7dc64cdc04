//! Processes begin, end in good order, and die.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use emberline_broker::Room;
use emberline_service_api::Signer;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::super::{Ends, Exit, Shared, Worker};
use super::super::made_up::edges::{Control, Desk, SimSource, SimWriters};
use super::group::SESSION;
use super::kafka::{CUSTOMER_DEVICES, Part};
use super::member::Member;
use super::own::OwnSide;
use super::plan::KINDS;
use super::service::Line;
use super::world::{Event, Process, World};
use crate::edges::Edges;
use crate::intake::Reader;
use crate::join::Join;
use crate::offsets::Highs;
use crate::order_book::ProcessBook;
use crate::run::topics_of;
use crate::settings::WorkerKind;
use crate::status::Monitor;
use crate::table::Bindings;
use crate::traffic::Traffic;

/// Records that may be read before they are due: all that a world has.
const ROOMY: usize = 1_000;

impl World {
    pub(super) fn begin(&mut self) {
        for _ in 0..self.plan.processes {
            self.start();
        }
        for device in 0..self.producer.devices {
            if self.draw.percent(70) {
                let customer = self.customer();
                let input = self.producer.binding(device, customer, true, false);
                self.after(Duration::ZERO, Event::Produce(Box::new(input)));
            }
        }
        let stretch = u64::try_from(self.plan.stretch.as_millis()).unwrap_or(1);
        for _ in 0..self.plan.events {
            let at = self.draw.millis(0..=stretch);
            self.after(at, Event::Happening);
        }
        self.after(self.plan.stretch + Duration::from_millis(1), Event::Heal);
    }

    pub(super) fn customer(&mut self) -> u8 {
        u8::try_from(self.draw.below(usize::from(self.plan.customers))).unwrap_or(0)
    }

    pub(super) fn living(&self) -> Vec<usize> {
        (0..self.processes.len()).filter(|number| self.processes[*number].alive).collect()
    }

    /// A process begins: its table is read to its end, then its workers join.
    pub(super) fn start(&mut self) {
        let settings = self.plan.settings.clone();
        let now = self.clock.now();
        let shared = Arc::new(Shared {
            signer: RwLock::new(Signer::new(&settings.credentials, settings.dialect)),
            bindings: Arc::new(Bindings::new(true)),
            order_book: Arc::new(ProcessBook::new(0)),
            traffic: Traffic::new(&settings.delivery, now),
            highs: Mutex::new(Highs { offsets: self.log.ends(), ..Highs::default() }),
            lanes_in_calls: Some(Mutex::default()),
            committed: Mutex::default(),
            keyed_parts: None,
            later_states: None,
            reader: OnceLock::default(),
            settings,
        });
        let log = self.log.part((CUSTOMER_DEVICES, 0));
        for record in &log.records {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            shared.bindings.read(key, value, Some(record.offset));
        }
        let process = self.processes.len();
        let wrong_ms = Arc::new(AtomicI64::new(0));
        self.processes.push(Process {
            shared: Arc::clone(&shared),
            wrong_ms: Arc::clone(&wrong_ms),
            members: Vec::new(),
            table_at: log.end,
            table_due: false,
            alive: true,
            permits: VecDeque::new(),
            shares: VecDeque::new(),
        });
        self.say(format_args!("process {process} begins"));
        for kind in KINDS {
            let member = self.make_member(process, kind, &shared, &wrong_ms);
            let number = self.members.len();
            self.members.push(Some(member));
            self.processes[process].members.push(number);
            let wait = self.draw.millis(0..=300);
            self.after(wait, Event::Join(number));
        }
    }

    fn make_member(
        &mut self,
        process: usize,
        kind: WorkerKind,
        shared: &Arc<Shared>,
        wrong_ms: &Arc<AtomicI64>,
    ) -> Member {
        let delivery = &shared.settings.delivery;
        let room = Arc::new(Room::new(delivery.records, delivery.bytes));
        let ahead = Arc::new(Room::new(ROOMY, ROOMY * 1_000));
        let monitor = Monitor::new(&[kind]);
        let status = Arc::clone(&monitor.workers()[0]);
        let totals = Arc::clone(&status.totals);
        let control: Arc<Mutex<Control>> = Arc::default();
        let writers = SimWriters::default();
        let desk: Arc<Mutex<Desk>> = Arc::clone(&writers.0);
        let (own, join) = if self.plan.own_tables && kind == WorkerKind::Devices {
            let (own, join) = OwnSide::new(self.plan.partitions);
            (Some(own), join)
        } else {
            (None, Join::Whole(Arc::clone(&shared.bindings)))
        };
        let released = join.changes();
        let topics = topics_of(kind, &shared.settings);
        let reader = Reader::new(kind, &topics, &shared.settings.topics);
        let line = Line { member: self.members.len(), service: self.service.clone() };
        let (_, events) = mpsc::channel(1);
        let worker = Worker::new(
            (kind, Arc::clone(shared), status),
            line,
            Edges {
                source: Some(Box::new(SimSource(Arc::clone(&control)))),
                events,
                room: Arc::clone(&room),
                ahead: Arc::clone(&ahead),
                writers: Box::new(writers),
                join,
                clock: self.clock.wall(wrong_ms),
            },
            Ends::default(),
            CancellationToken::new(),
            self.clock.now(),
        );
        Member {
            process,
            kind,
            worker: worker.expect("a worker of good settings"),
            totals,
            room,
            ahead,
            control,
            desk,
            released,
            reader,
            inbox: VecDeque::new(),
            owned: BTreeMap::new(),
            own,
            going: None,
            committing: None,
            joined: false,
            stale: false,
            losing: false,
            unwritten: BTreeMap::new(),
            sets_awaited: Vec::new(),
            tick_due: false,
            wake: 0,
            dirty: false,
            leaving: false,
            outcomes: BTreeMap::new(),
        }
    }

    /// A process dies: its memory is gone; what it had sent may or may not arrive.
    pub(super) fn kill(&mut self, number: usize) {
        self.say(format_args!("process {number} is killed"));
        self.cover.saw("kill");
        self.processes[number].alive = false;
        let members = self.processes[number].members.clone();
        if members.iter().any(|member| {
            self.members[*member].as_ref().is_some_and(|member| member.worker.in_calls > 0)
        }) {
            self.cover.saw("kill with calls in flight");
        }
        for member in members {
            let Some(dying) = self.members[member].as_mut() else { continue };
            let parts: Vec<Part> = dying.owned.keys().copied().collect();
            let committing = dying.committing.take().unwrap_or_default();
            if self.draw.percent(50) {
                for commit in &committing {
                    self.apply_commit(member, commit);
                }
            }
            self.excuse_uncommitted(member, &parts);
            self.end_member(member);
            self.after(SESSION, Event::SessionOver(member));
        }
    }

    fn end_member(&mut self, member: usize) {
        self.orphan_calls(member);
        self.orphan_writes(member);
        if let Some(Some(ended)) = self.members.get(member) {
            self.count_outcomes(&Arc::clone(&ended.totals));
        }
        self.members[member] = None;
    }

    /// A process is told to stop.
    pub(super) async fn stop(&mut self, number: usize) {
        let members = self.processes[number].members.clone();
        let ready = |member: &Member| member.joined && !member.stale && !member.leaving;
        if !members.iter().all(|member| self.members[*member].as_ref().is_some_and(ready)) {
            return;
        }
        self.say(format_args!("process {number} is told to stop"));
        self.cover.saw("stop");
        self.processes[number].alive = false;
        for member in members {
            self.work(member, |worker, now| worker.leave(Exit::Stopped, now)).await;
        }
    }

    /// A worker has left its group, and its thread ends.
    pub(super) fn retire(&mut self, member: usize) {
        self.say(format_args!("member {member} ends"));
        self.end_member(member);
    }
}
