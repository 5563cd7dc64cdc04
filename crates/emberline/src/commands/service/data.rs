//! What a device measured, read as the pipeline would read it.
//!
//! The properties go through the same decoder as records from Kafka, so that what is sent by
//! hand keeps to the same ranges and steps.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use emberline_model::{Category, CustomerId, DeviceId, EventTime, Report};
use emberline_service_api::ServiceReportDeviceData;
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord, Telemetry};
use serde::Serialize;
use serde_json::{Map, Value};

use super::call::Caller;
use crate::app::{Exit, UsageError};
use crate::output;

/// `report-data`.
#[derive(Debug, Args)]
pub(super) struct ReportData {
    /// Which device.
    #[arg(long, value_name = "ID", value_parser = DeviceId::parse)]
    device: DeviceId,
    /// Whose it is.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// A property of the thing model, such as `voltage_info` or `power`.
    #[arg(long, value_name = "NAME", requires = "values", required_unless_present = "json")]
    property: Option<String>,
    /// Its value, or its fields: `220.5` or `voltage=220.5,amount=1`.
    #[arg(long, value_name = "VALUES", value_delimiter = ',', allow_hyphen_values = true)]
    values: Vec<String>,
    /// Any number of properties, as the device itself would report them: one call each.
    #[arg(long, value_name = "PARAMS", conflicts_with_all = ["property", "values"])]
    json: Option<String>,
    /// When it was measured, Unix seconds or milliseconds; now, if not given.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    time: Option<EventTime>,
}

fn parse_time(text: &str) -> Result<EventTime, &'static str> {
    let number = text.parse().ok().and_then(EventTime::from_seconds_or_millis);
    number.ok_or("write Unix seconds or milliseconds")
}

impl ReportData {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let telemetry = decode(&self.device, self.time, &self.params()?)?;
        if telemetry.unknown_properties > 0 {
            let count = telemetry.unknown_properties;
            output::notice(&format!("not sent: {count} outside of the standard thing model"));
        }
        let mut exit = Exit::Done;
        for report in &telemetry.reports {
            if self.send(caller, report).await? == Exit::Failed {
                exit = Exit::Failed;
            }
        }
        Ok(exit)
    }

    async fn send(&self, caller: &Caller, report: &Report) -> anyhow::Result<Exit> {
        let action = ServiceReportDeviceData {
            device: self.device.as_str(),
            customer: self.customer.as_str(),
            category: report.category(),
            reports: std::slice::from_ref(report),
        };
        caller.call(&action).await
    }

    /// The properties as the device would write them.
    fn params(&self) -> Result<Value, UsageError> {
        if let Some(text) = &self.json {
            return serde_json::from_str(text)
                .map_err(|error| UsageError(format!("--json is no JSON: {error}")));
        }
        let name = self.property.as_deref().unwrap_or_default();
        let Some(category) = Category::from_property(name) else {
            let known = Category::ALL.map(Category::property).join(", ");
            return Err(UsageError(format!("unknown property {name:?}: one of {known}")));
        };
        let value = if category.is_struct() {
            fields(category, &self.values)?
        } else {
            scalar(&self.values)?
        };
        Ok(Map::from_iter([(name.to_owned(), value)]).into())
    }
}

fn scalar(values: &[String]) -> Result<Value, UsageError> {
    match values {
        [value] => number(value),
        _ => Err(UsageError("--values: one value is expected".to_owned())),
    }
}

fn fields(category: Category, values: &[String]) -> Result<Value, UsageError> {
    let mut fields = Map::new();
    for value in values {
        let Some((name, value)) = value.split_once('=') else {
            let names: Vec<_> =
                category.fields().iter().map(|field| format!("{}=…", field.name)).collect();
            return Err(UsageError(format!("--values: write {}", names.join(","))));
        };
        fields.insert(name.trim().to_owned(), number(value)?);
    }
    Ok(fields.into())
}

fn number(text: &str) -> Result<Value, UsageError> {
    let value = serde_json::from_str::<Value>(text.trim()).ok();
    let value = value.filter(|value| value.is_number() || value.is_boolean());
    value.ok_or_else(|| UsageError(format!("--values: {text:?} is no number")))
}

/// A message in the platform's second spelling (contract: input events).
#[derive(Serialize)]
struct Forwarded<'a> {
    payload: Message<'a>,
    productid: &'a str,
    devicename: &'a str,
    topic: String,
}

#[derive(Serialize)]
struct Message<'a> {
    method: &'static str,
    timestamp: i64,
    params: &'a Value,
}

fn decode(device: &DeviceId, time: Option<EventTime>, params: &Value) -> anyhow::Result<Telemetry> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let now = EventTime::from_millis(now.try_into().unwrap_or(i64::MAX));
    let (product, name) = device.as_str().split_once('/').unwrap_or_default();
    let message = serde_json::to_vec(&Forwarded {
        payload: Message { method: "report", timestamp: time.unwrap_or(now).millis(), params },
        productid: product,
        devicename: name,
        topic: format!("$thing/up/property/{device}"),
    })?;
    let input = DeviceInput { value: Some(&message), type_name: None, timestamp: now };
    let misuse = |text: String| anyhow::Error::from(UsageError(text));
    match DeviceDecoder::new().decode(input).map_err(|error| misuse(error.to_string()))? {
        DeviceRecord::Telemetry(telemetry) if telemetry.refused.is_empty() => {
            if telemetry.reports.is_empty() {
                return Err(misuse("no property of the standard thing model is given".to_owned()));
            }
            Ok(telemetry)
        }
        DeviceRecord::Telemetry(telemetry) => {
            let refused = telemetry.refused.iter();
            let texts: Vec<_> =
                refused.map(|it| format!("{}: {}", it.category.property(), it.reason)).collect();
            Err(misuse(texts.join("; ")))
        }
        DeviceRecord::State(_) | DeviceRecord::Skipped(_) => {
            Err(misuse("no property is given".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{DeviceId, EventTime};
    use serde_json::json;

    use super::{decode, fields, scalar};
    use emberline_model::Category;

    fn refusal(params: &serde_json::Value) -> String {
        let device = DeviceId::parse("P/d").unwrap();
        decode(&device, None, params).unwrap_err().to_string()
    }

    #[test]
    fn values_by_hand_are_read_as_a_devices_own() {
        let values = ["voltage=220.53".to_owned(), "amount=1".to_owned()];
        let params = json!({ "voltage_info": fields(Category::Voltage, &values).unwrap() });
        let time = EventTime::from_seconds_or_millis(1_628_646_783);
        let telemetry = decode(&DeviceId::parse("P/d").unwrap(), time, &params).unwrap();
        let readings: Vec<_> =
            telemetry.reports[0].measurement.readings().map(|it| it.value.to_string()).collect();
        assert_eq!(readings, ["1", "220.5"]);
        assert_eq!(telemetry.time.seconds(), 1_628_646_783);
    }

    #[test]
    fn what_a_device_may_not_report_is_refused_before_anything_is_sent() {
        assert!(refusal(&json!({ "power": 1000 })).contains("power"));
        assert!(
            refusal(&json!({ "power": 1, "voltage_info": { "voltage": 220 } }))
                .contains("voltage_info")
        );
        assert!(refusal(&json!({})).contains("no property"));
        assert!(refusal(&json!({ "brightness": 1 })).contains("no property"));
        assert!(scalar(&["much".to_owned()]).is_err());
    }
}
