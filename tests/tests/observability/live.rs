//! A run in which everything occurs that dashboards and alerts tell of, scraped by a real
//! Prometheus, which then must have data for each of their queries.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use emberline_fleet::FleetPlan;
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule};
use emberline_testkit::kafka::NewRecord;
use emberline_testkit::prometheus::Prometheus;
use emberline_testkit::{Emberline, Load, Signal, World};
use serde_json::{Value, json};

use crate::dashboards::{queries, variable_queries};
use crate::expression::{Selector, groupings, selectors};
use crate::rules::{alerts, file, text};

/// Longest until something has its data.
const PATIENCE: Duration = Duration::from_mins(3);
/// Longest that a process may take to end.
const END: Duration = Duration::from_secs(40);
/// Records at the start: so many that the lag is seen to shrink.
const BACKLOG: usize = 4_000;
/// Records between one look and the next.
const MORE: usize = 60;

/// What must have occurred, so that a panel is not taken for right because it shows zeros.
const OCCURS: [&str; 16] = [
    r#"sum(emberline_outcomes_total{outcome="delivered", worker="devices"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="delivered", worker="bindings"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="delivered", worker="claims"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="delivered", worker="retries"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="duplicate"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="superseded"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="skipped", reason="unknown_property"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="parked", reason="unbound"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="dead_lettered", reason="undecodable"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="dead_lettered", reason="impossible_value"}) > 0"#,
    r#"sum(emberline_outcomes_total{outcome="dead_lettered", reason="order_conflict"}) > 0"#,
    r#"sum(emberline_calls_total{outcome="throttled"}) > 0"#,
    r#"sum(emberline_calls_total{outcome="transient"}) > 0"#,
    r#"sum(emberline_partition_lag{topic=~".+[.]retry[.].+"} >= 0) > 0"#,
    "max(emberline_parked_age_seconds) > 0",
    "max(emberline_authorisations_used) == 2",
];

pub(crate) async fn every_query_is_answered(world: &mut World) -> Result<()> {
    let mut load = Load::new(FleetPlan {
        devices: 80,
        undecodable: 0.02,
        impossible: 0.02,
        unknown_properties: 0.05,
        states: 0.4,
        unbound: 0.2,
        // They are bound at the end.
        bind_later_after: Duration::from_hours(1),
        ..FleetPlan::default()
    });
    prepare(world, &load).await?;
    world.tell(load.records(BACKLOG)).await?;
    let mut replicas = [world.emberline(&["run"]).await?, world.emberline(&["run"]).await?];
    let prometheus = Prometheus::start(&configuration(&mut replicas).await?).await?;
    claims(world).await?;
    let answers = answers(world, &mut load, &prometheus).await;
    // Which of them has no data is told in any case.
    let names = names_exist(&prometheus).await;
    answers?;
    names?;
    rules_are_evaluated(&prometheus).await?;
    sums_close(&prometheus).await?;
    what_is_wrong_is_noticed(&prometheus).await?;
    for replica in &mut replicas {
        replica.signal(Signal::Terminate)?;
    }
    for replica in &mut replicas {
        replica.succeeds(END).await?;
    }
    Ok(())
}

/// A service that now and then fails and asks to slow down, and quick retries.
async fn prepare(world: &mut World, load: &Load) -> Result<()> {
    world.read_claims().await?;
    world.set("claims.formal_orders", "true");
    world.set("claims.authorisations", "3");
    world.set("retry.tiers", r#"["2s", "5s"]"#);
    world.set("join.wait", r#""200ms""#);
    world.set("limits.rate", r#""500/s""#);
    world.set_patience(PATIENCE);
    world.introduce(load).await?;
    let fails = |fault: Fault, share: f64| FaultRule { share, ..FaultRule::always(fault) };
    world.sandbox.faults().set(FaultPlan {
        rules: vec![
            fails(Fault::slow_down(1), 0.02).of(Action::ReportDeviceData),
            fails(Fault::status(503), 0.05).of(Action::ReportDeviceData),
        ],
        latency: Duration::from_millis(50),
        ..FaultPlan::default()
    });
    Ok(())
}

/// Orders of every kind: two formal ones, a test order, and another one of its number.
async fn claims(world: &World) -> Result<()> {
    let time = 1_628_646_000;
    let customer = json!({
        "customer_id": "c_orders", "country_code": "86", "phone_number": "13900000000",
        "time": time,
    });
    let order = |number: &str, item: &str, count: u32| {
        let order = json!({
            "customer_id": "c_orders", "order_no": number, "item_id": item,
            "item_vno": "FireBusiness", "item_num": count, "time": time,
        });
        NewRecord::text("c_orders", &order.to_string())
    };
    let (test, formal) = ("D-FireInsurance2020", "FireInsurance2020");
    let customer = NewRecord::text("c_orders", &customer.to_string());
    world.kafka.produce(&world.customers(), &[customer]).await?;
    let orders =
        [order("1", test, 1), order("2", formal, 1), order("3", formal, 1), order("1", test, 2)];
    world.kafka.produce(&world.orders(), &orders).await?;
    Ok(())
}

/// As an installation in Kubernetes labels its replicas.
async fn configuration(replicas: &mut [Emberline]) -> Result<String> {
    let mut targets = Vec::new();
    for replica in replicas {
        targets.push(replica.address().await?);
    }
    let configuration = json!({
        "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
        "rule_files": [file()],
        "scrape_configs": [{
            "job_name": "emberline",
            "static_configs": [{ "targets": targets, "labels": { "namespace": "iot" } }],
        }],
    });
    // JSON is YAML.
    Ok(configuration.to_string())
}

/// A dashboard's query with everything chosen.
fn chosen(query: &str) -> String {
    [
        ("$__rate_interval", "15s"),
        ("$__range", "1m"),
        ("$namespace", ".*"),
        ("$job", "emberline"),
        ("$group", ".*"),
        ("$instance", ".+"),
        ("$worker", ".*"),
    ]
    .iter()
    .fold(query.to_owned(), |query, (variable, value)| query.replace(variable, value))
}

/// Devices go on, until each query has been answered with data at some time. What some have no
/// data for now and then (a rate of nothing, a lag that does not shrink) is not asked twice.
async fn answers(world: &World, load: &mut Load, prometheus: &Prometheus) -> Result<()> {
    let mut open: BTreeMap<String, String> = BTreeMap::new();
    for query in queries() {
        open.insert(format!("{}: {}", query.panel, query.expression), chosen(&query.expression));
    }
    ensure!(open.len() > 50, "only {} queries", open.len());
    open.extend(OCCURS.map(|query| (format!("occurs: {query}"), query.to_owned())));
    let mut late_bindings = false;
    let answered = world
        .wait_for("every query is answered with data", async || {
            let mut left = BTreeMap::new();
            for (name, query) in &open {
                let answer = prometheus.query(query).await.with_context(|| name.clone())?;
                if !answer.iter().any(is_finite) {
                    left.insert(name.clone(), query.clone());
                }
            }
            open = left;
            world.tell(load.records(MORE)).await?;
            // What waits is bound late, so that the retries deliver something.
            if !late_bindings && !open.keys().any(|name| name.contains("reason=\"unbound\"")) {
                late_bindings = true;
                world.tell(load.rest()).await?;
            }
            Ok(open.is_empty().then_some(()))
        })
        .await;
    let mut without = String::new();
    for name in open.keys() {
        writeln!(without, "  {name}")?;
    }
    answered.with_context(|| format!("without data:\n{without}"))
}

/// Whether a series of an answer has a figure.
fn is_finite(series: &Value) -> bool {
    let value = series["value"][1].as_str().and_then(|value| value.parse::<f64>().ok());
    value.is_some_and(f64::is_finite)
}

/// Each metric, with its matchers, and each label that dashboards and alerts name.
async fn names_exist(prometheus: &Prometheus) -> Result<()> {
    let mut wrong = Vec::new();
    for query in queries() {
        let expression = chosen(&query.expression);
        wrong.extend(unknown_names(prometheus, &expression, query.legend, &query.panel).await?);
    }
    for rule in alerts() {
        let (name, expression) = (text(&rule, &["alert"]), text(&rule, &["expr"]));
        wrong.extend(unknown_names(prometheus, expression, BTreeSet::new(), name).await?);
    }
    for variable in variable_queries() {
        let metric = chosen(&variable.metric);
        let label = BTreeSet::from([variable.label]);
        wrong.extend(unknown_names(prometheus, &metric, label, "a variable").await?);
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// What is wrong with the names in an expression, and with the labels shown of it.
async fn unknown_names(
    prometheus: &Prometheus,
    expression: &str,
    shown: BTreeSet<String>,
    place: &str,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let found = selectors(expression);
    if found.is_empty() {
        wrong.push(format!("{place}: no metric in {expression}"));
    }
    let mut labels = BTreeSet::new();
    for selector in found {
        let series = prometheus.series(&selector.text()).await?;
        if series.is_empty() {
            wrong.push(format!("{place}: there is no {}", selector.text()));
        }
        // With the matchers a label that is absent may pass, as one that is empty.
        let all = Selector { matchers: String::new(), ..selector.clone() };
        let known = labels_of(&prometheus.series(&all.text()).await?);
        for label in selector.labels().difference(&known) {
            wrong.push(format!("{place}: {} has no label {label}", selector.name));
        }
        labels.extend(known);
    }
    for label in groupings(expression).union(&shown) {
        if !labels.contains(label) {
            wrong.push(format!("{place}: no metric has a label {label}: {expression}"));
        }
    }
    Ok(wrong)
}

fn labels_of(series: &[Value]) -> BTreeSet<String> {
    let keys = |series: &Value| series.as_object().map(|labels| labels.keys().cloned().collect());
    series.iter().filter_map(keys).flat_map(|keys: Vec<String>| keys).collect()
}

/// Prometheus evaluates every rule without an error.
async fn rules_are_evaluated(prometheus: &Prometheus) -> Result<()> {
    let mut evaluated = 0;
    for group in prometheus.rule_groups().await? {
        for rule in group["rules"].as_array().context("a group without rules")? {
            ensure!(rule["health"] == "ok", "{}: {}", rule["name"], rule["lastError"]);
            evaluated += 1;
        }
    }
    ensure!(evaluated == alerts().len(), "{evaluated} of {} rules", alerts().len());
    Ok(())
}

/// At no time of the run something was unaccounted for.
async fn sums_close(prometheus: &Prometheus) -> Result<()> {
    let most = "max(max_over_time(abs(emberline_items_unaccounted)[10m:1s]))";
    let answer = prometheus.query(most).await?;
    ensure!(answer[0]["value"][1] == "0", "{answer:?}");
    Ok(())
}

/// The check itself: names that nobody has are told.
async fn what_is_wrong_is_noticed(prometheus: &Prometheus) -> Result<()> {
    for wrong in [
        "sum(emberline_outcome_total)",
        r#"sum(emberline_outcomes_total{outcome="deadlettered"})"#,
        r#"sum(emberline_outcomes_total{reson=~".*"})"#,
        "sum by (wroker) (emberline_outcomes_total)",
    ] {
        if unknown_names(prometheus, wrong, BTreeSet::new(), "").await?.is_empty() {
            bail!("not noticed: {wrong}");
        }
    }
    let shown = BTreeSet::from(["resaon".to_owned()]);
    let told = unknown_names(prometheus, "emberline_outcomes_total", shown, "").await?;
    ensure!(!told.is_empty(), "a legend's label was not noticed");
    Ok(())
}
