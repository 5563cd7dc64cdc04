//! The map as a law: which crate may know which. A crate is split off by what a part may
//! know, so a dependency too many takes the wall down.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// What each crate may depend on within the workspace.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("wire", &["model"]),
    ("flow", &["model"]),
    ("service-api", &["model"]),
    ("service-client", &["service-api"]),
    ("broker", &[]),
    ("pipeline", &["model", "wire", "flow", "service-api", "service-client", "broker"]),
    ("portal", &["model", "service-api", "service-client"]),
    ("fleet", &["model", "wire"]),
    ("sandbox", &[]),
    (
        "",
        &[
            "model",
            "wire",
            "flow",
            "service-api",
            "service-client",
            "broker",
            "pipeline",
            "portal",
            "fleet",
            "sandbox",
        ],
    ),
    ("testkit", &["fleet", "sandbox", "model"]),
    ("tests", &[]),
];

/// Crates from outside that only some of ours may use, because knowing them is the point
/// of those. The benchmarks measure raw limits, so they may know all of them.
const KEPT_APART: &[(&str, &[&str])] = &[
    ("rdkafka", &["broker", "testkit"]),
    ("rdkafka-sys", &["broker", "testkit"]),
    ("hyper-util", &["service-client"]),
    ("rustls", &["service-client"]),
    ("tokio-rustls", &["service-client"]),
    ("axum", &["", "sandbox", "portal", "testkit"]),
    ("clap", &[""]),
    ("ratatui", &[""]),
    ("prost", &["wire", "fleet"]),
    ("hmac", &["service-api", "sandbox"]),
    ("ring", &["portal", "testkit"]),
    ("askama", &["portal", "sandbox"]),
];

/// What the rules must not know: input, output, a runtime, chance.
const NOT_FOR_FLOW: [&str; 7] =
    ["tokio", "rdkafka", "hyper", "metrics", "tracing", "rand", "fastrand"];

/// Measures everything, and nothing is built on it.
const BENCHES: &str = "benches";

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo knows this workspace")
}

/// The name without what all of ours begin with; empty for the binary.
fn short(name: &str) -> Option<&str> {
    name.strip_prefix("emberline").map(|rest| rest.trim_start_matches('-'))
}

fn dependencies(package: &Package, kind: DependencyKind) -> impl Iterator<Item = &str> {
    package.dependencies.iter().filter(move |it| it.kind == kind).map(|it| it.name.as_str())
}

#[test]
fn a_crate_knows_only_what_the_map_lets_it_know() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> =
        MAY_KNOW.iter().map(|(name, may)| (*name, may.iter().copied().collect())).collect();
    let metadata = metadata();
    for package in &metadata.packages {
        let name = short(&package.name).expect("all of ours have the same beginning");
        if name == BENCHES {
            continue;
        }
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name:?} is not on the map"));
        let known = dependencies(package, DependencyKind::Normal).filter_map(short);
        let forbidden: Vec<_> = known.filter(|known| !may.contains(known)).collect();
        assert!(forbidden.is_empty(), "{name:?} must not know {forbidden:?}");
    }
    assert_eq!(metadata.packages.len(), MAY_KNOW.len() + 1, "the map and the workspace differ");
}

#[test]
fn nobody_knows_who_stands_above() {
    for package in &metadata().packages {
        let name = short(&package.name).expect("all of ours have the same beginning");
        let known: Vec<_> =
            dependencies(package, DependencyKind::Normal).filter_map(short).collect();
        assert!(name == BENCHES || !known.contains(&""), "{name:?} depends on the binary");
        let for_tests = ["testkit", "tests", BENCHES];
        let is_for_tests = for_tests.contains(&name);
        assert!(
            is_for_tests || !known.iter().any(|known| for_tests.contains(known)),
            "{name:?} depends on what is for tests"
        );
    }
}

/// The stand-in is the judge: it shares no code with what it judges, in its tests neither
/// (but for the nouns, to compare its own limits with).
#[test]
fn the_sandbox_shares_no_mistake_with_the_client() {
    let metadata = metadata();
    let sandbox = metadata.packages.iter().find(|it| it.name.as_str() == "emberline-sandbox");
    let sandbox = sandbox.expect("there is a sandbox");
    let known: BTreeSet<_> = sandbox.dependencies.iter().filter_map(|it| short(&it.name)).collect();
    assert!(known.is_subset(&BTreeSet::from(["model"])), "{known:?}");
}

#[test]
fn what_is_kept_apart_stays_apart() {
    for package in &metadata().packages {
        let name = short(&package.name).expect("all of ours have the same beginning");
        for known in dependencies(package, DependencyKind::Normal) {
            let keeper = KEPT_APART.iter().find(|(kept, _)| *kept == known);
            let Some((kept, by)) = keeper else { continue };
            let may = name == BENCHES || by.contains(&name);
            assert!(may, "{name:?} uses {kept}, which is for {by:?}");
        }
    }
}

#[test]
fn the_rules_know_no_clock_no_runtime_and_no_input() {
    let metadata = metadata();
    let flow = metadata.packages.iter().find(|it| it.name.as_str() == "emberline-flow");
    let flow = flow.expect("there is a flow");
    let known: Vec<_> = dependencies(flow, DependencyKind::Normal)
        .filter(|known| NOT_FOR_FLOW.contains(known))
        .collect();
    assert!(known.is_empty(), "flow depends on {known:?}");
}
