use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emberline_broker::{AwaitedProducer, EmbeddedBroker, Record};
use emberline_model::ReplayName;

use super::{
    CancelOutcome, ClaimError, End, Entry, Interruption, Registry, RegistryError, ReplayKind,
    ReplayProgress, ReplayRange, ReplayState, ReplayStatus, Tenure, Timing, this_host,
};

const TOPIC: &str = "emberline.replays";
const PATIENCE: Duration = Duration::from_secs(30);
/// Far enough apart that a busy machine does not make one of the other.
const TIMING: Timing =
    Timing { heartbeat: Duration::from_millis(100), silence: Duration::from_secs(2) };
/// One that gives no sign of life after its first word.
const MUTE: Timing = Timing { heartbeat: Duration::from_hours(1), ..TIMING };

/// A replay in that state, with something in most of its fields.
pub(crate) fn status(state: ReplayState) -> ReplayStatus {
    ReplayStatus {
        kind: ReplayKind::Replay,
        state,
        reason: String::new(),
        topic: "devices".into(),
        from: vec!["2h ago".into()],
        to: vec!["now".into()],
        ranges: vec![
            ReplayRange { partition: 0, from: 100, to: 350 },
            ReplayRange { partition: 1, from: 90, to: 340 },
        ],
        only: None,
        asked: BTreeMap::from([("device".into(), "P/a".into())]),
        planned: BTreeMap::from([("calls".into(), 12), ("reports".into(), 480)]),
        rate: Some(50.0),
        host: "node-1".into(),
        started_ms: 1_700_000_000_000,
        ended_ms: None,
        progress: ReplayProgress {
            records: 500,
            read: 229,
            matched: 120,
            delivered: 110,
            duplicates: 4,
            failed: BTreeMap::from([("unbound".into(), 5), ("too_old".into(), 1)]),
            position_ms: Some(1_699_990_000_000),
        },
        unsure_since_ms: None,
    }
}

fn broker() -> EmbeddedBroker {
    EmbeddedBroker::start(&[(TOPIC, 1)]).unwrap()
}

fn name() -> ReplayName {
    ReplayName::parse("back-fill").unwrap()
}

async fn open(broker: &EmbeddedBroker, timing: Timing) -> Registry {
    Registry::open(&broker.settings("g"), TOPIC.to_owned(), timing).await.unwrap()
}

async fn claim(broker: &EmbeddedBroker, timing: Timing) -> Result<Tenure, ClaimError> {
    open(broker, timing).await.claim(&name(), |_| status(ReplayState::Running)).await
}

/// Looks until it is so.
async fn wait_for(registry: &Registry, is_so: impl Fn(&Entry) -> bool) -> Entry {
    let deadline = Instant::now() + PATIENCE;
    let mut changed = registry.shared.changed.subscribe();
    loop {
        if let Some(entry) = registry.find(&name()).filter(&is_so) {
            return entry;
        }
        assert!(Instant::now() < deadline, "{:?}", registry.find(&name()));
        let _ = tokio::time::timeout(TIMING.heartbeat, changed.changed()).await;
    }
}

#[tokio::test]
async fn of_two_that_want_a_name_at_once_one_has_it_and_the_other_is_told_where_it_runs() {
    let broker = broker();
    let (one, other) = tokio::join!(claim(&broker, TIMING), claim(&broker, TIMING));
    let refused = match (&one, &other) {
        (Ok(_), Err(refused)) | (Err(refused), Ok(_)) => refused,
        both => panic!("{:?}", (both.0.as_ref().err(), both.1.as_ref().err())),
    };
    let ClaimError::Alive { host, .. } = refused else { panic!("{refused}") };
    assert_eq!(*host, this_host());
    assert!(refused.to_string().contains("emberline replay cancel back-fill"), "{refused}");
}

#[tokio::test]
async fn who_runs_a_replay_says_so_and_others_see_how_far_it_is() {
    let broker = broker();
    let watching = open(&broker, TIMING).await;
    assert_eq!(watching.list(), []);
    let tenure = claim(&broker, TIMING).await.unwrap();
    let first = wait_for(&watching, |_| true).await;
    assert_eq!((first.state_name(), first.percent()), ("running", Some(45)));
    tenure.update(|status| status.progress.read = 500);
    let then = wait_for(&watching, |entry| entry.percent() == Some(100)).await;
    assert!(then.heard_ms > first.heard_ms);
    let refused = claim(&broker, TIMING).await.err().unwrap();
    assert!(matches!(refused, ClaimError::Alive { .. }), "{refused}");
    let last = tenure.end(End::Done).await.unwrap();
    assert_eq!((last.state, last.ended_ms.is_some()), (ReplayState::Done, true));
    let entry = wait_for(&watching, |entry| entry.state_name() == "done").await;
    assert_eq!((entry.status, watching.list().len()), (last, 1));
}

#[tokio::test]
async fn of_two_runs_that_begin_at_once_the_later_one_sees_the_other() {
    let broker = broker();
    let [one, other] = [name(), ReplayName::parse("other").unwrap()];
    // Neither can see the other before it is claimed.
    let (first, second) = (open(&broker, TIMING).await, open(&broker, TIMING).await);
    let begin = |_: Option<&Entry>| status(ReplayState::Running);
    let (first, second) = tokio::join!(first.claim(&one, begin), second.claim(&other, begin));
    let (first, second) = (first.unwrap(), second.unwrap());
    let seen = async |tenure: &Tenure| tenure.began_before().await.unwrap();
    let (before_first, before_second) = (seen(&first).await, seen(&second).await);
    assert_eq!(before_first.len() + before_second.len(), 1, "{before_first:?} {before_second:?}");
    // Words that come later change nothing about who was first.
    for tenure in [&first, &second] {
        tenure.update(|status| status.progress.read = 500);
    }
    let watching = open(&broker, TIMING).await;
    let all_told = |it: &Entry| it.status.progress.read == 500;
    wait_for(&watching, |_| watching.list().iter().all(all_told)).await;
    assert_eq!(seen(&first).await.len(), before_first.len());
    first.end(End::Stopped).await.unwrap();
    assert_eq!(seen(&second).await, [], "what has ended takes nothing");
}

#[tokio::test]
async fn a_dead_run_is_taken_over_after_the_silence_and_what_it_had_done_is_known() {
    let broker = broker();
    let dead = claim(&broker, MUTE).await.unwrap();
    assert_eq!(dead.before(), None);
    drop(dead);
    let died = Instant::now();
    let watching = open(&broker, TIMING).await;
    let shown = wait_for(&watching, |entry| entry.interrupted).await;
    let begin = |before: Option<&Entry>| {
        let before = before.unwrap().status.clone();
        ReplayStatus { state: ReplayState::Running, ..before }
    };
    let tenure = watching.claim(&name(), begin).await.unwrap();
    assert!(died.elapsed() >= TIMING.silence);
    let before = tenure.before().unwrap();
    assert_eq!((&before.status, before.heard_ms), (&shown.status, shown.heard_ms));
    assert_eq!(before.status.ranges, status(ReplayState::Running).ranges);
}

#[tokio::test]
async fn what_was_stopped_goes_on_at_once_and_where_it_was() {
    let broker = broker();
    let tenure = claim(&broker, TIMING).await.unwrap();
    tenure.update(|status| status.progress.delivered = 111);
    tenure.end(End::Stopped).await.unwrap();
    let again = claim(&broker, TIMING).await.unwrap();
    let before = &again.before().unwrap().status;
    assert_eq!((before.state, before.progress.delivered), (ReplayState::Stopped, 111));
    assert_eq!(again.status().ended_ms, None);
}

#[tokio::test]
async fn who_stood_still_is_told_that_another_has_it_and_its_end_changes_nothing() {
    let broker = broker();
    let still = claim(&broker, MUTE).await.unwrap();
    let other = claim(&broker, TIMING).await.unwrap();
    let why = tokio::time::timeout(PATIENCE, still.interrupted()).await.unwrap();
    assert_eq!(why, Interruption::TakenOver { host: this_host() });
    let error = still.end(End::Done).await.unwrap_err();
    assert!(matches!(error, RegistryError::TakenOver { .. }), "{error}");
    other.end(End::Failed("no credentials".into())).await.unwrap();
    let entry = open(&broker, TIMING).await.find(&name()).unwrap();
    assert_eq!((entry.state_name(), &*entry.status.reason), ("failed", "no credentials"));
}

#[tokio::test]
async fn who_ends_without_having_listened_is_told_all_the_same() {
    let broker = broker();
    let still = claim(&broker, MUTE).await.unwrap();
    let other = claim(&broker, TIMING).await.unwrap();
    let error = still.end(End::Stopped).await.unwrap_err();
    assert!(matches!(error, RegistryError::TakenOver { .. }), "{error}");
    assert_eq!(other.status().state, ReplayState::Running);
}

#[tokio::test]
async fn a_request_to_stop_reaches_the_run_and_is_answered_by_its_last_word() {
    let broker = broker();
    let tenure = claim(&broker, TIMING).await.unwrap();
    let run = async {
        let why = tokio::time::timeout(PATIENCE, tenure.interrupted()).await.unwrap();
        assert!(matches!(why, Interruption::Cancelled(_)), "{why:?}");
        tenure.end(End::Cancelled).await.unwrap()
    };
    let (asking, name) = (open(&broker, TIMING).await, name());
    let (last, outcome) = tokio::join!(run, asking.cancel(&name, PATIENCE));
    let CancelOutcome::Ended(entry) = outcome.unwrap() else { panic!("{last:?}") };
    assert_eq!((entry.state_name(), entry.status.reason), ("cancelled", last.reason));
    // The request was for that run; the next one goes on.
    let next = claim(&broker, TIMING).await.unwrap();
    let waited = tokio::time::timeout(TIMING.heartbeat, next.interrupted()).await;
    assert!(waited.is_err(), "{waited:?}");
}

#[tokio::test]
async fn a_run_that_does_not_stop_in_time_has_been_asked_and_one_that_is_dead_is_marked() {
    let broker = broker();
    let tenure = claim(&broker, TIMING).await.unwrap();
    let outcome = open(&broker, TIMING).await.cancel(&name(), TIMING.heartbeat).await.unwrap();
    let CancelOutcome::Asked(entry) = outcome else { panic!("{outcome:?}") };
    assert_eq!(entry.cancel.unwrap().host, this_host());
    drop(tenure);
    let outcome = open(&broker, TIMING).await.cancel(&name(), PATIENCE).await.unwrap();
    let CancelOutcome::Marked(marked) = outcome else { panic!("{outcome:?}") };
    assert_eq!(marked.state_name(), "cancelled");
    let found = open(&broker, TIMING).await.find(&name()).unwrap();
    assert_eq!(found.status, marked.status);
}

#[tokio::test]
async fn what_does_not_run_is_not_cancelled() {
    let broker = broker();
    let outcome = open(&broker, TIMING).await.cancel(&name(), PATIENCE).await.unwrap();
    assert_eq!(outcome, CancelOutcome::Unknown);
    claim(&broker, TIMING).await.unwrap().end(End::Done).await.unwrap();
    let outcome = open(&broker, TIMING).await.cancel(&name(), PATIENCE).await.unwrap();
    assert!(matches!(outcome, CancelOutcome::NotRunning(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_topic_that_is_missing_or_has_no_one_order_is_told_with_what_to_do() {
    let broker = EmbeddedBroker::start(&[("two", 2)]).unwrap();
    for (topic, expected) in [("none", "does not exist"), ("two", "has 2 partitions")] {
        let opened = Registry::open(&broker.settings("g"), topic.to_owned(), TIMING).await;
        let error = opened.err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("emberline topics create"), "{error}");
    }
}

#[tokio::test]
async fn records_of_others_on_the_topic_are_passed_over() {
    let broker = broker();
    let producer = AwaitedProducer::new(broker.settings("g"), PATIENCE).unwrap();
    for key in ["back-fill", "back-fill/claim", "back-fill/cancel", "what is this"] {
        let (key, value) = (Some(key.as_bytes()), Some(&b"\xff"[..]));
        let record =
            Record { topic: TOPIC, partition: None, key, value, headers: &[], timestamp_ms: None };
        producer.write(record).await.unwrap();
    }
    assert_eq!(open(&broker, TIMING).await.list(), []);
    assert!(claim(&broker, TIMING).await.is_ok());
}
