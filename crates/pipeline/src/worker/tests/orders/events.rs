//! What happens: calls, writes, trouble, and its end.

use std::time::Duration;

use emberline_broker::{Delivered, ProduceError};
use emberline_wire::headers::DeadLetter;
use emberline_wire::order_book::decode_key;

use super::input::{Told, customer_id};
use super::service::{Asked, Ends};
use super::world::{CALL_TIMEOUT, Call, Event, LogRecord, PARTS, Part, Sabotage, World};

/// More rounds of the runtime than any task needs.
const YIELDS: u32 = 8;

impl World {
    pub(super) fn tell(&mut self, told: Told) {
        self.told.push(told);
        let topic = match told {
            Told::Customer(_) => "customers",
            Told::Order(_) => "orders",
        };
        let partition = i32::from(told.customer() % 2);
        self.say(format_args!("told: {told:?}"));
        let key = customer_id(told.customer()).into_bytes();
        self.append((topic.to_owned(), partition), Some(key), Some(told.value()), Vec::new());
    }

    fn append(
        &mut self,
        at: (String, i32),
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Vec<(String, Vec<u8>)>,
    ) -> i64 {
        let written_ms = self.clock.millis();
        let log = self.logs.entry(at).or_default();
        log.push(LogRecord { key, value, headers, written_ms });
        let offset = i64::try_from(log.len() - 1).unwrap_or(i64::MAX);
        for member in 0..self.members.len() {
            self.plan_reading(member);
        }
        offset
    }

    /// Calls that were begun reach the service.
    pub(super) async fn calls_arrive(&mut self) {
        for _ in 0..YIELDS {
            for (number, member, asked) in self.wires.arrived() {
                self.call_arrives(number, member, asked);
            }
            tokio::task::yield_now().await;
        }
    }

    fn call_arrives(&mut self, number: u64, member: usize, asked: Asked) {
        if let Asked::CreateOrder(order) = &asked {
            let now = self.clock.passed();
            let mut creating = self.calls.values().filter(|call| !call.over && call.until > now);
            let same = |it: &Call| matches!(&it.asked, Asked::CreateOrder(it) if it.number == order.number);
            if creating.any(same) {
                self.breach(format_args!("two calls for one order: {order:?}"));
            }
        }
        let (ends, acts) = self.verdict(&asked);
        let end = match ends {
            Ends::TimedOut => CALL_TIMEOUT,
            _ if !self.healed && self.draw.percent(15) => self.draw.millis(500..=8_000),
            _ => self.draw.millis(1..=100),
        };
        // A call that nobody waits for any more may be acted on for a while.
        let late = match ends {
            Ends::TimedOut | Ends::Broken | Ends::Unreadable | Ends::Status503 => {
                self.settings.delivery.claims.doubt.as_millis() - 1
            }
            _ => 0,
        };
        let act = (end.as_millis() + late) * u128::from(self.draw.within(0..=99)) / 100;
        self.say(format_args!(
            "call {number} of member {member}: {asked:?} -> {ends:?}{}",
            if acts { ", acts" } else { "" }
        ));
        let until = self.clock.passed() + end;
        self.calls.insert(number, Call { member, asked, ends, acts, until, over: false });
        let act = Duration::from_millis(u64::try_from(act).unwrap_or(0));
        if acts {
            self.after(act, Event::CallActs(number));
        }
        self.after(end, Event::CallEnds(number));
    }

    fn verdict(&mut self, asked: &Asked) -> (Ends, bool) {
        let objection = match asked {
            Asked::CreateOrder(order) if self.unwanted.contains(&order.number) => {
                Some(Ends::Refused)
            }
            Asked::CreateOrder(order) if !self.books.customers.contains(&order.customer) => {
                Some(Ends::UnknownCustomer)
            }
            _ => None,
        };
        let trouble = !self.healed && self.draw.percent(35);
        if !trouble {
            return (objection.unwrap_or(Ends::Answered), objection.is_none());
        }
        let ends = self.draw.pick(&[
            Ends::Status503,
            Ends::Unreadable,
            Ends::Broken,
            Ends::TimedOut,
            Ends::TimedOut,
            Ends::NotSent,
            Ends::Throttled,
        ]);
        let reached = !matches!(ends, Ends::NotSent | Ends::Throttled);
        let acts = reached && objection.is_none() && self.draw.percent(60);
        (ends, acts)
    }

    pub(super) fn call_acts(&mut self, number: u64) {
        let Some(call) = self.calls.get(&number).filter(|call| call.acts) else { return };
        let (asked, over, ends) = (call.asked.clone(), call.over, call.ends);
        let dead = self.members[call.member].is_none();
        match asked {
            Asked::CreateCustomer(customer) => {
                self.books.customers.insert(customer);
            }
            Asked::CreateOrder(order) => {
                self.say(format_args!("call {number} places {order:?}"));
                if dead {
                    self.saw("acted on after the death of who called");
                } else if over {
                    self.saw("acted on after its answer was given up");
                } else if ends != Ends::Answered {
                    self.saw("acted on, and the answer was lost");
                }
                self.saw(if order.formal { "formal order placed" } else { "test order placed" });
                if self.books.orders.iter().any(|other| other.number == order.number) {
                    self.breach(format_args!("placed twice: {order:?}"));
                }
                if self.sabotage != Some(Sabotage::DropsOrders) {
                    self.books.orders.push(order);
                }
                self.check_budget();
            }
            Asked::FindCustomer(_) | Asked::FindOrder(_) | Asked::ListOrders(_) => {}
        }
        if over {
            self.calls.remove(&number);
        }
    }

    pub(super) async fn call_ends(&mut self, number: u64) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| !call.over) else { return };
        // What acts later is still to come.
        call.over = true;
        let (member, asked, ends) = (call.member, call.asked.clone(), call.ends);
        if let Asked::FindOrder(wanted) = &asked
            && ends == Ends::Answered
            && self.books.orders.iter().any(|order| order.number == *wanted)
        {
            self.saw("answered: it is there");
        }
        self.say(format_args!("call {number} ends: {ends:?}"));
        if self.sabotage == Some(Sabotage::ForgetsOrders) {
            self.wires.end(number, ends, &super::service::Books::default(), &asked);
        } else {
            self.wires.end(number, ends, &self.books, &asked);
        }
        for _ in 0..YIELDS {
            let Some(caller) = self.members[member].as_mut() else { return };
            if let Ok(end) = caller.worker.calls.try_recv() {
                self.work(member, |worker, now| worker.call_ended(end, now)).await;
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(super) fn calls_of_the_dead(&mut self, member: usize) {
        let numbers: Vec<u64> = self.calls.keys().copied().collect();
        for number in numbers {
            let arrives = self.draw.percent(60);
            let Some(call) = self.calls.get_mut(&number) else { continue };
            if call.member != member || call.over {
                continue;
            }
            call.over = true;
            call.acts &= arrives;
            let what = match call.asked {
                Asked::CreateOrder(_) => "killed while creating",
                _ => "killed while asking",
            };
            self.saw(what);
            self.wires.forget(number);
        }
    }

    pub(super) fn write_arrives(&mut self, number: u64) {
        let Some(write) = self.writes.get(&number).filter(|write| write.offset.is_none()) else {
            return;
        };
        let member = write.member;
        let (topic, key) = (write.handed.topic.clone(), write.handed.key.clone());
        let (value, headers) = (write.handed.value.clone(), write.handed.headers.clone());
        if topic.ends_with("dead-letters") {
            let named = headers.iter().map(|(name, value)| (&**name, &**value));
            let letter = DeadLetter::from_headers(named).expect("headers of ours");
            self.saw(match &*letter.reason {
                "order_conflict" => "dead letter: order_conflict",
                "authorisations_used_up" => "dead letter: authorisations_used_up",
                "refused" => "dead letter: refused",
                _ => "dead letter: another",
            });
        } else if topic.contains(".retry.") {
            self.saw("parked");
        }
        let is_book = topic.ends_with("order-book");
        if is_book {
            self.note_lease(member, &key.clone().unwrap_or_default(), value.is_some());
        }
        let offset = self.append((topic, 0), key, value, headers);
        if let Some(write) = self.writes.get_mut(&number) {
            write.offset = Some(offset);
        }
        if is_book {
            for process in 0..self.processes.len() {
                let wait = self.draw.millis(0..=200);
                self.after(wait, Event::ReadBook(process));
            }
        }
    }

    fn note_lease(&mut self, member: usize, key: &[u8], begins: bool) {
        if !begins {
            self.leases.remove(key);
            return;
        }
        let (order_no, _) = decode_key(key).expect("a key of ours");
        let others = self
            .leases
            .values()
            .filter(|(other, whose)| other == order_no && *whose / 2 != member / 2);
        if others.count() > 0 {
            self.saw("the same order in two processes");
        }
        self.leases.insert(key.to_vec(), (order_no.to_owned(), member));
    }

    pub(super) async fn write_ends(&mut self, number: u64) {
        self.write_arrives(number);
        let Some(write) = self.writes.remove(&number) else { return };
        let result = match write.offset {
            Some(offset) if !write.unheard => Ok(Delivered { partition: 0, offset }),
            _ => Err(ProduceError::TimedOut),
        };
        let end = write.handed.ends(result);
        self.work(write.member, |worker, now| worker.write_ended(end, now)).await;
    }

    pub(super) async fn happening(&mut self) {
        let living: Vec<usize> =
            (0..self.processes.len()).filter(|it| self.processes[*it].alive).collect();
        if living.is_empty() {
            return;
        }
        if self.draw.percent(15) {
            let process = living[self.draw.below(living.len())];
            if self.processes[process].still_until <= self.clock.passed() {
                self.stand_still(process);
            }
            return;
        }
        if self.draw.percent(55) {
            let process = living[self.draw.below(living.len())];
            self.note_uncommitted(process);
            self.kill(process);
            return;
        }
        let parts: Vec<(Part, usize)> = self.owner.iter().map(|(part, it)| (*part, *it)).collect();
        if parts.is_empty() {
            return;
        }
        let (part, member) = parts[self.draw.below(parts.len())];
        let lost = self.draw.percent(40);
        self.take_away(member, part, lost).await;
    }

    fn note_uncommitted(&mut self, process: usize) {
        let of_it = |part: &Part| {
            self.owner.get(part).is_some_and(|it| self.processes[process].members.contains(it))
        };
        let uncommitted = PARTS
            .into_iter()
            .filter(|(part, _)| part.0 == "orders" && of_it(part))
            .any(|((topic, partition), _)| {
                let at = self.committed.get(&(topic, partition)).map_or(0, |(offset, _)| *offset);
                let log = self.logs.get(&(topic.to_owned(), partition));
                let rest = log.into_iter().flatten().skip(usize::try_from(at).unwrap_or(0));
                let told = rest.filter_map(|record| record.value.as_deref()).map(Told::read);
                told.into_iter().any(|told| match told {
                    Told::Order(order) => self.books.orders.contains(&order),
                    Told::Customer(_) => false,
                })
            });
        if uncommitted {
            self.saw("killed before the commit of an order that was placed");
        }
    }

    /// No more trouble: whoever is alive finishes.
    pub(super) async fn heal(&mut self) {
        self.healed = true;
        self.say(format_args!("everything heals"));
        self.start().await;
    }
}
