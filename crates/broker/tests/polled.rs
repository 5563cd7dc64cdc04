//! The producer that is asked for its words, against the embedded broker.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::time::{Duration, Instant};

use emberline_broker::{
    EmbeddedBroker, KafkaSettings, OwnedRecord, PolledProducer, ProduceError, ProducerSettings,
    Record, Word,
};
use tokio::sync::mpsc::{self, UnboundedReceiver};

const DEADLINE: Duration = Duration::from_secs(20);

fn producer(
    kafka: &KafkaSettings,
    settings: &ProducerSettings,
) -> (PolledProducer, UnboundedReceiver<Word>) {
    let (sender, words) = mpsc::unbounded_channel();
    (PolledProducer::new(kafka, settings, sender).unwrap(), words)
}

fn record<'a>(topic: &'a str, headers: &'a [(&'a str, &'a [u8])]) -> Record<'a> {
    let (key, value) = (Some(&b"key"[..]), Some(&b"value"[..]));
    Record { topic, partition: None, key, value, headers, timestamp_ms: None }
}

/// The next word, asked for until it comes.
fn word(producer: &PolledProducer, words: &mut UnboundedReceiver<Word>) -> Word {
    let limit = Instant::now() + DEADLINE;
    loop {
        producer.poll();
        match words.try_recv() {
            Ok(word) => return word,
            Err(_) => assert!(Instant::now() < limit, "no word came"),
        }
        std::thread::yield_now();
    }
}

#[test]
fn each_record_gets_one_word_with_its_place() {
    let broker = EmbeddedBroker::start(&[("t", 1), ("u", 1)]).unwrap();
    let (mut producer, mut words) = producer(&broker.settings("g"), &ProducerSettings::default());
    for token in 0..100 {
        let topic = if token % 2 == 0 { "t" } else { "u" };
        // Those with headers go another way, and keep their turn.
        let headers: &[(&str, &[u8])] = if token % 3 == 0 { &[("name", b"value")] } else { &[] };
        producer.send(record(topic, headers), token).unwrap();
    }
    let mut told: Vec<_> = (0..100)
        .map(|_| {
            let (token, result) = word(&producer, &mut words);
            (token, result.unwrap().offset)
        })
        .collect();
    told.sort_unstable();
    let expected: Vec<_> =
        (0..100).map(|token| (token, i64::try_from(token / 2).unwrap())).collect();
    assert_eq!(told, expected);
    drop(producer);
    assert!(words.blocking_recv().is_none(), "no word more");
}

#[test]
fn a_record_goes_to_the_partition_that_it_is_given_whatever_its_key() {
    let broker = EmbeddedBroker::start(&[("t", 4)]).unwrap();
    let (mut producer, mut words) = producer(&broker.settings("g"), &ProducerSettings::default());
    for partition in 0..4 {
        for headers in [&[][..], &[("name", &b"value"[..])]] {
            let given = Record { partition: Some(partition), ..record("t", headers) };
            producer.send(given, 0).unwrap();
            assert_eq!(word(&producer, &mut words).1.unwrap().partition, partition);
        }
    }
    let nowhere = Record { partition: Some(4), ..record("t", &[]) };
    assert_eq!(producer.send(nowhere, 0), Err(ProduceError::NoTopic("t".into())));
}

#[test]
fn a_record_that_was_not_written_comes_back_whole() {
    // Nobody is there.
    let kafka = KafkaSettings::new("127.0.0.1:1", "g");
    let (mut producer, mut words) = producer(&kafka, &ProducerSettings::default());
    producer.send(record("t", &[("name", b"value"), ("empty", b"")]), 7).unwrap();
    let tombstone = Record { value: None, ..record("t", &[]) };
    producer.send(tombstone, 8).unwrap();
    producer.poll();
    assert!(words.try_recv().is_err(), "nothing is known yet");
    drop(producer);
    let headers = vec![("name".to_owned(), b"value".to_vec()), ("empty".to_owned(), Vec::new())];
    let (topic, key) = ("t".to_owned(), Some(b"key".to_vec()));
    let value = Some(b"value".to_vec());
    let whole = OwnedRecord { topic, key, value, headers };
    let bare = OwnedRecord { value: None, headers: Vec::new(), ..whole.clone() };
    for (token, record) in [(7, whole), (8, bare)] {
        let (told, result) = words.blocking_recv().unwrap();
        let unwritten = result.unwrap_err();
        assert_eq!((told, &unwritten.error), (token, &ProduceError::Closed));
        assert_eq!(unwritten.record, record);
    }
    assert!(words.blocking_recv().is_none());
}

#[test]
fn a_record_too_large_is_refused_and_the_next_goes_through() {
    let broker = EmbeddedBroker::start(&[("t", 1)]).unwrap();
    let settings = ProducerSettings { message_max_bytes: 10_000, ..ProducerSettings::default() };
    let (mut producer, mut words) = producer(&broker.settings("g"), &settings);
    let large = vec![7; 20_000];
    let large = Record { value: Some(&large), ..record("t", &[]) };
    assert_eq!(producer.send(large, 1), Err(ProduceError::TooLarge));
    producer.send(record("t", &[]), 2).unwrap();
    let (token, result) = word(&producer, &mut words);
    assert_eq!((token, result.unwrap().offset), (2, 0));
}

#[test]
fn a_topic_that_is_made_later_is_written_to_then() {
    let broker = EmbeddedBroker::start(&[("t", 1)]).unwrap();
    let settings =
        ProducerSettings { delivery_timeout: Duration::from_millis(500), ..Default::default() };
    let (mut producer, mut words) = producer(&broker.settings("g"), &settings);
    let mut refusals = 0;
    loop {
        let error = match producer.send(record("late", &[]), refusals) {
            Err(error) => error,
            Ok(()) => match word(&producer, &mut words).1 {
                Ok(_) => break,
                Err(unwritten) => unwritten.error,
            },
        };
        assert!(matches!(error, ProduceError::NoTopic(_) | ProduceError::TimedOut), "{error:?}");
        if refusals == 0 {
            broker.create_topic("late", 1).unwrap();
        }
        refusals += 1;
        std::thread::yield_now();
    }
    assert!(refusals > 0, "it was not there at first");
}
