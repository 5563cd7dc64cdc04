//! The fleet itself: which device says what next.

use emberline_model::{CustomerEvent, EventTime, Report, ReportTime};

use crate::catalogue::Product;
use crate::damage::damage;
use crate::device::Device;
use crate::expectation::{Expectation, Made};
use crate::json::{JsonWriter, Names};
use crate::message::{Body, Flaw, Message, Method, Properties};
use crate::paperwork;
use crate::plan::{FleetPlan, Format};
use crate::protobuf;
use crate::record::{FleetRecord, Topic};
use crate::resend::Resends;
use crate::text::{TYPE_HEADER, push_device_id};

/// A fleet of devices.
///
/// First come [`bindings`](Self::bindings) (and the [`customers`](Self::customers), where
/// something needs them), then as many records as wanted by [`next`](Self::next), and at
/// the end [`rest`](Self::rest), so that no device stays unbound.
pub struct Fleet {
    plan: FleetPlan,
    start_ms: i64,
    now_ms: i64,
    rng: fastrand::Rng,
    devices: Vec<Device>,
    writer: JsonWriter,
    sequence: u64,
    resends: Resends,
    /// Every device below it is bound.
    unbound_from: u32,
    expectation: Expectation,
}

impl Fleet {
    /// A fleet whose bindings date from `start_ms`, in Unix milliseconds.
    pub fn new(mut plan: FleetPlan, start_ms: i64) -> Self {
        plan.devices = plan.devices.max(1);
        let start_ms = start_ms.max(0);
        let mut rng = fastrand::Rng::with_seed(plan.seed);
        let devices = (0..plan.devices)
            .map(|device| Device::new(&mut rng, plan.format_of(device), start_ms))
            .collect();
        let expectation = Expectation::new(plan.clone());
        Self {
            plan,
            start_ms,
            now_ms: start_ms,
            rng,
            devices,
            writer: JsonWriter::default(),
            sequence: 0,
            resends: Resends::default(),
            unbound_from: 0,
            expectation,
        }
    }

    /// Every customer with its event.
    pub fn customers(&self) -> impl Iterator<Item = (CustomerEvent, FleetRecord)> {
        (0..paperwork::customers(&self.plan))
            .map(|customer| paperwork::customer(&self.plan, customer, self.start_ms))
    }

    /// A test order of every customer.
    pub fn orders(&self) -> impl Iterator<Item = FleetRecord> {
        (0..paperwork::customers(&self.plan))
            .map(|customer| paperwork::order(&self.plan, customer, self.start_ms))
    }

    /// The bindings that there are at the start.
    pub fn bindings(&self) -> impl Iterator<Item = FleetRecord> {
        (0..self.plan.devices)
            .filter(|device| !self.plan.is_bound_later(*device))
            .map(|device| paperwork::binding(&self.plan, device, self.start_ms))
    }

    /// The next record: what is [`due`](Self::due), otherwise a new
    /// [`message`](Self::message).
    pub fn next(&mut self, now_ms: i64) -> FleetRecord {
        self.due(now_ms).unwrap_or_else(|| self.message(now_ms))
    }

    /// A late binding or a message to be sent again, if one is due by `now_ms`. As in all
    /// calls, a time before that of the call before counts as that one.
    pub fn due(&mut self, now_ms: i64) -> Option<FleetRecord> {
        self.now_ms = self.now_ms.max(now_ms);
        let after_ms = i64::try_from(self.plan.bind_later_after.as_millis()).unwrap_or(i64::MAX);
        let is_bound = self.now_ms >= self.start_ms.saturating_add(after_ms);
        let binding = if is_bound { self.late_binding() } else { None };
        binding.or_else(|| self.sent_again(self.now_ms))
    }

    /// A new message of some device.
    pub fn message(&mut self, now_ms: i64) -> FleetRecord {
        self.now_ms = self.now_ms.max(now_ms);
        self.new_message()
    }

    /// What still waits, whether it is due or not: the late bindings, then what was to be
    /// sent again. `None` once nothing is left.
    pub fn rest(&mut self, now_ms: i64) -> Option<FleetRecord> {
        self.now_ms = self.now_ms.max(now_ms);
        self.late_binding().or_else(|| self.sent_again(i64::MAX))
    }

    /// What must come of all records handed out so far.
    pub const fn expectation(&self) -> &Expectation {
        &self.expectation
    }

    fn late_binding(&mut self) -> Option<FleetRecord> {
        let waiting = self.unbound_from..self.plan.devices;
        let device = waiting.into_iter().find(|device| self.plan.is_bound_later(*device));
        self.unbound_from = device.map_or(self.plan.devices, |device| device + 1);
        device.map(|device| paperwork::binding(&self.plan, device, self.now_ms))
    }

    fn sent_again(&mut self, due_by_ms: i64) -> Option<FleetRecord> {
        let (record, made) = self.resends.take(due_by_ms, self.now_ms)?;
        self.expectation.count(made, true);
        Some(record)
    }

    fn new_message(&mut self) -> FleetRecord {
        let number = self.rng.u32(..self.plan.devices);
        self.devices[number as usize].advance(self.now_ms);
        let is_damaged = self.rng.f64() < self.plan.undecodable;
        let body = if is_damaged { self.report(number) } else { self.body(number) };
        let device = &self.devices[number as usize];
        self.sequence += 1;
        let message = Message { time_ms: device.clock_ms(), sequence: self.sequence, body };
        let made = if is_damaged { Made::Undecodable } else { self.expect(number, &message) };
        self.expectation.count(made, false);
        let mut record = self.spell(number, &message);
        if is_damaged {
            let format = self.devices[number as usize].habits.format;
            let device_name = &record.key[Product::of(number).id.len() + 1..];
            damage(&mut self.rng, format, device_name, &mut record.value);
        }
        if self.rng.f64() < self.plan.duplicates {
            self.resends.keep(&mut self.rng, record.clone(), made);
        }
        record
    }

    /// Chooses what a device says. One that is offline comes back before it says more.
    fn body(&mut self, number: u32) -> Body {
        let device = &mut self.devices[number as usize];
        let chance = self.rng.f64();
        if chance < self.plan.not_telemetry {
            return Body::Other(Method::choose(&mut self.rng, device.habits.format));
        }
        // Each going offline brings a coming back with it.
        let turns =
            !device.is_online() || chance < self.plan.not_telemetry + self.plan.states / 2.0;
        if turns && let Some(status) = device.turn(&mut self.rng) {
            return Body::State(status);
        }
        self.report(number)
    }

    fn report(&mut self, number: u32) -> Body {
        let device = &mut self.devices[number as usize];
        let format = device.habits.format;
        let most = match self.rng.u8(..20) {
            0..5 => 1,
            5..14 => 2,
            14..18 => 3,
            18 => 4,
            _ => 5,
        };
        let most = most.min(usize::from(self.plan.most_properties));
        let samples = device.sample(&mut self.rng, Product::of(number), most);
        let mut properties = Properties { samples, ..Properties::default() };
        if self.rng.f64() < self.plan.impossible
            && let Some(last) = properties.samples.last()
        {
            properties.flaw = Flaw::choose(&mut self.rng, format, last.category);
        }
        if format != Format::Protobuf && self.rng.f64() < self.plan.unknown_properties {
            properties.unknown = self.rng.u8(1..=4);
        }
        Body::Report(properties)
    }

    fn spell(&mut self, number: u32, message: &Message) -> FleetRecord {
        let habits = self.devices[number as usize].habits;
        let product_id = Product::of(number).id;
        let mut key = Vec::with_capacity(24);
        push_device_id(&mut key, number);
        let device_name = &key[product_id.len() + 1..];
        let names = Names { product_id: product_id.as_bytes(), device_name };
        let (value, headers) = match habits.format {
            Format::Platform => (self.writer.platform(names, habits, message), Vec::new()),
            Format::Forwarded => (self.writer.forwarded(names, habits, message), Vec::new()),
            Format::Protobuf => {
                let device_name = String::from_utf8_lossy(device_name);
                let (value, name) = protobuf::device_message(product_id, &device_name, message);
                (value, vec![(TYPE_HEADER, name.as_bytes().to_vec())])
            }
        };
        FleetRecord { topic: Topic::Devices, key, value, headers, timestamp_ms: self.now_ms }
    }

    /// Notes what must come of a message.
    fn expect(&mut self, number: u32, message: &Message) -> Made {
        match &message.body {
            Body::Other(_) => Made::NoTelemetry,
            Body::State(status) => {
                let time_ms = match self.devices[number as usize].habits.format {
                    Format::Protobuf => message.time_ms,
                    Format::Platform | Format::Forwarded => message.time_ms.div_euclid(1000) * 1000,
                };
                self.expectation.expect_state(number, EventTime::from_millis(time_ms), *status);
                Made::State
            }
            Body::Report(properties) => {
                let refused = u8::from(properties.flaw.is_some());
                let (good, _) =
                    properties.samples.split_at(properties.samples.len() - usize::from(refused));
                let time = ReportTime::from_seconds(message.time_ms.div_euclid(1000));
                if let Some(time) = time.filter(|_| self.expectation.is_tracking()) {
                    for sample in good {
                        let measurement = sample.measurement();
                        self.expectation.expect_report(number, Report { time, measurement });
                    }
                }
                #[expect(clippy::cast_possible_truncation, reason = "6 at most")]
                let good = good.len() as u8;
                Made::Report { good, refused, unknown: properties.unknown }
            }
        }
    }
}
