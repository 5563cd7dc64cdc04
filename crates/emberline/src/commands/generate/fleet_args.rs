//! What the fleet is like, as flags.

use clap::ValueEnum;
use emberline_fleet::{FleetPlan, Formats};

use crate::settings::HumanDuration;

/// Flags that describe a simulated fleet.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The fleet")]
pub(super) struct FleetArgs {
    /// Number of devices.
    #[arg(long, value_name = "N", default_value_t = FleetPlan::default().devices,
        value_parser = clap::value_parser!(u32).range(1..))]
    devices: u32,
    /// Devices of one customer.
    #[arg(long, value_name = "N", default_value_t = FleetPlan::default().devices_per_customer,
        value_parser = clap::value_parser!(u32).range(1..))]
    devices_per_customer: u32,
    /// The same seed makes the same fleet.
    #[arg(long, value_name = "N", default_value_t = FleetPlan::default().seed)]
    seed: u64,
    /// The formats that the devices send in, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "platform,forwarded,protobuf")]
    formats: Vec<Format>,
    /// Share of messages that are sent again, 0 to 1.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().duplicates)]
    duplicates: f64,
    /// Share of messages that are no telemetry.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().not_telemetry)]
    not_telemetry: f64,
    /// Share of messages that can't be read.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().undecodable)]
    undecodable: f64,
    /// Share of messages with a property whose value is out of range or none.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().impossible)]
    impossible: f64,
    /// Share of messages with properties outside of the standard thing model.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().unknown_properties)]
    unknown_properties: f64,
    /// Share of messages that tell a device's going on- or offline.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().states)]
    states: f64,
    /// Share of devices that are bound later than the others.
    #[arg(long, value_name = "SHARE", value_parser = share,
        default_value_t = FleetPlan::default().unbound)]
    unbound: f64,
    /// How much later; at the end at the latest.
    #[arg(long, value_name = "TIME",
        default_value_t = HumanDuration(FleetPlan::default().bind_later_after))]
    bind_later_after: HumanDuration,
}

/// A format that devices send in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The platform's message with a Base64 payload.
    Platform,
    /// The platform's HTTP forwarding, relayed.
    Forwarded,
    /// Protobuf of a gateway.
    Protobuf,
}

impl FleetArgs {
    /// The plan; `track` keeps every expected report.
    pub(super) fn plan(&self, track: bool) -> FleetPlan {
        let usual = Formats::default();
        let weight = |format, weight| if self.formats.contains(&format) { weight } else { 0.0 };
        FleetPlan {
            devices: self.devices,
            devices_per_customer: self.devices_per_customer,
            seed: self.seed,
            formats: Formats {
                platform: weight(Format::Platform, usual.platform),
                forwarded: weight(Format::Forwarded, usual.forwarded),
                protobuf: weight(Format::Protobuf, usual.protobuf),
            },
            duplicates: self.duplicates,
            not_telemetry: self.not_telemetry,
            undecodable: self.undecodable,
            impossible: self.impossible,
            unknown_properties: self.unknown_properties,
            states: self.states,
            unbound: self.unbound,
            bind_later_after: self.bind_later_after.0,
            track,
            ..FleetPlan::default()
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("write a share, 0 to 1, as in 0.1".to_owned()),
    }
}
