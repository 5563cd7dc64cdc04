//! Calls to the service: what they carry, what comes of them.

use std::time::Duration;

use super::super::super::Worker;
use super::input::{ReportKey, number_of};
use super::kafka::{Part, topic_of};
use super::service::{Answer, Line, Seen};
use super::story::AcceptedState;
use super::world::{Event, Sabotage, World};
use crate::lane::{About, Action, What};

/// More rounds of the runtime than any task needs.
const MOST_YIELDS: u32 = 100;

/// Longest that a call takes, hung ones included: the client's own limit.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// Where the numbers of calls begin that are made twice on purpose.
const TWIN: u64 = 1 << 40;

/// A call that has left its worker.
pub(super) struct CallInAir {
    pub(super) member: usize,
    pub(super) process: usize,
    pub(super) seen: Seen,
    /// Epoch, partition and offset of each of its items.
    pub(super) items: Vec<(u64, Part, i64)>,
    /// Of a state: when it was.
    second: Option<i64>,
    answer: Answer,
    acts: bool,
    began: Duration,
    /// Whoever made it is gone.
    pub(super) orphan: bool,
}

impl CallInAir {
    pub(super) fn reports(&self) -> Vec<ReportKey> {
        let Seen { device, category, .. } = self.seen;
        let Some(device) = device.filter(|_| self.seen.action == Action::ReportData) else {
            return Vec::new();
        };
        let key = |second: &i64| ReportKey { device, category, second: *second };
        self.seen.seconds.iter().map(key).collect()
    }

    fn is_of_lane(&self, other: &Seen) -> bool {
        let mine = &self.seen;
        mine.action == other.action
            && match mine.action {
                Action::ReportData => {
                    (mine.device, mine.category) == (other.device, other.category)
                }
                Action::ReportState => mine.device == other.device,
                _ => mine.customer == other.customer,
            }
    }
}

impl World {
    /// Calls that the worker has begun reach the service.
    pub(super) async fn calls_arrive(&mut self, member: usize) {
        for _ in 0..MOST_YIELDS {
            for (number, of, seen) in self.service.arrived() {
                self.call_arrives(number, of, seen);
            }
            let Some(caller) = self.members[member].as_ref() else { return };
            let in_air = self.calls.values().filter(|call| call.member == member);
            if in_air.count() >= caller.worker.in_calls {
                return;
            }
            tokio::task::yield_now().await;
        }
        self.breach(0, format_args!("a call of member {member} was begun and never made"));
    }

    fn call_arrives(&mut self, number: u64, member: usize, seen: Seen) {
        let Some(caller) = self.members[member].as_ref() else { return };
        let process = caller.process;
        let Carried { items, second, bisected } = Carried::by(&caller.worker, &seen);
        let stale = items.iter().any(|(epoch, part, _)| !self.is_current(member, *epoch, *part));
        if self.sabotage == Some(Sabotage::CallsTwice) && number < TWIN && self.draw.percent(5) {
            self.call_arrives(number + TWIN, member, seen.clone());
        }
        let (answer, acts) = self.verdict(&seen);
        let (act_in, end_in) = self.latency(answer);
        self.say(format_args!(
            "call {number} of member {member}: {:?} {:?}/{} {:?}{:?} -> {answer:?}{}",
            seen.action,
            seen.device.or(seen.customer),
            seen.category,
            seen.seconds,
            seen.devices,
            if acts { ", acts" } else { "" },
        ));
        let lane_busy = self
            .calls
            .values()
            .any(|call| call.process == process && !call.orphan && call.is_of_lane(&seen));
        if lane_busy {
            self.breach(3, format_args!("two calls of a lane at once: {seen:?}"));
        }
        self.check_rate(process);
        if seen.action == Action::ReportData {
            self.check_joined(member, &seen);
        }
        self.saw_call(&seen, answer, acts);
        let call = CallInAir {
            member,
            process,
            seen,
            items,
            second,
            answer,
            acts,
            began: self.clock.passed(),
            orphan: false,
        };
        if bisected {
            self.cover.saw("batch halved to find a guilty one");
        }
        if stale {
            // Its new owner sends the same.
            self.cover.saw("call of a tenure that is over");
            for key in call.reports() {
                self.excuse(key);
            }
        }
        self.calls.insert(number, call);
        if acts {
            self.after(act_in, Event::CallActs(number));
        }
        self.after(end_in, Event::CallEnds(number));
    }

    fn saw_call(&mut self, seen: &Seen, answer: Answer, acts: bool) {
        self.cover.saw(match seen.action {
            Action::ReportData => "call: data",
            Action::ReportState => "call: state",
            Action::BindDevice => "call: bindings",
            _ => "call: claims",
        });
        self.cover.saw(match answer {
            Answer::Accepted => "answer: accepted",
            Answer::Refused => "answer: refused",
            Answer::UnknownCustomer => "answer: unknown customer",
            Answer::Status503 | Answer::InternalError | Answer::Unreadable => "answer: failed",
            Answer::Broken | Answer::NoConnection => "answer: none",
            Answer::TimedOut => "answer: not in time",
            Answer::Throttled | Answer::ThrottledFor(_) => "answer: slow down",
            Answer::BadSignature | Answer::Status401 => "answer: credentials",
        });
        if acts && answer != Answer::Accepted {
            self.cover.saw("acted on, and failed");
        }
        if seen.seconds.len() > 1 {
            self.cover.saw("call with many reports");
        }
    }

    pub(super) fn call_acts(&mut self, number: u64) {
        let Some(call) = self.calls.get(&number).filter(|call| call.acts) else { return };
        self.say(format_args!("call {number} acts"));
        let (member, orphan, answer) = (call.member, call.orphan, call.answer);
        let mut reports = call.reports();
        let (seen, second, items) = (call.seen.clone(), call.second, call.items.clone());
        if orphan {
            self.cover.saw("call of the dead arrives");
        }
        match seen.action {
            Action::BindDevice => {
                let customer = seen.customer.unwrap_or_default();
                self.story.pushed.extend(seen.devices.iter().map(|device| (customer, *device)));
            }
            Action::ReportState => {
                let epoch = items.first().map_or(0, |item| item.0);
                let fresh =
                    items.iter().all(|(epoch, part, _)| self.is_current(member, *epoch, *part));
                let Some(second) = second else { return };
                let device = seen.device.unwrap_or_default();
                let online = seen.online;
                self.accept_state(device, AcceptedState { second, online, epoch }, fresh);
            }
            Action::ReportData => {
                let known = (seen.customer.unwrap_or_default(), seen.device.unwrap_or_default());
                if !self.story.pushed.contains(&known) {
                    self.breach(
                        11,
                        format_args!("data of {known:?} before their binding: {seen:?}"),
                    );
                }
                match self.sabotage.filter(|_| self.draw.percent(10)) {
                    Some(Sabotage::ForgetsReport) => reports.truncate(reports.len() - 1),
                    Some(Sabotage::TakesTwice) => reports.extend(reports.clone()),
                    _ => {}
                }
                if self.sabotage == Some(Sabotage::TakesInReverse) {
                    reports.reverse();
                }
                for key in reports {
                    if answer != Answer::Accepted {
                        self.excuse(key);
                    }
                    self.accept_report(key);
                }
            }
            _ => unreachable!("nothing is claimed in these worlds"),
        }
    }

    /// Whether the coordinator takes this tenure for the owner of its partition.
    fn is_current(&self, member: usize, epoch: u64, part: Part) -> bool {
        let Some(Some(owner)) = self.members.get(member) else { return false };
        self.groups[owner.kind as usize].owner.get(&part) == Some(&member)
            && owner.owned.get(&part).is_some_and(|tenure| tenure.at.epoch == epoch)
    }

    pub(super) async fn call_ends(&mut self, number: u64) {
        let Some(call) = self.calls.remove(&number) else { return };
        if call.orphan || self.members[call.member].is_none() {
            self.service.forget(number);
            return;
        }
        self.say(format_args!("call {number} ends: {:?}", call.answer));
        let fenced =
            call.items.iter().any(|(epoch, part, _)| !self.is_current(call.member, *epoch, *part));
        if fenced {
            self.cover.saw("late acknowledgement");
            for key in call.reports().into_iter().filter(|_| call.answer != Answer::Accepted) {
                // What waited for it in a new tenure may find that it was told again behind.
                if let Some(told) = self.story.reports.get_mut(&key) {
                    told.set_aside = true;
                }
            }
        }
        let hidden = self.sabotage == Some(Sabotage::HidesRefusedCredentials)
            && call.answer.refuses_credentials();
        self.service.answer(number, if hidden { Answer::Refused } else { call.answer });
        for _ in 0..MOST_YIELDS {
            let Some(caller) = self.members[call.member].as_mut() else { return };
            if let Ok(end) = caller.worker.calls.try_recv() {
                let mut settled = None;
                let refused = call.answer.refuses_credentials();
                let silent = self.is_in_outage(&call);
                self.work(call.member, |worker, now| {
                    let before = super::laws::given_up(worker);
                    worker.call_ended(end, now);
                    settled = (super::laws::given_up(worker) != before).then_some(());
                })
                .await;
                if settled.is_some() && refused {
                    self.breach(9, format_args!("refused credentials settled {:?}", call.seen));
                }
                // A state that is too old is given up whatever the service does.
                if settled.is_some() && silent && call.seen.action != Action::ReportState {
                    self.breach(9, format_args!("an outage parked {:?}", call.seen));
                }
                return;
            }
            tokio::task::yield_now().await;
        }
        self.breach(0, format_args!("the end of call {number} never reached its worker"));
    }

    /// Whether nothing was answered since before the call.
    fn is_in_outage(&mut self, call: &CallInAir) -> bool {
        if !call.answer.is_silence() {
            self.last_answer = self.clock.passed();
        }
        let began = self.weather_began;
        self.weather.is_outage() && call.began > began && self.last_answer < began
    }

    /// Calls of a worker that is gone: each may still arrive for a while, or never.
    pub(super) fn orphan_calls(&mut self, member: usize) {
        let numbers: Vec<u64> = self.calls.keys().copied().collect();
        for number in numbers {
            let arrives = self.draw.percent(50);
            let Some(call) = self.calls.get_mut(&number).filter(|call| call.member == member)
            else {
                continue;
            };
            self.cover.saw("call in flight at a death");
            call.orphan = true;
            call.acts &= arrives;
            self.service.forget(number);
        }
    }
}

/// What of the worker is in a call.
struct Carried {
    items: Vec<(u64, Part, i64)>,
    /// Of a state: when it was.
    second: Option<i64>,
    /// A guilty item is being looked for.
    bisected: bool,
}

impl Carried {
    fn by(worker: &Worker<Line>, seen: &Seen) -> Self {
        let mut carried = Self { items: Vec::new(), second: None, bisected: false };
        for (lane, item) in worker.lanes.items_in_calls() {
            let of_it = match &lane.about {
                About::Data { device, category } => {
                    seen.action == Action::ReportData
                        && Some(number_of(device.as_str())) == seen.device
                        && category.code() == seen.category
                }
                About::State { device } => {
                    seen.action == Action::ReportState
                        && Some(number_of(device.as_str())) == seen.device
                }
                About::Bindings { customer } => {
                    seen.action == Action::BindDevice
                        && Some(number_of(customer.as_str())) == seen.customer
                }
                About::Customer { .. }
                | About::Orders { .. }
                | About::Records { .. }
                | About::Set { .. } => false,
            };
            if !of_it {
                continue;
            }
            let record = worker.records.get(item.record);
            let at = &worker.records.partitions[record.partition].at;
            let part = (topic_of(&at.topic), at.partition);
            carried.items.push((at.epoch, part, record.offset));
            carried.bisected |= lane.suspects > 0;
            if let What::State { time, .. } = &item.what {
                carried.second = Some(time.millis() / 1000);
            }
        }
        carried
    }
}
