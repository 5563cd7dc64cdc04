//! The steps, how each ended, and the table that is printed of them.

use std::fmt::Write as _;

use serde::Serialize;

use super::fault::Fault;

/// What a step is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Group {
    Configuration,
    Kafka,
    Service,
    /// The way of a user, from the customer to the last state.
    Flow,
    /// Where the vendor's pages leave open how a call looks.
    Spelling,
}

impl Group {
    const ALL: [Self; 5] =
        [Self::Configuration, Self::Kafka, Self::Service, Self::Flow, Self::Spelling];

    const fn title(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Kafka => "kafka",
            Self::Service => "service",
            Self::Flow => "the way of a user, with a test order",
            Self::Spelling => "how the service wants its calls spelt",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Ok,
    Failed,
    /// Not tried; the detail says because of what.
    Skipped,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

/// One step.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Step {
    pub(super) group: Group,
    #[serde(rename = "step")]
    pub(super) name: String,
    pub(super) state: State,
    pub(super) detail: String,
    /// What to do about a failure.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) advice: String,
}

/// All steps so far.
#[derive(Debug, Default)]
pub(super) struct Report {
    steps: Vec<Step>,
}

impl Report {
    pub(super) fn ok(&mut self, group: Group, step: &str, detail: impl Into<String>) {
        self.push(group, step, State::Ok, detail.into(), String::new());
    }

    pub(super) fn failed(&mut self, group: Group, step: &str, fault: Fault) {
        self.push(group, step, State::Failed, fault.detail, fault.advice);
    }

    /// `because` completes "because of".
    pub(super) fn skipped(&mut self, group: Group, step: &str, because: &str) {
        self.push(group, step, State::Skipped, format!("because of {because}"), String::new());
    }

    /// Notes how a step ended; true if it went well.
    pub(super) fn settle(
        &mut self,
        group: Group,
        step: &str,
        outcome: Result<String, Fault>,
    ) -> bool {
        match outcome {
            Ok(detail) => {
                self.ok(group, step, detail);
                true
            }
            Err(fault) => {
                self.failed(group, step, fault);
                false
            }
        }
    }

    fn push(&mut self, group: Group, step: &str, state: State, detail: String, advice: String) {
        self.steps.push(Step { group, name: step.to_owned(), state, detail, advice });
    }

    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The step of that name, if it was come to.
    pub(super) fn find(&self, group: Group, step: &str) -> Option<&Step> {
        self.steps.iter().find(|it| it.group == group && it.name == step)
    }

    /// Whether nothing failed.
    pub(super) fn is_good(&self) -> bool {
        self.count(State::Failed) == 0
    }

    fn count(&self, state: State) -> usize {
        self.steps.iter().filter(|step| step.state == state).count()
    }

    /// A line a step, and one more for what to do.
    pub(super) fn table(&self) -> String {
        let width = self.steps.iter().map(|it| it.name.chars().count()).max().unwrap_or_default();
        let mut text = String::new();
        for group in Group::ALL {
            let mut steps = self.steps.iter().filter(|step| step.group == group).peekable();
            if steps.peek().is_some() {
                let _ = writeln!(text, "{}", group.title());
            }
            for Step { name, state, detail, advice, .. } in steps {
                let _ = writeln!(text, "  {:<7}  {name:<width$}  {detail}", state.name());
                if !advice.is_empty() {
                    let _ = writeln!(text, "           {:<width$}  -> {advice}", "");
                }
            }
        }
        let [ok, failed, skipped] =
            [State::Ok, State::Failed, State::Skipped].map(|state| self.count(state));
        let _ = writeln!(text, "{ok} ok, {failed} failed, {skipped} skipped");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Group, Report};
    use crate::commands::check::fault::Fault;

    #[test]
    fn a_table_has_a_line_a_step_and_what_to_do_below_a_failure() {
        let mut report = Report::default();
        report.ok(Group::Configuration, "settings", "emberline.toml");
        assert!(report.is_good());
        report.failed(Group::Kafka, "bindings", Fault::new("does not exist", "make it"));
        report.skipped(Group::Flow, "binding", "the customer");
        // Groups stand together, in whatever order their steps were come to.
        report.ok(Group::Kafka, "devices", "6 partitions");
        assert!(!report.is_good());
        insta::assert_snapshot!(report.table());
    }
}
