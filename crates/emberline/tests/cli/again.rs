//! Misuse of `emberline replay` and `emberline dlq redrive`: what is wrong is told before
//! anything is read or sent, with what to do about it.

use emberline::replays::{
    End, Registry, ReplayKind, ReplayProgress, ReplayState, ReplayStatus, Timing,
};
use emberline_model::ReplayName;
use serde_json::{Value, json};

use crate::binary::{Emberline, Run};
use crate::kafka::Kafka;

const REPLAYS: &str = "emberline.replays";
const LETTERS: &str = "emberline.dead-letters";
const REDRIVE: [&str; 2] = ["dlq", "redrive"];
const REPLAY: [&str; 5] = ["replay", "--topic", "devices", "--from", "0:0"];

/// A Kafka with these topics, and the program with these settings beside it.
struct World {
    kafka: Kafka,
    client: Emberline,
}

impl World {
    fn new() -> Self {
        let own = ["dead-letters", "receipts", "customer-devices", "replays"];
        let own = own.map(|name| format!("emberline.{name}"));
        let own = own.iter().map(String::as_str);
        Self::of(&own.chain(["devices"]).collect::<Vec<_>>(), "")
    }

    fn of(topics: &[&str], settings: &str) -> Self {
        let kafka = Kafka::with_topics(topics);
        let service =
            "[service]\nurl = \"http://127.0.0.1:9/\"\napp_key = \"k\"\napp_secret = \"s\"\n";
        let text = format!("{}{service}{settings}", kafka.section());
        Self { client: Emberline::with_config(&text), kafka }
    }

    fn run(&self, command: &[&str], flags: &[&str]) -> Run {
        self.client.run(&[command, flags].concat())
    }

    /// What is told of a misuse.
    fn refused(&self, command: &[&str], flags: &[&str]) -> String {
        let run = self.run(command, flags);
        assert!(run.code == 2 && run.stdout.is_empty(), "{command:?} {flags:?}: {run:?}");
        assert!(!run.stderr.contains("reading"), "{command:?} {flags:?}: {run:?}");
        run.stderr
    }
}

#[test]
fn a_replay_without_a_bound_or_of_no_input_is_told_what_to_give() {
    let world = World::new();
    let told = world.refused(&["replay", "--topic", "devices"], &["--yes"]);
    assert!(told.contains("give --from, --to, or both"), "{told}");
    let told = world.refused(&["replay", "--topic", "device", "--from", "0:0"], &["--yes"]);
    assert!(told.contains("these are devices, bindings"), "{told}");
    let told = world.refused(&["replay", "--from", "0:0"], &["--yes"]);
    assert!(told.contains("--topic"), "{told}");
    for bounds in [["--from", "9:0"], ["--to", "yesterday"]] {
        let told =
            world.refused(&["replay", "--topic", "devices"], &[&bounds[..], &["--yes"]].concat());
        assert!(told.contains("partitions") || told.contains("2h ago"), "{told}");
    }
}

#[test]
fn what_goes_by_receipts_is_refused_where_none_are_written() {
    let world = World::of(&["devices", LETTERS, REPLAYS], "[receipts]\nenabled = false\n");
    let told = world.refused(&REPLAY, &["--missing-only", "--dry-run"]);
    assert!(told.contains("receipts.enabled") && told.contains("leave it away"), "{told}");
    let told = world.refused(&REDRIVE, &["--dry-run"]);
    assert!(told.contains("receipts.enabled") && told.contains("--even-accepted"), "{told}");
}

#[test]
fn a_rate_above_the_part_of_replays_is_refused_also_of_a_dry_run() {
    let world = World::new();
    for command in [&REDRIVE[..], &REPLAY] {
        for how in ["--dry-run", "--yes"] {
            let told = world.refused(command, &["--rate", "21/s", how]);
            assert!(told.contains("more than the 20/s") && told.contains("limits.replay_part"));
        }
    }
}

#[test]
fn without_a_terminal_and_without_a_yes_nothing_is_read_or_sent() {
    let world = World::new();
    for command in [&REDRIVE[..], &REPLAY] {
        let told = world.refused(command, &[]);
        assert_eq!(
            told,
            "error: nobody is there to be asked: --yes sends without asking, --dry-run only plans\n"
        );
    }
}

#[test]
fn a_letter_must_be_allowed_to_be_redriven_once_at_least() {
    let told = World::new().refused(&REDRIVE, &["--most", "0", "--yes"]);
    assert!(told.contains("--most"), "{told}");
}

#[test]
fn a_missing_topic_is_told_with_the_command_that_makes_it() {
    let world = World::of(&["devices", REPLAYS], "");
    for how in ["--dry-run", "--yes"] {
        let run = world.run(&REDRIVE, &[how]);
        assert!(run.code == 1 && run.stderr.contains(LETTERS), "{run:?}");
        assert!(run.stderr.contains("emberline topics create"), "{run:?}");
    }
    let world = World::of(&["devices", LETTERS], "");
    let run = world.run(&REDRIVE, &["--yes"]);
    assert!(run.code == 1 && run.stderr.contains("emberline topics create"), "{run:?}");
}

#[test]
fn nothing_to_send_is_a_report_too() {
    let world = World::new();
    let run = world.run(&REDRIVE, &["--yes", "--json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    assert_eq!((&report["state"], &report["report"]["records"]), (&json!("done"), &json!(0)));
    assert!(run.stderr.contains("nothing to send"), "{run:?}");
    let run = world.run(&REDRIVE, &["--yes"]);
    assert!(run.code == 0 && run.stdout.contains(": done\n  read "), "{run:?}");
}

/// As a run of these settings leaves it.
fn status(kind: ReplayKind, topic: &str) -> ReplayStatus {
    ReplayStatus {
        kind,
        state: ReplayState::Running,
        reason: String::new(),
        topic: topic.into(),
        from: vec![],
        to: vec![],
        ranges: vec![],
        only: None,
        asked: [("most".to_owned(), "3".to_owned())].into(),
        planned: [("reports".to_owned(), 7)].into(),
        rate: None,
        host: String::new(),
        started_ms: 1_700_000_000_000,
        ended_ms: None,
        progress: ReplayProgress { delivered: 7, ..Default::default() },
        unsure_since_ms: None,
    }
}

#[tokio::test]
async fn a_name_is_for_one_thing_and_what_is_done_is_not_done_twice() {
    let world = World::new();
    for (name, kind, topic) in
        [("back-fill", ReplayKind::Replay, "devices"), ("letters", ReplayKind::Redrive, LETTERS)]
    {
        let kafka = world.kafka.settings();
        let registry = Registry::open(&kafka, REPLAYS.into(), Timing::default()).await.unwrap();
        let name = ReplayName::parse(name).unwrap();
        let tenure = registry.claim(&name, |_| status(kind, topic)).await.unwrap();
        tenure.end(End::Done).await.unwrap();
    }
    let asked = tokio::task::spawn_blocking(move || {
        let others = [
            (&REDRIVE[..], &["--name", "back-fill"][..]),
            (&REDRIVE, &["--name", "letters", "--most", "2"]),
            (&REDRIVE, &["--name", "letters", "--reason", "refused"]),
            (&REPLAY, &["--name", "letters"]),
        ];
        for (command, flags) in others {
            let told = world.refused(command, &[flags, &["--yes"]].concat());
            let name = flags[1];
            for said in [&*format!("emberline replay show {name}"), "another --name"] {
                assert!(told.contains(said), "{said}: {told}");
            }
        }
        // A job that is started twice has not failed.
        let run = world.run(&REDRIVE, &["--name", "letters", "--yes", "--json"]);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stderr.contains("to do it once more, give it another --name"), "{run:?}");
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&report["state"], &report["report"]["delivered"]), (&json!("done"), &json!(7)));
    });
    asked.await.unwrap();
}
