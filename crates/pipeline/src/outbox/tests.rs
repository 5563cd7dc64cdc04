use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, Delivered, OwnedRecord, ProduceError, Record, Unwritten};
use emberline_wire::headers::DeadLetter;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::{Destination, Outbox, WriteEnd, borrowed};
use crate::edges::{LogWriter, Writers};
use crate::settings::WorkerKind;

/// The partition and the timestamp that a record was given.
type Place = (Option<i32>, Option<i64>);

/// A record as it was handed over.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    record: OwnedRecord,
    place: Place,
    token: usize,
}

impl Sent {
    /// It was not written.
    fn failed(&self, error: ProduceError) -> WriteEnd {
        (self.token, Err(Box::new(Unwritten { error, record: self.record.clone() })))
    }
}

/// Takes everything; the test says what becomes of it.
#[derive(Clone, Default)]
struct Log {
    sent: Arc<Mutex<Vec<Sent>>>,
    writers_made: Arc<Mutex<usize>>,
    /// The next record is not taken.
    full: Arc<Mutex<bool>>,
    asked: Arc<Mutex<usize>>,
}

impl LogWriter for Log {
    fn write(&mut self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        if std::mem::take(&mut *self.full.lock()) {
            return Err(ProduceError::QueueFull);
        }
        let place = (record.partition, record.timestamp_ms);
        self.sent.lock().push(Sent { record: OwnedRecord::of(record), place, token });
        Ok(())
    }

    fn ask(&self) {
        *self.asked.lock() += 1;
    }
}

impl Writers for Log {
    fn make(&self, _: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError> {
        *self.writers_made.lock() += 1;
        Ok(Box::new(self.clone()))
    }
}

const PLACE: Place = (Some(3), Some(1_700_000_000_000));

fn letter() -> OwnedRecord {
    OwnedRecord {
        topic: "own.dead-letters".into(),
        key: Some(b"key".to_vec()),
        value: Some(b"the payload".to_vec()),
        headers: vec![
            ("emberline-dlq-reason".into(), b"refused".to_vec()),
            (DeadLetter::MESSAGE_HEADER.into(), vec![b'x'; 1000]),
        ],
    }
}

fn outbox() -> (Outbox<&'static str>, Log) {
    let log = Log::default();
    let outbox = Outbox::new(WorkerKind::Devices, Box::new(log.clone()), Instant::now());
    (outbox.unwrap(), log)
}

fn write(outbox: &mut Outbox<&'static str>, destination: Destination, now: Instant) {
    let letter = letter();
    let record = Record {
        topic: &letter.topic,
        partition: PLACE.0,
        key: letter.key.as_deref(),
        value: letter.value.as_deref(),
        headers: &borrowed(&letter.headers),
        timestamp_ms: PLACE.1,
    };
    outbox.write(destination, record, "a record", now);
}

const WRITTEN: Delivered = Delivered { partition: 0, offset: 7 };

#[test]
fn a_dead_letter_that_is_too_large_loses_its_context_and_never_its_payload() {
    let now = Instant::now();
    let (mut outbox, log) = outbox();
    write(&mut outbox, Destination::DeadLetters, now);
    let first = log.sent.lock()[0].clone();
    assert!(outbox.ended(first.failed(ProduceError::TooLarge), now).is_none());
    assert_eq!(outbox.unacknowledged(), (1, 1));
    outbox.retry(outbox.next_deadline().unwrap(), |_| false);
    let second = log.sent.lock()[1].clone();
    assert_eq!(
        (&second.record.key, &second.record.value),
        (&first.record.key, &first.record.value)
    );
    assert_eq!(second.record.headers[0], first.record.headers[0]);
    assert_eq!(second.record.headers[1], (DeadLetter::MESSAGE_HEADER.to_owned(), Vec::new()));
    assert_eq!(outbox.ended((second.token, Ok(WRITTEN)), now), Some(("a record", WRITTEN)));
}

#[test]
fn a_write_is_tried_again_for_as_long_as_it_takes() {
    let mut now = Instant::now();
    let (mut outbox, log) = outbox();
    write(&mut outbox, Destination::Retry, now);
    for failures in 1..50 {
        let sent = log.sent.lock().last().unwrap().clone();
        assert_eq!((&sent.record, sent.place), (&letter(), PLACE));
        let error = ProduceError::NoTopic("own.retry.30s".into());
        assert!(outbox.ended(sent.failed(error), now).is_none());
        let next = outbox.next_deadline().unwrap();
        assert!(next - now <= Duration::from_secs(10), "mended topics are noticed soon");
        outbox.retry(now, |_| false);
        assert_eq!(log.sent.lock().len(), failures);
        outbox.retry(next, |_| false);
        assert_eq!(log.sent.lock().len(), failures + 1);
        now = next;
    }
    let token = log.sent.lock().last().unwrap().token;
    assert_eq!(outbox.ended((token, Ok(WRITTEN)), now), Some(("a record", WRITTEN)));
    assert_eq!(outbox.unacknowledged(), (0, 0));
}

#[test]
fn a_writer_that_has_failed_for_good_is_replaced() {
    let now = Instant::now();
    let (mut outbox, log) = outbox();
    write(&mut outbox, Destination::Retry, now);
    let sent = log.sent.lock()[0].clone();
    assert!(outbox.ended(sent.failed(ProduceError::Fatal("fenced".into())), now).is_none());
    assert_eq!(*log.writers_made.lock(), 2);
    outbox.retry(outbox.next_deadline().unwrap(), |_| false);
    assert_eq!(log.sent.lock().len(), 2);
}

#[test]
fn a_record_that_the_writer_has_no_room_for_is_written_later() {
    let now = Instant::now();
    let (mut outbox, log) = outbox();
    *log.full.lock() = true;
    write(&mut outbox, Destination::Receipts, now);
    assert_eq!(outbox.unacknowledged(), (1, 1));
    outbox.retry(outbox.next_deadline().unwrap(), |_| false);
    assert_eq!(log.sent.lock()[0].record, letter());
}

#[test]
fn the_writer_is_not_asked_twice_in_a_moment() {
    let now = Instant::now();
    let (mut outbox, log) = outbox();
    let later = |micros| now + Duration::from_micros(micros);
    for (at, asked) in [(500, 1), (1_400, 1), (1_500, 2), (9_000, 3)] {
        outbox.ask(later(at));
        assert_eq!(*log.asked.lock(), asked, "at {at}");
    }
}
