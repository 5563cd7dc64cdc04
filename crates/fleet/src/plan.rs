//! What a fleet is like.

use std::time::Duration;

/// How many devices there are, what they send, and how much of it is out of the
/// ordinary. Shares are 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPlan {
    /// Number of devices, at least 1. Default 2,000.
    pub devices: u32,
    /// Devices of one customer, at least 1. Default 3.
    pub devices_per_customer: u32,
    /// The same seed makes the same events. Default 1.
    pub seed: u64,
    /// Which share of the devices sends in which format.
    pub formats: Formats,
    /// Most properties in one report, 1 to 6; fewer where a product has fewer. By
    /// default 6: about 2 on average. 1 makes every message one report.
    pub most_properties: u8,
    /// Share of messages that are sent again after 1 s; some of them once more after
    /// 3 s and after 10 s, as the platform does without an answer. Default 0.1.
    pub duplicates: f64,
    /// Share of messages that are no telemetry: other methods, empty reports.
    /// Default 0.01.
    pub not_telemetry: f64,
    /// Share of messages that can't be read. Default 0.001.
    pub undecodable: f64,
    /// Share of messages with a property whose value is none. Default 0.
    pub impossible: f64,
    /// Share of messages with properties outside of the standard thing model. Only JSON
    /// can carry them. Default 0.
    pub unknown_properties: f64,
    /// Share of messages that tell a device's going on- or offline. Default 0.05.
    pub states: f64,
    /// Share of devices that are not bound at the start. Default 0.01.
    pub unbound: f64,
    /// How long after the start they are bound. Default 5 s.
    pub bind_later_after: Duration,
    /// Whether the expectation keeps every report and state, not just their numbers.
    /// Takes some 24 bytes a report. Default false.
    pub track: bool,
}

impl Default for FleetPlan {
    fn default() -> Self {
        Self {
            devices: 2_000,
            devices_per_customer: 3,
            seed: 1,
            formats: Formats::default(),
            most_properties: 6,
            duplicates: 0.1,
            not_telemetry: 0.01,
            undecodable: 0.001,
            impossible: 0.0,
            unknown_properties: 0.0,
            states: 0.05,
            unbound: 0.01,
            bind_later_after: Duration::from_secs(5),
            track: false,
        }
    }
}

impl FleetPlan {
    /// So many devices, all bound, that send only what has to be called for. A message that
    /// is skipped, a duplicate or a state that a newer one replaces is settled without a call.
    pub fn all_called_for(devices: u32) -> Self {
        Self {
            devices,
            duplicates: 0.0,
            not_telemetry: 0.0,
            undecodable: 0.0,
            states: 0.0,
            unbound: 0.0,
            ..Self::default()
        }
    }

    /// Whether a device is one of those bound later: the exact share, evenly spread.
    pub(crate) fn is_bound_later(&self, device: u32) -> bool {
        let up_to = |devices: u32| (f64::from(devices) * self.unbound).floor();
        up_to(device.saturating_add(1)) > up_to(device)
    }

    /// The format of a device. Formats are spread over the devices by the golden ratio,
    /// so that each has its share in a small fleet too, and of every product.
    pub(crate) fn format_of(&self, device: u32) -> Format {
        const GOLDEN: f64 = 0.618_033_988_749_895;
        let Formats { platform, forwarded, protobuf } = self.formats;
        let place = (f64::from(device) * GOLDEN).fract() * (platform + forwarded + protobuf);
        if place < platform {
            Format::Platform
        } else if place < platform + forwarded {
            Format::Forwarded
        } else if protobuf > 0.0 {
            Format::Protobuf
        } else {
            Format::Platform
        }
    }
}

/// The weights of the formats; only their proportion matters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Formats {
    /// The platform's message in Kafka: an envelope with a Base64 payload. Default 0.6.
    pub platform: f64,
    /// The platform's HTTP forwarding, relayed: its second spelling. Default 0.25.
    pub forwarded: f64,
    /// Protobuf of a user's own gateway. Default 0.15.
    pub protobuf: f64,
}

impl Default for Formats {
    fn default() -> Self {
        Self { platform: 0.6, forwarded: 0.25, protobuf: 0.15 }
    }
}

/// How a device's messages are spelt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Platform,
    Forwarded,
    Protobuf,
}

#[cfg(test)]
mod tests {
    use super::{FleetPlan, Format, Formats};

    #[test]
    fn the_exact_share_of_devices_is_bound_later() {
        let plan = FleetPlan::default();
        let late = (0..plan.devices).filter(|device| plan.is_bound_later(*device)).count();
        assert_eq!(late, 20);
        let all = FleetPlan { unbound: 1.0, ..FleetPlan::default() };
        assert!((0..10).all(|device| all.is_bound_later(device)));
        let none = FleetPlan { unbound: 0.0, ..FleetPlan::default() };
        assert!(!(0..10).any(|device| none.is_bound_later(device)));
    }

    #[test]
    fn every_format_has_its_share() {
        let plan = FleetPlan::default();
        let count = |format| (0..1000).filter(|device| plan.format_of(*device) == format).count();
        assert!(count(Format::Platform).abs_diff(600) < 10);
        assert!(count(Format::Forwarded).abs_diff(250) < 10);
        assert!(count(Format::Protobuf).abs_diff(150) < 10);
    }

    #[test]
    fn a_single_format_is_the_only_one() {
        let formats = Formats { platform: 0.0, forwarded: 0.0, protobuf: 3.0 };
        let plan = FleetPlan { formats, ..FleetPlan::default() };
        assert!((0..1000).all(|device| plan.format_of(device) == Format::Protobuf));
    }
}
