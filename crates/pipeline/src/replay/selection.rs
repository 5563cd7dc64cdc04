//! Which records of a range are meant, and what of each: decided where they are read.

use std::time::Duration;

use emberline_flow::newest::counts_as;
use emberline_model::{CustomerId, DeviceId, DeviceKey, DeviceState, EventTime, OnlineStatus};
use emberline_wire::device::{DeviceRecord, Telemetry};
use emberline_wire::headers::{Categories, DeadLetter};
use hashbrown::HashMap;

use super::copies::Part;
use super::{Copies, Marks, Places};
use crate::intake::Content;
use crate::table::Bindings;

/// Where a record stands, and its time in Unix milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) timestamp_ms: i64,
    /// Of the record that it first was.
    pub(crate) arrival: EventTime,
}

/// The newest state that is known of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewestState {
    /// The time that it counts as, beside others of its device.
    pub counts_as: EventTime,
    /// When it was.
    pub time: EventTime,
    /// What it was; `None` where only its time is known.
    pub status: Option<OnlineStatus>,
}

/// What is meant of a range. All that is empty or `None` means everything.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// These devices.
    pub devices: Vec<DeviceId>,
    /// What these customers have bound now, and their own events.
    pub customers: Vec<CustomerId>,
    /// Devices of these product ids.
    pub products: Vec<String>,
    /// Data of these categories, and no states.
    pub categories: Option<Categories>,
    /// States, and no data.
    pub states_only: bool,
    /// Records of these Unix milliseconds: from the first to before the second.
    pub only_ms: Option<(i64, i64)>,
    /// Only what has no receipt.
    pub missing_only: bool,
    /// What has a receipt: left out.
    pub accepted: Marks,
    /// Of the records of the topic only these, and of each only these categories.
    pub places: Option<Places>,
    /// The newest state of a device that is known: older ones are left out.
    pub newest_states: HashMap<DeviceKey, NewestState>,
    /// So long after its arrival a state's time may lie, as in live delivery; set by the plan.
    pub states_known: Duration,
    /// An earlier run may have sent something and did not see what became of it: where that
    /// was an older state, the newest is sent after it.
    pub goes_on: bool,
    /// Dead letters for these reasons.
    pub reasons: Vec<String>,
    /// Dead letters with these error codes, upper or lower case.
    pub codes: Vec<String>,
    /// Dead letters whose record first stood on these topics.
    pub topics: Vec<String>,
    /// Which dead letters have newer ones.
    pub copies: Copies,
    /// Dead letters that were redriven so often are left where they are.
    pub most_redriven: u32,
}

impl Selection {
    /// What of a dead letter is meant, as far as its headers tell; `None`: nothing.
    pub(crate) fn part_of(&self, letter: &DeadLetter, redriven: u32) -> Option<Part> {
        let is_code = |code: &String| {
            letter.error_code.as_ref().is_some_and(|it| it.eq_ignore_ascii_case(code))
        };
        let reason = self.reasons.is_empty() || self.reasons.contains(&letter.reason);
        let code = self.codes.is_empty() || self.codes.iter().any(is_code);
        let topic = self.topics.is_empty() || self.topics.contains(&letter.topic);
        (reason && code && topic).then(|| self.copies.newest_of(letter, redriven)).flatten()
    }

    /// What is meant of a record, and of its part.
    pub(crate) fn of(
        &self,
        content: Content,
        Place { partition, offset, timestamp_ms, arrival }: Place,
        Part(mut part): Part,
        bindings: &Bindings,
    ) -> Content {
        let in_time = self.only_ms.is_none_or(|(from, to)| (from..to).contains(&timestamp_ms));
        if !in_time {
            return Content::NotSelected;
        }
        if let Some(places) = &self.places {
            match places.get(&(partition, offset)) {
                Some(of_place) => part = part.or(*of_place),
                None => return Content::NotSelected,
            }
        }
        match content {
            Content::Device(DeviceRecord::Telemetry(telemetry)) => {
                self.telemetry(telemetry, part, bindings)
            }
            Content::Device(DeviceRecord::State(state)) => self.state(state, arrival, bindings),
            Content::Binding(event) => {
                let meant = self.is_of_any_kind() && self.takes_id(&event.device);
                let customer = self.takes_customer(&event.customer);
                if meant && customer { Content::Binding(event) } else { Content::NotSelected }
            }
            Content::Customer(event) => {
                let meant = self.is_of_any_device() && self.takes_customer(&event.customer);
                if meant { Content::Customer(event) } else { Content::NotSelected }
            }
            Content::Order(event) => {
                let meant = self.is_of_any_device() && self.takes_customer(&event.customer);
                if meant { Content::Order(event) } else { Content::NotSelected }
            }
            // Whose it is can't be told, or it says nothing.
            other => {
                let any = self.is_of_any_device() && self.customers.is_empty();
                if any && !self.missing_only { other } else { Content::NotSelected }
            }
        }
    }

    fn telemetry(
        &self,
        mut telemetry: Telemetry,
        part: Option<Categories>,
        bindings: &Bindings,
    ) -> Content {
        if self.states_only || !self.takes_device(&telemetry.device, bindings) {
            return Content::NotSelected;
        }
        let key = telemetry.device.key();
        let is_meant = |category| {
            self.categories.is_none_or(|wanted| wanted.contains(category))
                && part.is_none_or(|part| part.contains(category))
        };
        telemetry
            .reports
            .retain(|it| is_meant(it.category()) && !self.accepted.has_report(key, it));
        // What can't be sent has no receipt and never will: it is a dead letter since it came.
        telemetry.refused.retain(|refusal| !self.missing_only && is_meant(refusal.category));
        if self.missing_only || self.categories.is_some() || part.is_some() {
            telemetry.unknown_properties = 0;
        }
        let left = telemetry.reports.len() + telemetry.refused.len();
        if left == 0 && telemetry.unknown_properties == 0 {
            return Content::NotSelected;
        }
        Content::Device(DeviceRecord::Telemetry(telemetry))
    }

    fn state(&self, state: DeviceState, arrival: EventTime, bindings: &Bindings) -> Content {
        if !self.takes_states_of(&state.device, bindings) {
            return Content::NotSelected;
        }
        let newest = self.newest_states.get(&state.device.key());
        let time = counts_as(state.time, arrival, self.states_known);
        let newer = newest.filter(|newest| newest.counts_as > time);
        match newer.map(|newer| (newer.time, newer.status)) {
            Some((time, Some(status))) if self.goes_on => {
                Content::Superseded(Some(DeviceState { time, status, ..state }))
            }
            _ if self.accepted.has_state(&state) => Content::NotSelected,
            Some(_) => Content::Superseded(None),
            None => Content::Device(DeviceRecord::State(state)),
        }
    }

    /// Whether states of a device are meant: some of them.
    pub(crate) fn takes_states_of(&self, device: &DeviceId, bindings: &Bindings) -> bool {
        self.categories.is_none() && self.takes_device(device, bindings)
    }

    fn takes_device(&self, device: &DeviceId, bindings: &Bindings) -> bool {
        self.takes_id(device)
            && (self.customers.is_empty() || {
                let table = &bindings.table;
                let customer = table.customer_of(device.key());
                let customer = customer.and_then(|customer| table.customer_id(customer));
                customer.is_some_and(|customer| self.customers.contains(&customer))
            })
    }

    fn takes_id(&self, device: &DeviceId) -> bool {
        let product = || self.products.iter().any(|product| product == device.product_id());
        (self.devices.is_empty() || self.devices.contains(device))
            && (self.products.is_empty() || product())
    }

    fn takes_customer(&self, customer: &CustomerId) -> bool {
        self.customers.is_empty() || self.customers.contains(customer)
    }

    fn is_of_any_kind(&self) -> bool {
        self.categories.is_none() && !self.states_only && !self.missing_only
    }

    fn is_of_any_device(&self) -> bool {
        self.is_of_any_kind() && self.devices.is_empty() && self.products.is_empty()
    }
}
