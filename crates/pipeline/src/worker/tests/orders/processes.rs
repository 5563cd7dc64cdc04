//! Processes with their workers: they begin, read, write, commit, and die.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::mpsc::{Receiver as Answered, TryRecvError};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use emberline_broker::{
    AssignedPartition, Commit, Frontier, PartitionRef, PartitionSlot, Revocation, Room,
    SourceEvent, TopicIndex,
};
use emberline_service_api::Signer;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::super::super::{Ends, Shared, Worker};
use super::super::made_up::edges::{Control, Desk, Handed, SimSource, SimWriters};
use super::service::Line;
use super::world::{Event, KINDS, PARTS, Part, SESSION, World};
use crate::edges::Edges;
use crate::intake::{Intake, Reader};
use crate::join::Join;
use crate::order_book::ProcessBook;
use crate::run::topics_of;
use crate::settings::WorkerKind;
use crate::status::Monitor;
use crate::table::Bindings;
use crate::traffic::Traffic;

pub(super) struct Process {
    pub(super) shared: Arc<Shared>,
    pub(super) members: Vec<usize>,
    pub(super) alive: bool,
    /// It stands still until then.
    pub(super) still_until: Duration,
    /// How far it has read the order book.
    pub(super) book_at: usize,
}

/// A partition as its owner has it.
pub(super) struct Tenure {
    pub(super) at: PartitionRef,
    pub(super) next: usize,
}

pub(super) struct Member {
    pub(super) process: usize,
    pub(super) kind: WorkerKind,
    pub(super) worker: Worker<Line>,
    pub(super) control: Arc<Mutex<Control>>,
    pub(super) desk: Arc<Mutex<Desk>>,
    pub(super) room: Arc<Room>,
    pub(super) ahead: Arc<Room>,
    pub(super) reader: Reader,
    pub(super) owned: BTreeMap<Part, Tenure>,
    pub(super) going: Option<(Part, Answered<Vec<Commit>>)>,
    pub(super) read_due: bool,
    wake: u64,
    /// Something may be left to commit.
    dirty: bool,
}

pub(super) struct WriteInAir {
    pub(super) member: usize,
    pub(super) handed: Handed,
    /// Its acknowledgement is lost.
    pub(super) unheard: bool,
    pub(super) offset: Option<i64>,
}

impl Member {
    /// What keeps it busy.
    pub(super) fn busy(&self) -> String {
        let worker = &self.worker;
        format!(
            "{} of {}: {} records, {} lanes, {} ready, {} held, waits to call {}, drains {}, {} calls, {} writes, {} leased, gate {:?}",
            self.kind.name(),
            self.process,
            worker.records.len(),
            worker.lanes.lanes_len(),
            worker.lanes.has_ready(),
            worker.lanes.held(),
            worker.no_call_before.is_some(),
            worker.draining.is_some(),
            worker.in_calls,
            worker.outbox.len(),
            worker.leased.len(),
            worker.shared.traffic.gate(),
        )
    }

    pub(super) fn is_idle(&self) -> bool {
        self.worker.records.len() == 0 && self.worker.outbox.len() == 0 && self.going.is_none()
    }
}

impl World {
    pub(super) async fn start(&mut self) {
        let settings = self.settings.clone();
        let now = self.now();
        let shared = Arc::new(Shared {
            signer: RwLock::new(Signer::new(&settings.credentials, settings.dialect)),
            bindings: Arc::new(Bindings::new(true)),
            order_book: Arc::new(ProcessBook::new(0)),
            traffic: Traffic::new(&settings.delivery, now),
            highs: Mutex::default(),
            lanes_in_calls: Some(Mutex::default()),
            committed: Mutex::default(),
            keyed_parts: None,
            later_states: None,
            reader: OnceLock::default(),
            settings,
        });
        let process = self.processes.len();
        self.say(format_args!("process {process} begins"));
        let members = KINDS.map(|kind| {
            let member = self.member(process, kind, &shared);
            self.members.push(Some(member));
            self.members.len() - 1
        });
        self.processes.push(Process {
            shared,
            members: members.to_vec(),
            alive: true,
            still_until: Duration::ZERO,
            book_at: 0,
        });
        // The book is read to its end before a worker starts.
        self.read_book(process);
        self.deal().await;
    }

    fn member(&mut self, process: usize, kind: WorkerKind, shared: &Arc<Shared>) -> Member {
        let control: Arc<Mutex<Control>> = Arc::default();
        let writers = SimWriters::default();
        let desk = Arc::clone(&writers.0);
        let (room, ahead) =
            (Arc::new(Room::new(1_000, 1_000_000)), Arc::new(Room::new(1_000, 1_000_000)));
        let monitor = Monitor::new(&[kind]);
        let (_, events) = mpsc::channel(1);
        let topics = topics_of(kind, &shared.settings);
        let worker = Worker::new(
            (kind, Arc::clone(shared), Arc::clone(&monitor.workers()[0])),
            Line { process: self.members.len(), wires: self.wires.clone() },
            Edges {
                source: Some(Box::new(SimSource(Arc::clone(&control)))),
                events,
                room: Arc::clone(&room),
                ahead: Arc::clone(&ahead),
                writers: Box::new(writers),
                join: Join::Whole(Arc::clone(&shared.bindings)),
                clock: self.clock.wall(&Arc::new(AtomicI64::new(0))),
            },
            Ends::default(),
            CancellationToken::new(),
            self.now(),
        );
        Member {
            process,
            kind,
            worker: worker.expect("a worker of good settings"),
            control,
            desk,
            room,
            ahead,
            reader: Reader::new(kind, &topics, &shared.settings.topics),
            owned: BTreeMap::new(),
            going: None,
            read_due: false,
            wake: 0,
            dirty: false,
        }
    }

    /// Parts that nobody has go to somebody.
    pub(super) async fn deal(&mut self) {
        for (part, kind) in PARTS {
            if self.owner.contains_key(&part) {
                continue;
            }
            let candidates: Vec<usize> = (0..self.members.len())
                .filter(|it| {
                    self.members[*it].as_ref().is_some_and(|member| {
                        let process = &self.processes[member.process];
                        let well = process.still_until <= self.clock.passed();
                        member.kind == kind && process.alive && well
                    })
                })
                .collect();
            if candidates.is_empty() {
                continue;
            }
            let member = candidates[self.draw.below(candidates.len())];
            self.assign(member, part).await;
        }
    }

    async fn assign(&mut self, member: usize, part: Part) {
        let (committed, metadata) = self.committed.get(&part).cloned().unzip();
        self.epochs += 1;
        let high = self.log(part).len();
        self.owner.insert(part, member);
        self.say(format_args!("{part:?} goes to member {member} from {committed:?}"));
        let Some(owner) = self.members[member].as_mut() else { return };
        let topics = topics_of(owner.kind, &self.settings);
        let index = topics.iter().position(|topic| *topic == part.0).expect("one of its topics");
        let at = PartitionRef {
            topic: part.0.into(),
            topic_index: TopicIndex(u16::try_from(index).expect("few topics")),
            partition: part.1,
            epoch: self.epochs,
            slot: PartitionSlot(0),
        };
        let start = committed.unwrap_or(0);
        owner
            .owned
            .insert(part, Tenure { at: at.clone(), next: usize::try_from(start).unwrap_or(0) });
        let assigned = AssignedPartition {
            at,
            committed,
            metadata: metadata.unwrap_or_default(),
            low: 0,
            high: i64::try_from(high).unwrap_or(i64::MAX),
            start,
            topic_partitions: 2,
            frontier: Frontier::starting_at(start, std::thread::current()),
        };
        self.on_event(member, SourceEvent::Assigned(vec![assigned])).await;
    }

    fn log(&mut self, (topic, partition): Part) -> &mut Vec<super::world::LogRecord> {
        self.logs.entry((topic.to_owned(), partition)).or_default()
    }

    /// The partition is asked back in good order, or is another's before its owner knows.
    pub(super) async fn take_away(&mut self, member: usize, part: Part, lost: bool) {
        if lost {
            self.saw("partition lost");
            self.say(format_args!("member {member} loses {part:?}"));
            self.owner.remove(&part);
            let wait = self.draw.millis(0..=3_000);
            self.after(wait, Event::TellOfLoss { member, part });
            self.deal().await;
            return;
        }
        let Some(owner) = self.members[member].as_mut() else { return };
        if owner.going.is_some() {
            return;
        }
        let Some(tenure) = owner.owned.get(&part) else { return };
        let (revocation, answered) = Revocation::new(vec![tenure.at.clone()], false);
        owner.going = Some((part, answered));
        self.saw("partition revoked");
        self.say(format_args!("member {member} is asked for {part:?}"));
        self.on_event(member, SourceEvent::Revoking(revocation)).await;
    }

    pub(super) async fn tell_of_loss(&mut self, member: usize, part: Part) {
        let Some(loser) = self.members[member].as_mut() else { return };
        // It may have got it back meanwhile: then it was told of that instead.
        let Some(tenure) = loser.owned.get(&part) else { return };
        if self.owner.get(&part) == Some(&member) {
            return;
        }
        let (revocation, _) = Revocation::new(vec![tenure.at.clone()], true);
        loser.owned.remove(&part);
        self.on_event(member, SourceEvent::Revoking(revocation)).await;
    }

    pub(super) async fn on_event(&mut self, member: usize, event: SourceEvent<Vec<Intake>>) {
        self.work(member, |worker, now| worker.on_event(event, now).expect("no fatal event")).await;
    }

    /// Lets a worker do something, and whatever follows from it.
    pub(super) async fn work(
        &mut self,
        member: usize,
        act: impl FnOnce(&mut Worker<Line>, Instant),
    ) {
        let now = self.now();
        let Some(worked) = self.members[member].as_mut() else { return };
        let next_commit = worked.worker.next_commit;
        act(&mut worked.worker, now);
        worked.worker.turn(now);
        // What is settled after the commit of this turn is for the next one.
        worked.dirty = worked.worker.next_commit == next_commit;
        let waits = worked.worker.lanes.held() > 0;
        if waits {
            self.saw("order waited for its customer");
        }
        self.take_writes(member);
        self.take_commits(member);
        self.take_answer(member).await;
        self.plan_reading(member);
        self.set_wake(member);
    }

    pub(super) async fn wake(&mut self, member: usize, wake: u64) {
        if self.members[member].as_ref().is_some_and(|it| it.wake == wake) {
            self.work(member, |_, _| {}).await;
        }
    }

    fn set_wake(&mut self, member: usize) {
        let now = self.now();
        let Some(sleeper) = self.members[member].as_mut() else { return };
        let idle = sleeper.is_idle();
        if idle && !sleeper.dirty {
            return;
        }
        sleeper.wake += 1;
        let wake = sleeper.wake;
        let due = if idle { sleeper.worker.next_commit } else { sleeper.worker.next_wake(now) };
        let due = due.saturating_duration_since(now);
        self.after(due.max(Duration::from_millis(1)), Event::Wake { member, wake });
    }

    /// The partition that a worker was asked for is given up.
    async fn take_answer(&mut self, member: usize) {
        let Some(owner) = self.members[member].as_mut() else { return };
        let Some((part, answered)) = owner.going.take() else { return };
        let commits = match answered.try_recv() {
            Ok(commits) => commits,
            // It was lost meanwhile.
            Err(TryRecvError::Disconnected) => Vec::new(),
            Err(TryRecvError::Empty) => {
                owner.going = Some((part, answered));
                return;
            }
        };
        let process = owner.process;
        owner.owned.remove(&part);
        if self.owner.get(&part) != Some(&member) {
            return;
        }
        for commit in commits {
            self.commit(process, part, &commit);
        }
        self.say(format_args!("member {member} gives up {part:?}"));
        self.owner.remove(&part);
        Box::pin(self.deal()).await;
    }

    /// A process dies between two steps.
    pub(super) fn kill(&mut self, process: usize) {
        self.say(format_args!("process {process} is killed"));
        self.processes[process].alive = false;
        for member in self.processes[process].members.clone() {
            self.calls_of_the_dead(member);
            let numbers: Vec<u64> = self.writes.keys().copied().collect();
            for number in numbers {
                if self.writes[&number].member == member {
                    if self.writes[&number].handed.topic.ends_with("order-book") {
                        self.saw("killed while writing a lease");
                    }
                    if self.draw.percent(50) {
                        self.write_arrives(number);
                    }
                    self.writes.remove(&number);
                }
            }
            self.members[member] = None;
        }
        self.after(SESSION, Event::SessionOver(process));
        let wait = self.draw.millis(0..=5_000);
        self.after(wait, Event::Start);
    }

    /// A process stands still, and may lose its partitions meanwhile.
    pub(super) fn stand_still(&mut self, process: usize) {
        let wait = self.draw.millis(1_000..=70_000);
        self.say(format_args!("process {process} stands still for {wait:?}"));
        self.saw("process stood still");
        self.processes[process].still_until = self.clock.passed() + wait;
        self.after(SESSION, Event::SessionOver(process));
    }

    /// Its session is over: unless it is well, its partitions are others'.
    pub(super) async fn free_parts(&mut self, process: usize) {
        let Process { members, alive, still_until, .. } = &self.processes[process];
        let (members, alive, still_until) = (members.clone(), *alive, *still_until);
        if alive && still_until <= self.clock.passed() {
            return;
        }
        let lost: Vec<(Part, usize)> = self
            .owner
            .iter()
            .filter(|(_, owner)| members.contains(owner))
            .map(|(part, owner)| (*part, *owner))
            .collect();
        self.owner.retain(|_, owner| !members.contains(owner));
        for (part, member) in lost {
            // It hears of it when it goes on.
            self.after(Duration::ZERO, Event::TellOfLoss { member, part });
        }
        self.deal().await;
    }

    /// Until when the process of this event stands still.
    pub(super) fn stands_still_for(&self, event: &Event) -> Option<Duration> {
        let member = match event {
            Event::Wake { member, .. } | Event::Read(member) | Event::TellOfLoss { member, .. } => {
                *member
            }
            Event::CallEnds(call) => self.calls.get(call)?.member,
            Event::WriteEnds(write) => self.writes.get(write)?.member,
            _ => return None,
        };
        let still_until = self.processes[self.members[member].as_ref()?.process].still_until;
        still_until.checked_sub(self.clock.passed()).filter(|left| !left.is_zero())
    }
}
