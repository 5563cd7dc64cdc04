//! The pods that the chart makes: what they read, who finds them, how long they may take to stop.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use super::{SETS, helm, objects};
use crate::{judges, program};

/// What the chart's Secret would hold: long enough for each of its keys.
const SECRET: &str = "as-long-as-any-secret-needs-to-be-here";
const NONE: &[Value] = &[];

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(NONE, Vec::as_slice)
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().with_context(|| format!("no text: {value}"))
}

/// What a pod is made of, with what makes it.
fn pods(objects: &[Value]) -> impl Iterator<Item = (&str, &Value)> {
    objects.iter().filter_map(|object| {
        let template = match object["kind"].as_str()? {
            "Deployment" | "Job" => &object["spec"]["template"],
            "Pod" => object,
            _ => return None,
        };
        Some((object["metadata"]["name"].as_str()?, template))
    })
}

pub(crate) fn configurations() -> Result<()> {
    for set in SETS {
        let objects = objects(set)?;
        let mut checked = 0;
        for (name, template) in pods(&objects) {
            loads(&objects, &template["spec"]).with_context(|| format!("{set} values, {name}"))?;
            checked += 1;
        }
        ensure!(checked >= 3, "{set} values: only {checked} pods");
    }
    Ok(())
}

/// Lays a pod's volumes in a directory as the kubelet would, and has the program look at them.
fn loads(objects: &[Value], pod: &Value) -> Result<()> {
    let root = tempfile::tempdir()?;
    let [container] = list(&pod["containers"]) else { anyhow::bail!("not one container") };
    let volumes = list(&pod["volumes"]);
    for mount in list(&container["volumeMounts"]) {
        ensure!(mount["readOnly"] == true, "may be written: {mount}");
        let volume = volumes.iter().find(|it| it["name"] == mount["name"]).context("no volume")?;
        let place = root.path().join(text(&mount["mountPath"])?.trim_start_matches('/'));
        lay(objects, volume, &place, root.path())?;
    }
    let environment = list(&container["env"]).iter();
    let environment: Result<BTreeMap<&str, &str>> =
        environment.map(|it| Ok((text(&it["name"])?, text(&it["value"])?))).collect();
    let mut environment = environment?;
    let configuration = environment.remove("EMBERLINE_CONFIG").context("no configuration")?;
    let configuration = root.path().join(configuration.trim_start_matches('/'));
    program::accepts(Some(&configuration), environment)?;
    let arguments: Result<Vec<&str>> = list(&container["args"]).iter().map(text).collect();
    program::understands(&arguments?)
}

fn lay(objects: &[Value], volume: &Value, place: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(place)?;
    let (source, name, kind) = match (&volume["configMap"], &volume["secret"]) {
        (Value::Null, secret) => (secret, &secret["secretName"], "Secret"),
        (config, _) => (config, &config["name"], "ConfigMap"),
    };
    let made = objects.iter().find(|it| it["kind"] == kind && it["metadata"]["name"] == *name);
    for item in list(&source["items"]) {
        let key = text(&item["key"])?;
        let content = made.map(|it| text(&it["data"][key])).transpose();
        let content = content.with_context(|| format!("{kind} {name} has no {key}"))?;
        let content = match (kind, content) {
            // Paths begin at the pod's root.
            ("ConfigMap", content) => content
                .context("its ConfigMap is not made")?
                .replace("\"/run/", &format!("\"{}/run/", root.display())),
            _ => SECRET.to_owned(),
        };
        fs::write(place.join(text(&item["path"])?), content)?;
    }
    Ok(())
}

pub(crate) fn selectors() -> Result<()> {
    for set in SETS {
        let objects = objects(set)?;
        let templates: Vec<_> = pods(&objects).collect();
        let mut checked = 0;
        for object in &objects {
            let spec = &object["spec"];
            let selector = match object["kind"].as_str() {
                Some("Service") => &spec["selector"],
                Some("NetworkPolicy") => &spec["podSelector"]["matchLabels"],
                Some("PodDisruptionBudget" | "PodMonitor" | "Deployment") => {
                    &spec["selector"]["matchLabels"]
                }
                _ => continue,
            };
            let selector = selector.as_object().context("no selector")?;
            let found: Vec<&str> = templates
                .iter()
                .filter(|(_, template)| matches(selector, &template["metadata"]["labels"]))
                .map(|(name, _)| *name)
                .collect();
            let name = text(&object["metadata"]["name"])?;
            let as_many_as_wanted = match object["kind"].as_str() {
                Some("PodDisruptionBudget" | "Deployment") => found == [name],
                // All pods, or the portal's.
                Some("NetworkPolicy") if !name.ends_with("-portal") => {
                    found.len() == templates.len()
                }
                Some("PodMonitor") => found.len() == workers(&templates),
                Some("Service") if name.ends_with("-metrics") => found.len() == workers(&templates),
                _ => found.len() == 1,
            };
            ensure!(as_many_as_wanted, "{set} values: {} {name} finds {found:?}", object["kind"]);
            checked += 1;
        }
        ensure!(checked > 0, "{set} values: nothing selects anything");
    }
    Ok(())
}

fn workers(templates: &[(&str, &Value)]) -> usize {
    let runs = |it: &&(&str, &Value)| it.1["spec"]["containers"][0]["args"][0] == "run";
    templates.iter().filter(runs).count()
}

fn matches(selector: &Map<String, Value>, labels: &Value) -> bool {
    selector.iter().all(|(key, value)| labels[key] == *value)
}

pub(crate) fn grace() -> Result<()> {
    // The drain as it may be written, and in seconds.
    let drains = [
        ("1s", 1),
        ("1500ms", 2),
        ("25s", 25),
        ("1m 30s", 90),
        ("1m30s", 90),
        ("2min", 120),
        ("3 minutes", 180),
        ("4m", 240),
    ];
    for (drain, seconds) in drains {
        let text =
            helm("template", "lag", &["--set-string", &format!("config.shutdown.drain={drain}")])?;
        let objects = judges::objects(&text)?;
        for (name, template) in pods(&objects) {
            let grace = template["spec"]["terminationGracePeriodSeconds"].as_u64();
            ensure!(grace == Some(seconds + 10), "{name}: {grace:?} s to drain for {drain}");
            if name.contains("replay") || name.ends_with("-test") {
                continue;
            }
            loads(&objects, &template["spec"])?;
        }
    }
    Ok(())
}
