//! Whose a device is, and whether it is online.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use emberline_model::{CustomerId, DeviceId, OnlineStatus};
use emberline_service_api::{BoundDevice, ServiceBindDevice, ServiceReportDeviceState};
use serde::Deserialize;

use super::call::Caller;
use crate::app::{Exit, UsageError};

/// `bind-device`.
#[derive(Debug, Args)]
pub(super) struct BindDevice {
    /// Whose the devices are.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// A device: its id, the customer's number of it, its product's name. Repeat it for all
    /// devices that the customer has: the service wants the whole set.
    #[arg(long, value_name = "ID=NO=NAME", value_parser = parse_device)]
    device: Vec<Device>,
    /// The devices as JSON: `[{"device_id":…,"customer_device_no":…,"product_name":…}]`.
    #[arg(long, value_name = "FILE")]
    devices_file: Option<PathBuf>,
}

/// Named as in the binding events.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the JSON keys of a binding event")]
struct Device {
    device_id: String,
    customer_device_no: String,
    product_name: String,
}

fn parse_device(text: &str) -> Result<Device, String> {
    let mut parts = text.splitn(3, '=').map(str::to_owned);
    let (Some(device_id), Some(customer_device_no), Some(product_name)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err("write it as \"product/device=customer's number=product name\"".to_owned());
    };
    DeviceId::parse(&device_id).map_err(|error| error.to_string())?;
    Ok(Device { device_id, customer_device_no, product_name })
}

impl BindDevice {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let mut devices = self.device;
        if let Some(path) = &self.devices_file {
            let shown = path.display();
            let text =
                std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
            let listed: Vec<Device> = serde_json::from_str(&text)
                .map_err(|error| UsageError(format!("{shown}: {error}")))?;
            devices.extend(listed);
        }
        if devices.is_empty() {
            return Err(UsageError("name a device: --device or --devices-file".to_owned()).into());
        }
        let bound: Vec<_> = devices.iter().map(as_bound).collect::<Result<_, _>>()?;
        caller.call(&ServiceBindDevice { customer: self.customer.as_str(), devices: &bound }).await
    }
}

fn as_bound(device: &Device) -> Result<BoundDevice<'_>, UsageError> {
    DeviceId::parse(&device.device_id)
        .map_err(|error| UsageError(format!("{}: {error}", device.device_id)))?;
    Ok(BoundDevice {
        customer_device_no: &device.customer_device_no,
        device: &device.device_id,
        product_name: &device.product_name,
    })
}

/// `report-state`.
#[derive(Debug, Args)]
pub(super) struct ReportState {
    /// Which device.
    #[arg(long, value_name = "ID", value_parser = DeviceId::parse)]
    device: DeviceId,
    /// What it became.
    #[arg(long)]
    status: Status,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Status {
    Online,
    Offline,
    Unknown,
}

impl From<Status> for OnlineStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Online => Self::Online,
            Status::Offline => Self::Offline,
            Status::Unknown => Self::Unknown,
        }
    }
}

impl ReportState {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let device = self.device.as_str();
        caller.call(&ServiceReportDeviceState { device, status: self.status.into() }).await
    }
}
