//! The fleet's expectation against what `emberline-wire` reads from its records. The two
//! share no code but the protobuf types.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use emberline_fleet::{Counts, Fleet, FleetPlan, FleetRecord, Formats, Topic};
use emberline_model::{Category, DeviceId, DeviceState, EventTime, Report};
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};
use emberline_wire::events::{decode_binding, decode_customer, decode_order};
use proptest::prelude::*;

const START_MS: i64 = 1_628_646_783_250;

/// Everything that a reader learns from a run of records.
#[derive(Default)]
struct Reading {
    counts: Counts,
    stories: BTreeMap<(DeviceId, Category), Vec<Report>>,
    newest_states: BTreeMap<DeviceId, DeviceState>,
    seen_reports: HashSet<(DeviceId, Report)>,
    seen_states: HashSet<(DeviceId, EventTime)>,
}

fn type_name(record: &FleetRecord) -> Option<&str> {
    let header = record.headers.iter().find(|(name, _)| *name == "emberline-type");
    header.map(|(_, value)| std::str::from_utf8(value).expect("a type name is ASCII"))
}

impl Reading {
    fn of<'a>(records: impl IntoIterator<Item = &'a FleetRecord>) -> Self {
        let mut reading = Self::default();
        let mut decoder = DeviceDecoder::new();
        for record in records.into_iter().filter(|record| record.topic == Topic::Devices) {
            let input = DeviceInput {
                value: Some(&record.value),
                type_name: type_name(record),
                timestamp: EventTime::from_millis(record.timestamp_ms),
            };
            reading.take(decoder.decode(input).ok(), &record.key);
        }
        reading
    }

    fn take(&mut self, decoded: Option<DeviceRecord>, key: &[u8]) {
        let counts = &mut self.counts;
        counts.records += 1;
        match decoded {
            None => counts.undecodable += 1,
            Some(DeviceRecord::Skipped(_)) => counts.skipped += 1,
            Some(DeviceRecord::State(state)) => {
                assert_eq!(state.device.as_str().as_bytes(), key);
                if !self.seen_states.insert((state.device.clone(), state.time)) {
                    counts.duplicate_states += 1;
                    return;
                }
                counts.states += 1;
                self.newest_states.insert(state.device.clone(), state);
            }
            Some(DeviceRecord::Telemetry(telemetry)) => {
                assert_eq!(telemetry.device.as_str().as_bytes(), key);
                counts.refused += telemetry.refused.len() as u64;
                counts.unknown_properties += u64::from(telemetry.unknown_properties);
                for report in telemetry.reports {
                    if !self.seen_reports.insert((telemetry.device.clone(), report)) {
                        counts.duplicate_reports += 1;
                        continue;
                    }
                    counts.reports += 1;
                    let story = (telemetry.device.clone(), report.category());
                    self.stories.entry(story).or_default().push(report);
                }
            }
        }
    }
}

/// Makes `messages` records, `apart_ms` apart, and then everything that still waits.
fn run(fleet: &mut Fleet, messages: i64, apart_ms: i64) -> Vec<FleetRecord> {
    let last_ms = START_MS + messages * apart_ms;
    let times = (START_MS..last_ms).step_by(usize::try_from(apart_ms).expect("some milliseconds"));
    let mut records: Vec<_> = times.map(|now_ms| fleet.next(now_ms)).collect();
    records.extend(std::iter::from_fn(|| fleet.rest(last_ms)));
    records
}

fn plan() -> impl Strategy<Value = FleetPlan> {
    let share = || prop_oneof![Just(0.0), 0.0..0.5, Just(1.0)];
    let formats = (0.0..1.0, 0.0..1.0, 0.0..1.0)
        .prop_map(|(platform, forwarded, protobuf)| Formats { platform, forwarded, protobuf });
    let sizes = (1_u32..60, 1_u32..9, any::<u64>(), 1_u8..=6);
    let shares = (share(), share(), 0.0..0.3, share(), share(), 0.0..0.6, share());
    (sizes, formats, shares).prop_map(|(sizes, formats, shares)| FleetPlan {
        devices: sizes.0,
        devices_per_customer: sizes.1,
        seed: sizes.2,
        most_properties: sizes.3,
        formats,
        duplicates: shares.0,
        not_telemetry: shares.1 * 0.3,
        undecodable: shares.2,
        impossible: shares.3,
        unknown_properties: shares.4,
        states: shares.5,
        unbound: shares.6,
        bind_later_after: Duration::from_secs(3),
        track: true,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// What is read from the records is exactly what the fleet says must come of them:
    /// each report once and in order, each record that breaks broken for the reader too.
    #[test]
    fn a_reader_finds_exactly_what_is_expected(plan in plan(), apart_ms in 1_i64..60) {
        let mut fleet = Fleet::new(plan, START_MS);
        let reading = Reading::of(&run(&mut fleet, 500, apart_ms));

        let expectation = fleet.expectation();
        prop_assert_eq!(&reading.counts, expectation.counts());
        let stories: BTreeMap<_, _> = expectation
            .stories()
            .map(|story| ((story.device, story.category), story.reports.to_vec()))
            .collect();
        prop_assert_eq!(reading.stories, stories);
        let states: BTreeMap<_, _> =
            expectation.final_states().map(|state| (state.device.clone(), state)).collect();
        prop_assert_eq!(reading.newest_states, states);
    }

    /// A device's reports come in the order of their times, and so do its states.
    #[test]
    fn no_device_goes_back_in_time(plan in plan(), apart_ms in 1_i64..2_000) {
        let plan = FleetPlan { duplicates: 0.0, ..plan };
        let reading = Reading::of(&run(&mut Fleet::new(plan, START_MS), 300, apart_ms));
        for reports in reading.stories.values() {
            prop_assert!(reports.is_sorted_by_key(|report| report.time));
        }
    }

    /// The same plan at the same times makes the same bytes; another seed others.
    #[test]
    fn a_seed_decides_every_byte(plan in plan(), apart_ms in 1_i64..500) {
        let other = FleetPlan { seed: plan.seed.wrapping_add(1), ..plan.clone() };
        let records = run(&mut Fleet::new(plan.clone(), START_MS), 100, apart_ms);
        prop_assert_eq!(&records, &run(&mut Fleet::new(plan, START_MS), 100, apart_ms));
        prop_assert_ne!(&records, &run(&mut Fleet::new(other, START_MS), 100, apart_ms));
    }

    /// Whoever is bound late is bound once, and at the end no device is without customer.
    #[test]
    fn every_device_is_bound_once_in_the_end(plan in plan(), apart_ms in 1_i64..60) {
        let devices = plan.devices;
        let mut fleet = Fleet::new(plan, START_MS);
        let mut records: Vec<_> = fleet.bindings().collect();
        records.extend(run(&mut fleet, 200, apart_ms));
        let owners: BTreeMap<_, _> =
            fleet.expectation().stories().map(|story| (story.device, story.customer)).collect();

        let mut bound = BTreeMap::new();
        for record in records.iter().filter(|record| record.topic == Topic::Bindings) {
            let binding = decode_binding(Some(&record.value), type_name(record)).unwrap().unwrap();
            prop_assert_eq!(binding.customer.as_str().as_bytes(), &record.key);
            prop_assert_eq!(binding.time.millis(), record.timestamp_ms);
            prop_assert_eq!(bound.insert(binding.device, binding.customer), None);
        }
        prop_assert_eq!(bound.len(), devices as usize);
        for (device, customer) in owners {
            prop_assert_eq!(bound.get(&device), Some(&customer));
        }
    }

    /// Every customer is told of, and orders a test order.
    #[test]
    fn customers_and_their_test_orders_can_be_read(plan in plan()) {
        let customers = plan.devices.div_ceil(plan.devices_per_customer) as usize;
        let fleet = Fleet::new(plan, START_MS);
        let mut told = HashSet::new();
        for (event, record) in fleet.customers() {
            let read = decode_customer(Some(&record.value), type_name(&record)).unwrap();
            prop_assert_eq!(read.as_ref(), Some(&event));
            let shown = format!("{record:?}");
            prop_assert!(!shown.contains(&event.phone_number));
            told.insert(event.customer);
        }
        prop_assert_eq!(told.len(), customers);
        for record in fleet.orders() {
            let order = decode_order(Some(&record.value), type_name(&record)).unwrap().unwrap();
            prop_assert!(order.item.test);
            prop_assert!(told.remove(&order.customer));
        }
        prop_assert!(told.is_empty());
    }
}

#[test]
fn the_default_fleet_has_the_shares_that_it_promises() {
    let plan = FleetPlan::default();
    let mut fleet = Fleet::new(plan.clone(), START_MS);
    let records = run(&mut fleet, 60_000, 1);
    let counts = fleet.expectation().counts();
    let messages = records.iter().filter(|record| record.topic == Topic::Devices).count();
    assert_eq!(counts.records, messages as u64);

    let share = |number: u64| f64::from(u32::try_from(number).unwrap()) / 60_000.0;
    assert!((0.008..0.013).contains(&share(counts.skipped)), "{counts:?}");
    assert!((0.0004..0.002).contains(&share(counts.undecodable)), "{counts:?}");
    assert!((0.03..0.06).contains(&share(counts.states)), "{counts:?}");
    assert!((0.1..0.3).contains(&share(counts.duplicate_reports)), "{counts:?}");
    assert!((1.4..2.2).contains(&share(counts.reports)), "{counts:?}");
    let late = records.iter().filter(|record| record.topic == Topic::Bindings).count();
    assert_eq!(late, 20);
}
