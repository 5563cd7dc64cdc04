//! Writes to the pipeline's own topics: late, reordered, failed, or done and said to have
//! failed.

use emberline_broker::{Delivered, ProduceError};
use emberline_model::Category;
use emberline_wire::customer_devices::for_each_device;
use emberline_wire::headers::{DeadLetter, RETRY_HEADER, RetryHeader};
use emberline_wire::receipt::{Receipt, Received};

use super::super::made_up::edges::Handed;
use super::input::{Fact, ReportKey, number_of};
use super::kafka::{
    CUSTOMER_DEVICES, DEAD_LETTERS, FACTS, Part, Place, RECEIPTS, is_set_aside, topic_of,
};
use super::story::later;
use super::world::{Event, World};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Written,
    /// Written, and said not to be.
    WrittenUnheard,
    NotWritten,
    TooLarge,
    /// The producer is of no use any more.
    Fatal,
}

pub(super) struct WriteInAir {
    pub(super) member: usize,
    process: usize,
    handed: Handed,
    /// What it carries.
    pub(super) facts: Vec<Fact>,
    origin: Option<Place>,
    fate: Fate,
    arrived: bool,
    /// Where it was written.
    offset: i64,
    /// Failed by the end of its producer.
    closed: bool,
}

impl World {
    /// What the worker has handed to its producer since the last look.
    pub(super) fn take_writes(&mut self, member: usize) {
        let Some(Some(writer)) = self.members.get(member) else { return };
        let process = writer.process;
        let (refused, handed) = {
            let mut desk = writer.desk.lock();
            (std::mem::take(&mut desk.refused), std::mem::take(&mut desk.handed))
        };
        for handed in refused {
            let (_, facts) = self.carried(&handed);
            self.sets_aside(member, &handed, &facts);
        }
        for handed in handed {
            let fate = self.fate_of(&handed);
            let (origin, facts) = self.carried(&handed);
            self.sets_aside(member, &handed, &facts);
            self.numbers += 1;
            let number = self.numbers;
            self.say(format_args!(
                "write {number} of member {member} to {}: {facts:?} of {origin:?}, {fate:?}",
                handed.topic
            ));
            let write = WriteInAir {
                member,
                process,
                handed,
                facts,
                origin,
                fate,
                arrived: false,
                offset: -1,
                closed: false,
            };
            self.writes.insert(number, write);
            let slow = if self.draw.percent(10) { 3_000 } else { 40 };
            let arrives = self.draw.millis(0..=slow);
            let ends = arrives + self.draw.millis(0..=slow);
            self.after(arrives, Event::WriteArrives(number));
            self.after(ends, Event::WriteEnds(number));
        }
    }

    /// A worker begins to write this, in a moment or later.
    fn sets_aside(&mut self, member: usize, handed: &Handed, facts: &[Fact]) {
        let Some(Some(writer)) = self.members.get(member) else { return };
        // What is tried again was begun before.
        if !writer.unwritten.contains_key(&handed.token) && is_unbound(handed) {
            self.check_parked_unbound(member, facts);
        }
        let Some(Some(writer)) = self.members.get_mut(member) else { return };
        writer.unwritten.insert(handed.token, facts.to_vec());
        let losing = writer.losing;
        for fact in facts {
            if let Fact::State { device, .. } = fact {
                self.story.states_given_up.insert(*device);
            }
            let Fact::Report(key) = fact else { continue };
            if let Some(told) = self.story.reports.get_mut(key) {
                told.set_aside = true;
            }
            if losing {
                // Its new owner has the record, too.
                self.excuse(*key);
            }
        }
    }

    fn fate_of(&mut self, handed: &Handed) -> Fate {
        let rough = self.rough_brokers && !self.healed;
        if !rough || self.draw.percent(60) {
            return Fate::Written;
        }
        let fate = self.draw.pick(&[
            Fate::WrittenUnheard,
            Fate::NotWritten,
            Fate::NotWritten,
            Fate::TooLarge,
            Fate::Fatal,
        ]);
        // Only what explains a dead letter can be cut off.
        let explains = |(name, value): &(String, Vec<u8>)| {
            name == DeadLetter::MESSAGE_HEADER && !value.is_empty()
        };
        let has_context = handed.headers.iter().any(explains);
        if fate == Fate::TooLarge && !has_context { Fate::NotWritten } else { fate }
    }

    /// Where the record first stood, and what of it is written.
    fn carried(&self, handed: &Handed) -> (Option<Place>, Vec<Fact>) {
        let topic = topic_of(&handed.topic);
        if !is_set_aside(topic) {
            return (None, Vec::new());
        }
        let (origin, categories) = if topic == DEAD_LETTERS {
            let headers = handed.headers.iter().map(|(name, value)| (&**name, &**value));
            let letter = DeadLetter::from_headers(headers).expect("headers of our own");
            let part: Part = (topic_of(&letter.topic), letter.partition);
            ((part, letter.offset), letter.part)
        } else {
            let header = retry_header(handed);
            let part: Part = (topic_of(&header.topic), header.partition);
            ((part, header.offset), header.categories)
        };
        let told = self.story.facts.get(&origin).cloned().unwrap_or_default();
        let codes: Option<Vec<u16>> =
            categories.map(|some| some.iter().map(Category::code).collect());
        let of_it = |fact: &Fact| match (&codes, fact.category()) {
            (None, _) => *fact != Fact::Nothing,
            (Some(codes), Some(category)) => codes.contains(&category),
            (Some(_), None) => false,
        };
        (Some(origin), told.into_iter().filter(of_it).collect())
    }

    pub(super) fn write_arrives(&mut self, number: u64) {
        let Some(write) = self.writes.get_mut(&number) else { return };
        let written = matches!(write.fate, Fate::Written | Fate::WrittenUnheard);
        if write.arrived || write.closed || !written {
            return;
        }
        write.arrived = true;
        let process = write.process;
        let Handed { topic, key, value, headers, .. } = &write.handed;
        let topic = topic_of(topic);
        let (parts, headers) = ((key.clone(), value.clone()), headers.clone());
        let (facts, origin, unheard) =
            (write.facts.clone(), write.origin, write.fate == Fate::WrittenUnheard);
        let partition = write.handed.partition;
        let header =
            (is_set_aside(topic) && topic != DEAD_LETTERS).then(|| retry_header(&write.handed));
        let letter = (topic == DEAD_LETTERS).then(|| {
            let headers = write.handed.headers.iter().map(|(name, value)| (&**name, &**value));
            DeadLetter::from_headers(headers).expect("headers of our own")
        });
        let now = self.clock.millis();
        if topic == CUSTOMER_DEVICES {
            self.set_is_durable(process, &parts);
        }
        if topic == RECEIPTS {
            self.receipt_is_durable(parts.1.as_deref().unwrap_or_default());
        }
        let place = if topic == FACTS {
            self.fact_is_mended(partition, parts)
        } else {
            self.log.append(topic, parts, headers, now, &mut self.draw)
        };
        self.say(format_args!("write {number} is durable at {place:?}"));
        if let Some(write) = self.writes.get_mut(&number) {
            write.offset = place.1;
        }
        if unheard {
            self.cover.saw("write done and said to have failed");
            for fact in &facts {
                if let Fact::Report(key) = fact {
                    self.excuse(*key);
                }
            }
        }
        if let Some(header) = header {
            for fact in &facts {
                self.story.parked.entry(*fact).or_default().push(place);
            }
            self.saw_park(&header.reason);
            self.story.facts.insert(place, facts);
            self.story.origins.extend(origin.map(|origin| (place, origin)));
            self.poke_readers();
        } else if let (Some(letter), Some(origin)) = (letter, origin) {
            self.saw_dead_letter(&letter.reason);
            for fact in facts {
                let reasons = self.story.dead.entry((origin, fact)).or_default();
                reasons.push(letter.reason.clone());
            }
        } else if topic == CUSTOMER_DEVICES {
            self.sets_to_project();
            for process in 0..self.processes.len() {
                self.table_is_behind(process);
            }
        }
    }

    /// A receipt is written: what it is about was accepted before.
    fn receipt_is_durable(&mut self, value: &[u8]) {
        let receipt = Receipt::decode(value).expect("a receipt of our own");
        self.cover.saw(match &receipt.received {
            Received::Data { .. } => "receipt: data",
            Received::State { .. } => "receipt: state",
            Received::Bindings { .. } => "receipt: bindings",
            Received::Customer | Received::Order { .. } => "receipt: claims",
        });
        match receipt.received {
            Received::Data { device_id, category, reports } => {
                let device = number_of(&device_id);
                for report in reports {
                    let second = report.time.seconds();
                    let key = ReportKey { device, category: category.code(), second };
                    let accepted = self.story.reports.get(&key).is_some_and(|it| it.accepted > 0);
                    if !accepted {
                        self.breach(12, format_args!("a receipt of {key:?}, never accepted"));
                    }
                    self.story.receipts.insert(key);
                }
            }
            Received::State { device_id, time_ms, .. } => {
                let of = (number_of(&device_id), time_ms / 1000);
                if !self.story.accepted_states.contains(&of) {
                    self.breach(12, format_args!("a receipt of the state {of:?}, never accepted"));
                }
            }
            Received::Bindings { bound, .. } => {
                let customer = number_of(&receipt.customer_id);
                for device in bound {
                    if !self.story.pushed.contains(&(customer, number_of(&device))) {
                        self.breach(12, format_args!("a receipt of {device}, never pushed"));
                    }
                }
            }
            Received::Customer | Received::Order { .. } => {}
        }
    }

    fn saw_park(&mut self, reason: &str) {
        self.cover.saw(match reason {
            "unbound" => "parked: unbound",
            "unknown_customer" => "parked: unknown customer",
            _ => "parked: transient",
        });
    }

    fn saw_dead_letter(&mut self, reason: &str) {
        self.cover.saw(match reason {
            "undecodable" => "dead letter: undecodable",
            "impossible_value" => "dead letter: impossible value",
            "refused" => "dead letter: refused",
            _ => "dead letter: too old",
        });
    }

    /// A customer's set is written: what it holds was pushed before.
    fn set_is_durable(
        &mut self,
        process: usize,
        (key, value): &(Option<Vec<u8>>, Option<Vec<u8>>),
    ) {
        let customer = key.as_deref().and_then(|key| std::str::from_utf8(key).ok());
        let customer = customer.map(number_of).unwrap_or_default();
        self.story.set_makers.entry(customer).or_default().insert(process);
        let mut entries = Vec::new();
        for_each_device(value.as_deref().unwrap_or_default(), |entry| {
            let second = entry.time.millis() / 1000;
            entries.push((number_of(entry.device_id), second, entry.bound));
        })
        .expect("a set of our own");
        for (device, second, bound) in entries {
            if bound && !self.story.pushed.contains(&(customer, device)) {
                self.breach(11, format_args!("{device} of {customer} was written, not pushed"));
            }
            later(&mut self.story.written_bindings, (customer, device), (second, bound));
        }
    }

    pub(super) async fn write_ends(&mut self, number: u64) {
        let Some(write) = self.writes.remove(&number) else { return };
        if self.members[write.member].is_none() {
            return;
        }
        let other = ProduceError::Other("sim".into());
        let result = match write.fate {
            _ if write.closed => Err(ProduceError::Closed),
            Fate::Written => Ok(Delivered { partition: 0, offset: write.offset }),
            Fate::WrittenUnheard => Err(ProduceError::TimedOut),
            Fate::NotWritten => Err(other),
            Fate::TooLarge => Err(ProduceError::TooLarge),
            Fate::Fatal => Err(ProduceError::Fatal("sim".into())),
        };
        if write.fate == Fate::Fatal && !write.closed {
            self.cover.saw("producer failed for good");
            for other in self.writes.values_mut().filter(|other| other.member == write.member) {
                other.closed = !other.arrived;
            }
        }
        if result.is_err() {
            self.cover.saw("write failed");
        }
        self.say(format_args!("write {number} ends: {result:?}"));
        let token = write.handed.token;
        if let Some(Some(writer)) = self.members.get_mut(write.member)
            && result.is_ok()
        {
            writer.unwritten.remove(&token);
        }
        let end = write.handed.ends(result);
        self.work(write.member, |worker, now| worker.write_ended(end, now)).await;
    }

    /// Writes of a worker that is gone: each is done all the same, or never.
    pub(super) fn orphan_writes(&mut self, member: usize) {
        let numbers: Vec<u64> = self.writes.keys().copied().collect();
        for number in numbers {
            if self.writes[&number].member != member {
                continue;
            }
            self.cover.saw("write under way at a death");
            if self.draw.percent(50) {
                self.write_arrives(number);
            }
            self.writes.remove(&number);
        }
    }
}

/// Whether this is parked for want of a binding.
fn is_unbound(handed: &Handed) -> bool {
    let is_retry = handed.headers.iter().any(|(name, _)| name == RETRY_HEADER);
    is_retry
        && is_set_aside(topic_of(&handed.topic))
        && topic_of(&handed.topic) != DEAD_LETTERS
        && retry_header(handed).reason == "unbound"
}

fn retry_header(handed: &Handed) -> RetryHeader {
    let header = handed.headers.iter().rev().find(|(name, _)| name == RETRY_HEADER);
    RetryHeader::decode(&header.expect("a retry has its header").1).expect("a header of our own")
}
