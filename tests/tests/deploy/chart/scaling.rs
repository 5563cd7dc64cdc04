//! Scaling by lag. An API server takes any key of a trigger, and KEDA takes no notice of one that
//! it does not know; so the keys are held against KEDA's own list of them.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{directory, helm, objects};
use crate::judges;

/// The keys of a kafka trigger, each with what it may say if that is a choice.
fn known() -> Result<BTreeMap<String, Vec<String>>> {
    let source = fs::read_to_string(judges::keda()?.join("pkg/scalers/kafka_scaler.go"))?;
    let mut keys = BTreeMap::new();
    // Fields of its settings, as in `keda:"name=tls,order=triggerMetadata,enum=enable;disable"`.
    for tag in source.split("`keda:\"").skip(1) {
        let tag = tag.split('"').next().unwrap_or_default();
        let part = |name: &str| tag.split(',').find_map(|it| it.strip_prefix(name));
        if let Some(name) = part("name=")
            && part("order=").is_some_and(|it| it.contains("triggerMetadata"))
        {
            let choices = part("enum=").into_iter().flat_map(|it| it.split(';'));
            keys.insert(name.to_owned(), choices.map(str::to_owned).collect());
        }
    }
    ensure!(keys.contains_key("bootstrapServers"), "KEDA's source is not as it was");
    Ok(keys)
}

pub(crate) fn triggers() -> Result<()> {
    let known = known()?;
    let objects = objects("lag")?;
    let mut checked = 0;
    for object in objects.iter().filter(|it| it["kind"] == "ScaledObject") {
        let name = &object["metadata"]["name"];
        for trigger in object["spec"]["triggers"].as_array().context("no triggers")? {
            ensure!(trigger["type"] == "kafka", "{name}: {trigger}");
            let metadata = trigger["metadata"].as_object().context("no metadata")?;
            for (key, value) in metadata {
                let choices = known.get(key).with_context(|| format!("KEDA knows no {key}"))?;
                let value = value.as_str().context("no text")?;
                ensure!(
                    choices.is_empty() || choices.iter().any(|it| it == value),
                    "{key} is {value}, and may be {choices:?}"
                );
            }
            for key in ["limitToPartitionsWithLag", "excludePersistentLag"] {
                ensure!(metadata.get(key).is_some_and(|it| it == "true"), "{name}: {key}");
            }
            checked += 1;
        }
        let down =
            &object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"];
        ensure!(
            down["stabilizationWindowSeconds"].as_u64().is_some_and(|it| it >= 300),
            "{name} is not stable when it scales down"
        );
    }
    // Two topics of claims, one of bindings, one that is repartitioned, and two of devices: the
    // other one, and the one that is keyed by device.
    ensure!(checked == 6, "{checked} triggers");

    let schema: Value =
        serde_json::from_str(&fs::read_to_string(directory().join("values.schema.json"))?)?;
    let lag = &schema["$defs"]["worker"]["properties"]["autoscaling"]["properties"]["lag"];
    let offered = lag["properties"]["metadata"]["properties"].as_object().context("no keys")?;
    for key in offered.keys() {
        ensure!(known.contains_key(key), "the values offer {key}, which KEDA does not know");
    }
    Ok(())
}

/// The topics whose lag says how many replicas a kind needs are those that it reads.
pub(crate) fn topics() -> Result<()> {
    let own = ["emberline.customer-devices", "emberline.devices"];
    let raw = ["telemetry", "device-state"];
    // What is repartitioned, the setting, and what the two kinds read then.
    let cases = [
        (vec![], "auto", raw.to_vec(), vec![]),
        (vec!["device-state"], "auto", vec!["telemetry", own[1]], vec!["device-state"]),
        (raw.to_vec(), "auto", vec![own[1]], [&raw[..], &own[..1]].concat()),
        (raw.to_vec(), "all", vec![own[1]], raw.to_vec()),
    ];
    for (listed, table, devices, repartition) in cases {
        let topics = format!("config.topics.repartition={}", serde_json::to_string(&listed)?);
        let join = format!("config.join.table={table}");
        let objects = helm("template", "lag", &["--set-json", &topics, "--set", &join])?;
        let objects = judges::objects(&objects)?;
        for (kind, expected) in [("devices", devices), ("repartition", repartition)] {
            let name = format!("rel-emberline-{kind}");
            let is_it =
                |it: &&Value| it["kind"] == "ScaledObject" && it["metadata"]["name"] == name;
            let triggers =
                objects.iter().find(is_it).and_then(|it| it["spec"]["triggers"].as_array());
            let topics: Vec<&str> = triggers
                .into_iter()
                .flatten()
                .filter_map(|trigger| trigger["metadata"]["topic"].as_str())
                .collect();
            ensure!(topics == expected, "{listed:?}, {table}: {kind} is scaled by {topics:?}");
        }
    }
    Ok(())
}
