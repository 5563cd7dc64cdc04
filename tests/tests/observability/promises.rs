//! Dashboards held to the fixture of metrics, which needs neither Prometheus nor Kafka.

use std::collections::{BTreeMap, BTreeSet};

use emberline_tests::metrics_fixture;

use crate::dashboards::{queries, variable_queries};
use crate::expression::{Selector, groupings, selectors};

/// What Prometheus gives every series of a target.
const OF_THE_TARGET: [&str; 3] = ["instance", "job", "namespace"];

type Promised = BTreeMap<String, BTreeSet<String>>;

pub(crate) fn are_kept_to() {
    let promised = promised();
    let mut troubles = Vec::new();
    for query in queries() {
        let troubles_here = troubles_of(&query.expression, &query.legend, &promised);
        troubles.extend(troubles_here.into_iter().map(|it| format!("{}: {it}", query.panel)));
    }
    for variable in variable_queries() {
        let label = BTreeSet::from([variable.label]);
        troubles.extend(troubles_of(&variable.metric, &label, &promised));
    }
    assert!(troubles.is_empty(), "{}", troubles.join("\n"));
}

/// The labels of each series: of a histogram, those of its parts.
fn promised() -> Promised {
    let mut promised = Promised::new();
    for line in metrics_fixture() {
        let mut words = line.split(' ');
        let (name, kind) = (words.next().expect("a name"), words.next().expect("a kind"));
        let labels = words.next().into_iter().flat_map(|labels| labels.split(','));
        let labels: BTreeSet<String> = labels.chain(OF_THE_TARGET).map(str::to_owned).collect();
        if kind == "histogram" {
            let with_bound = labels.iter().cloned().chain(["le".to_owned()]).collect();
            promised.insert(format!("{name}_bucket"), with_bound);
            promised.insert(format!("{name}_sum"), labels.clone());
            promised.insert(format!("{name}_count"), labels);
        } else {
            promised.insert(name.to_owned(), labels);
        }
    }
    promised
}

/// What an expression names and shows that is not promised. It may group by and show only what
/// all of its metrics have: otherwise a side of a division has one series and the other many.
fn troubles_of(expression: &str, shown: &BTreeSet<String>, promised: &Promised) -> Vec<String> {
    let mut troubles = Vec::new();
    let mut common: Option<BTreeSet<String>> = None;
    for Selector { name, matchers } in selectors(expression) {
        let Some(labels) = promised.get(&name) else {
            troubles.push(format!("no metric {name}"));
            continue;
        };
        let named = Selector { name: name.clone(), matchers }.labels();
        let unknown = named.difference(labels);
        troubles.extend(unknown.map(|label| format!("{name} has no label {label}")));
        common = Some(common.map_or_else(|| labels.clone(), |before| &before & labels));
    }
    let common = common.unwrap_or_default();
    let groupings = groupings(expression);
    let unknown = groupings.union(shown).filter(|label| !common.contains(*label));
    troubles.extend(unknown.map(|label| format!("no label {label} in {expression}")));
    troubles
}
