//! `emberline check` against a sandbox and an embedded Kafka.

mod kafka;
mod publish;
mod service;
mod spelling;

use serde_json::Value;

use crate::binary::{Emberline, Run};
use crate::far_end::FarEnd;

/// What a check printed.
struct Checked {
    run: Run,
    object: Value,
}

impl Checked {
    fn of(run: Run) -> Self {
        let object = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        Self { run, object }
    }

    fn step(&self, name: &str) -> &Value {
        let steps = self.object["steps"].as_array().unwrap();
        steps
            .iter()
            .find(|step| step["step"] == name)
            .unwrap_or_else(|| panic!("{name}: {steps:?}"))
    }

    fn state(&self, name: &str) -> &str {
        self.step(name)["state"].as_str().unwrap()
    }

    fn detail(&self, name: &str) -> &str {
        self.step(name)["detail"].as_str().unwrap()
    }

    fn advice(&self, name: &str) -> &str {
        self.step(name)["advice"].as_str().unwrap_or_default()
    }

    /// The names of the steps that ended so.
    fn all(&self, state: &str) -> Vec<&str> {
        let steps = self.object["steps"].as_array().unwrap().iter();
        let these = steps.filter(|step| step["state"] == state);
        these.map(|step| step["step"].as_str().unwrap()).collect()
    }
}

/// The service's side alone, with settings of `[service]` beside those that lead there.
fn check(far_end: &FarEnd, settings: &str, flags: &[&str]) -> Checked {
    let client = Emberline::with_config(&format!("{}{settings}", far_end.section()));
    Checked::of(client.run(&[&["check", "--only", "service", "--json"], flags].concat()))
}
