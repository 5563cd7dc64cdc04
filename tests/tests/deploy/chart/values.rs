//! The values: what is refused, and that the chart knows each setting of the program.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value, json};

use super::{directory, helm};
use crate::program;

/// What has no place in what anybody may read, or is the chart's to say.
const SECRET: [(&str, &[&str]); 3] = [
    ("kafka", &["properties_files"]),
    ("portal", &["cookie_key", "cookie_key_file", "token_key", "token_key_file"]),
    ("service", &["app_secret", "app_secret_file"]),
];

pub(crate) fn refusals() -> Result<()> {
    // Laid over the least that works, and what is then complained of.
    let refused: [(&[&str], &str); 17] = [
        (&["config.kafka.brokers="], "config.kafka.brokers is needed"),
        (&["config.service.app_key="], "config.service.app_key is needed"),
        (&["config.service.app_secret=x"], "app_secret"),
        (&["config.limits.in_flihgt=3"], "in_flihgt"),
        (&["config.batch.max_reports=5000"], "max_reports"),
        (&["config.shutdown.drain=2weeks"], "write a number and ms, s or m"),
        (&["config.http.listen=off"], "an address with a port"),
        (&["secrets.existingSecret="], "secrets.values has no \"app-secret\""),
        (&["worker.devices.replicas=3"], "worker"),
        (&["workers.devices.replica=3"], "replica"),
        (
            &["workers.devices.autoscaling.by=lag", "workers.devices.autoscaling.maxReplicas=7"],
            "maxReplicas is 7, and there are 6 partitions",
        ),
        (
            &["workers.devices.autoscaling.by=cpu", "workers.devices.autoscaling.minReplicas=7"],
            "minReplicas is more than maxReplicas",
        ),
        (&["workers.retries.autoscaling.by=lag"], "what waits until it is due"),
        (
            &["metrics.podMonitor.enabled=true", "metrics.serviceMonitor.enabled=true"],
            "would scrape everything twice",
        ),
        (&["portal.ingress.enabled=true"], "needs portal.enabled"),
        (&["portal.enabled=true", "portal.ingress.enabled=true"], "portal.ingress.host is needed"),
        (&["replays[0].name=x", "replays[0].topic=devices"], "from"),
    ];
    for (values, complaint) in refused {
        let arguments: Vec<&str> = values.iter().flat_map(|it| ["--set", it]).collect();
        match helm("template", "minimal", &arguments) {
            Ok(_) => bail!("{values:?} is let through"),
            Err(error) => {
                let told = format!("{error:#}");
                ensure!(told.contains(complaint), "{values:?}: {told}");
            }
        }
    }
    Ok(())
}

fn written() -> Result<Value> {
    let text = fs::read_to_string(directory().join("values.schema.json"))?;
    serde_json::from_str(&text).context("values.schema.json")
}

/// Mend it with `UPDATE_CHART=1`.
pub(crate) fn settings() -> Result<()> {
    let mut expected = program::schema()?;
    let top = expected.as_object_mut().context("no object")?;
    top.remove("$schema");
    top.remove("title");
    for (section, keys) in SECRET {
        let section = &mut expected["properties"][section];
        for key in keys {
            let known = section["properties"].as_object_mut().and_then(|it| it.remove(*key));
            ensure!(known.is_some(), "there is no setting {key}");
            section["default"].as_object_mut().and_then(|it| it.remove(*key));
        }
    }
    let mut schema = written()?;
    if schema["properties"]["config"] != expected && std::env::var_os("UPDATE_CHART").is_some() {
        schema["properties"]["config"] = expected.clone();
        let text = serde_json::to_string_pretty(&schema)?;
        fs::write(directory().join("values.schema.json"), text + "\n")?;
    }
    ensure!(
        schema["properties"]["config"] == expected,
        "values.schema.json has other settings than the program: UPDATE_CHART=1 mends it"
    );
    Ok(())
}

pub(crate) fn strict() -> Result<()> {
    let schema = written()?;
    let mut open = Vec::new();
    find_open("", &schema, &mut open);
    ensure!(open.is_empty(), "unknown keys are let through at {open:?}");
    let counted = schema["properties"].as_object().map(Map::len);
    ensure!(counted.is_some_and(|it| it > 10), "{counted:?} values");
    Ok(())
}

/// Objects whose keys are told, and that take others as well.
fn find_open(place: &str, schema: &Value, open: &mut Vec<String>) {
    match schema {
        Value::Object(keys) => {
            let is_schema = keys.get("type") == Some(&json!("object"));
            if is_schema
                && keys.get("properties").is_some_and(Value::is_object)
                && keys.get("additionalProperties") != Some(&Value::Bool(false))
            {
                open.push(place.to_owned());
            }
            for (key, value) in keys {
                find_open(&format!("{place}/{key}"), value, open);
            }
        }
        Value::Array(items) => items.iter().for_each(|it| find_open(place, it, open)),
        _ => {}
    }
}
