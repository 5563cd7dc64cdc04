//! `emberline replay list`, `show` and `cancel`, beside a run in the test's own process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use emberline::replays::{
    End, Interruption, Registry, ReplayKind, ReplayProgress, ReplayRange, ReplayState,
    ReplayStatus, Tenure, Timing,
};
use emberline_model::ReplayName;
use serde_json::{Value, json};

use crate::binary::{Emberline, Run};
use crate::kafka::Kafka;

const TOPIC: &str = "emberline.replays";
const DEADLINE: Duration = Duration::from_mins(1);

/// A Kafka, and the program that looks at it.
struct World {
    kafka: Kafka,
    client: Arc<Emberline>,
}

impl World {
    fn new() -> Self {
        let kafka = Kafka::with_topics(&[TOPIC]);
        let client = Arc::new(Emberline::with_config(&kafka.section()));
        Self { kafka, client }
    }

    /// A run in this process.
    async fn begin(&self, name: &str) -> Tenure {
        let kafka = self.kafka.settings();
        let registry = Registry::open(&kafka, TOPIC.into(), Timing::default()).await.unwrap();
        let name = ReplayName::parse(name).unwrap();
        registry.claim(&name, |_| status()).await.unwrap()
    }

    /// Runs the program; what runs in this process goes on meanwhile.
    async fn run(&self, arguments: &[&str]) -> Run {
        let client = Arc::clone(&self.client);
        let arguments: Vec<_> = arguments.iter().map(|it| (*it).to_owned()).collect();
        let run = tokio::task::spawn_blocking(move || {
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            client.run(&[&["replay"], &*arguments].concat())
        });
        run.await.unwrap()
    }

    async fn json(&self, arguments: &[&str]) -> (Run, Value) {
        let run = self.run(&[arguments, &["--json"]].concat()).await;
        let object = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        (run, object)
    }
}

fn status() -> ReplayStatus {
    ReplayStatus {
        kind: ReplayKind::Replay,
        state: ReplayState::Running,
        reason: String::new(),
        topic: "devices".into(),
        from: vec!["0:0".into()],
        to: vec![],
        ranges: vec![ReplayRange { partition: 0, from: 0, to: 200 }],
        only: None,
        asked: BTreeMap::from([("product".into(), "P".into())]),
        planned: BTreeMap::new(),
        rate: None,
        host: String::new(),
        started_ms: 1_700_000_000_000,
        ended_ms: None,
        progress: ReplayProgress { records: 200, read: 50, ..Default::default() },
        unsure_since_ms: None,
    }
}

#[tokio::test]
async fn what_runs_is_listed_and_shown() {
    let world = World::new();
    let (run, object) = world.json(&["list"]).await;
    assert_eq!((run.code, &object["replays"]), (0, &json!([])), "{run:?}");
    let first = world.begin("first").await;
    first.end(End::Failed("no credentials".into())).await.unwrap();
    let running = world.begin("second").await;
    let list = world.run(&["list"]).await;
    let lines: Vec<_> = list.stdout.lines().collect();
    assert_eq!((list.code, lines.len()), (0, 3), "{list:?}");
    assert!(lines[0].starts_with("name    kind    state    progress"), "{list:?}");
    assert!(lines.iter().any(|line| line.starts_with("second  replay  running  25 %")), "{list:?}");
    let (run, object) = world.json(&["show", "first"]).await;
    assert_eq!((run.code, &object["state"]), (0, &json!("failed")), "{run:?}");
    assert_eq!(object["reason"], "no credentials");
    let shown = world.run(&["show", "second"]).await;
    for part in ["replay second", "asked       product P", "0:0 to 200", "25 % (50 of 200"] {
        assert!(shown.stdout.contains(part), "{part}: {shown:?}");
    }
    running.end(End::Done).await.unwrap();
}

#[tokio::test]
async fn cancel_stops_a_run_and_waits_for_its_word() {
    let world = World::new();
    let tenure = world.begin("back-fill").await;
    let runs = tokio::spawn(async move {
        let why = tokio::time::timeout(DEADLINE, tenure.interrupted()).await.unwrap();
        assert!(matches!(why, Interruption::Cancelled(_)), "{why:?}");
        tenure.end(End::Cancelled).await.unwrap()
    });
    let (run, object) = world.json(&["cancel", "back-fill"]).await;
    assert_eq!((run.code, &object["outcome"]), (0, &json!("ended")), "{run:?}");
    assert_eq!(object["replay"]["state"], "cancelled", "{run:?}");
    assert!(run.stderr.contains("asking replay back-fill on "), "{run:?}");
    assert_eq!(runs.await.unwrap().state, ReplayState::Cancelled);
    let again = world.run(&["cancel", "back-fill"]).await;
    assert_eq!(again.code, 0, "{again:?}");
    assert!(again.stdout.starts_with("nothing runs under back-fill: it is cancelled since 20"));
}

#[tokio::test]
async fn what_does_not_run_cannot_be_cancelled_and_an_unknown_name_is_told() {
    let world = World::new();
    world.begin("back-fill").await.end(End::Done).await.unwrap();
    let done = world.run(&["cancel", "back-fill"]).await;
    assert_eq!((done.code, &*done.stderr), (1, ""), "{done:?}");
    assert!(done.stdout.starts_with("nothing runs under back-fill: it is done"), "{done:?}");
    for command in ["show", "cancel"] {
        let run = world.run(&[command, "other"]).await;
        assert_eq!(run.code, 1, "{run:?}");
        assert!(run.stderr.contains("there is no replay other: see emberline replay list"));
        let run = world.run(&[command, "a/b"]).await;
        assert_eq!(run.code, 2, "{run:?}");
    }
    assert_eq!(world.run(&[]).await.code, 2);
}

#[test]
fn without_the_topic_the_command_that_makes_it_is_told() {
    let kafka = Kafka::with_topics(&["devices"]);
    let run = Emberline::with_config(&kafka.section()).run(&["replay", "list"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stderr.contains("emberline topics create"), "{run:?}");
}
