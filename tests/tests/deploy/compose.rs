//! `docker-compose.yml`, read as Compose reads it: what starts, in which order, from which images
//! and files.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value};

use crate::{judges, program};

/// What one `docker compose up` must give.
const SERVICES: [&str; 8] =
    ["kafka", "topics", "sandbox", "workers", "portal", "generator", "prometheus", "grafana"];
/// Those that end by themselves.
const ENDS: &str = "topics";
const OURS: &str = "emberline:local";

fn services() -> Result<Map<String, Value>> {
    let project = judges::composed(&emberline_tests::root().join("docker-compose.yml"))?;
    let services = project["services"].as_object().context("no services")?.clone();
    for name in SERVICES {
        ensure!(services.contains_key(name), "there is no {name}");
    }
    Ok(services)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(crate) fn order() -> Result<()> {
    let services = services()?;
    for (name, service) in &services {
        let needed = service["depends_on"].as_object().cloned().unwrap_or_default();
        for (other, how) in &needed {
            let other_service = services.get(other).with_context(|| format!("no {other}"))?;
            match how["condition"].as_str() {
                Some("service_healthy") => ensure!(
                    other_service["healthcheck"]["test"].is_array(),
                    "{name} waits until {other} is healthy, which nobody looks at"
                ),
                Some("service_completed_successfully") => {
                    ensure!(other == ENDS, "{name} waits for {other} to end");
                }
                other => anyhow::bail!("{name} waits for {other:?}"),
            }
        }
        // Whoever is not the first waits for somebody.
        let is_first = ["kafka", "sandbox"].contains(&name.as_str());
        ensure!(is_first || !needed.is_empty(), "{name} waits for nobody");
        ensure!(
            name == ENDS || name == "generator" || service["healthcheck"].is_object(),
            "{name}: no health check"
        );
    }
    Ok(())
}

pub(crate) fn named() -> Result<()> {
    let root = emberline_tests::root();
    for (name, service) in services()? {
        let image = service["image"].as_str().with_context(|| format!("{name}: no image"))?;
        if image == OURS {
            let build = &service["build"];
            let context = build["context"].as_str().context("it is not built")?;
            let recipe = build["dockerfile"].as_str().context("no Dockerfile")?;
            ensure!(Path::new(context).join(recipe).is_file(), "{name}: no {recipe}");
            ensure!(service["read_only"] == true, "{name} may write");
        } else {
            let tag = image.rsplit_once(':').map(|(_, tag)| tag);
            let is_pinned = tag.is_some_and(|tag| {
                let parts: Vec<&str> = tag.trim_start_matches('v').split('.').collect();
                parts.len() == 3 && parts.iter().all(|it| it.parse::<u32>().is_ok())
            });
            ensure!(is_pinned, "{name}: {image} may be another one tomorrow");
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            if volume["type"] == "bind" {
                let source = Path::new(volume["source"].as_str().context("no source")?);
                ensure!(source.starts_with(&root), "{name}: {} is outside", source.display());
                ensure!(source.exists(), "{name}: {} is missing", source.display());
                ensure!(volume["read_only"] == true, "{name} may write {}", source.display());
            }
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            ensure!(port["host_ip"] == "127.0.0.1", "{name} can be reached from outside: {port}");
        }
    }
    Ok(())
}

pub(crate) fn commands() -> Result<()> {
    let mut checked = 0;
    for (name, service) in services()? {
        if service["image"] != OURS {
            continue;
        }
        program::understands(&texts(&service["command"])).with_context(|| name.clone())?;
        let health = texts(&service["healthcheck"]["test"]);
        if let Some(arguments) = health.strip_prefix(&["CMD", "emberline"]) {
            program::understands(arguments).with_context(|| name.clone())?;
        } else {
            ensure!(health.is_empty(), "{name}: an image without a shell can't run {health:?}");
        }
        configuration(&service).with_context(|| name.clone())?;
        checked += 1;
    }
    ensure!(checked >= 5, "only {checked} commands of ours");
    Ok(())
}

/// Has the program look at the configuration that is mounted.
fn configuration(service: &Value) -> Result<()> {
    let environment = service["environment"].as_object().context("no environment")?;
    let inside = environment["EMBERLINE_CONFIG"].as_str().context("no configuration")?;
    let mut volumes = service["volumes"].as_array().into_iter().flatten();
    let mounted = volumes.find(|it| it["target"] == inside).context("it is not mounted")?;
    let settings = environment
        .iter()
        .filter(|(key, _)| key.starts_with("EMBERLINE__"))
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)));
    program::accepts(mounted["source"].as_str().map(Path::new), settings)
}
