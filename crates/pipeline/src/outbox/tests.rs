use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{BrokerError, Delivered, ProduceError, Record};
use emberline_wire::headers::DeadLetter;
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;

use super::{Destination, Outbox, Outgoing, WriteEnd};
use crate::edges::{LogWriter, Writers};
use crate::settings::WorkerKind;

/// A record as it was handed over.
#[derive(Debug, Clone, PartialEq)]
struct Sent {
    value: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    token: usize,
}

/// Takes everything; the test says what becomes of it.
#[derive(Clone, Default)]
struct Log {
    sent: Arc<Mutex<Vec<Sent>>>,
    writers_made: Arc<Mutex<usize>>,
}

impl LogWriter for Log {
    fn write(&self, record: Record<'_>, token: usize) -> Result<(), ProduceError> {
        let headers = record.headers.iter();
        self.sent.lock().push(Sent {
            value: record.value.unwrap_or_default().to_vec(),
            headers: headers.map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect(),
            token,
        });
        Ok(())
    }
}

impl Writers for Log {
    fn make(&self, _: UnboundedSender<WriteEnd>) -> Result<Box<dyn LogWriter>, BrokerError> {
        *self.writers_made.lock() += 1;
        Ok(Box::new(self.clone()))
    }
}

fn letter() -> Outgoing {
    Outgoing {
        topic: "own.dead-letters".into(),
        key: Some(b"key".to_vec()),
        value: Some(b"the payload".to_vec()),
        headers: vec![
            ("emberline-dlq-reason".into(), b"refused".to_vec()),
            (DeadLetter::MESSAGE_HEADER.into(), vec![b'x'; 1000]),
        ],
        timestamp_ms: None,
    }
}

fn outbox() -> (Outbox<&'static str>, Log) {
    let log = Log::default();
    let outbox = Outbox::new(WorkerKind::Devices, Box::new(log.clone()));
    (outbox.unwrap(), log)
}

const WRITTEN: Delivered = Delivered { partition: 0, offset: 7 };

#[test]
fn a_dead_letter_that_is_too_large_loses_its_context_and_never_its_payload() {
    let now = Instant::now();
    let (mut outbox, log) = outbox();
    outbox.write(Destination::DeadLetters, letter(), "a record", now);
    let first = log.sent.lock()[0].clone();
    assert!(outbox.ended((first.token, Err(ProduceError::TooLarge)), now).is_none());
    assert_eq!(outbox.unacknowledged(), (1, 1));
    outbox.retry(outbox.next_deadline().unwrap());
    let second = log.sent.lock()[1].clone();
    assert_eq!(second.value, first.value);
    assert_eq!(second.headers[0], first.headers[0]);
    assert_eq!(second.headers[1], (DeadLetter::MESSAGE_HEADER.to_owned(), Vec::new()));
    assert_eq!(outbox.ended((second.token, Ok(WRITTEN)), now), Some(("a record", WRITTEN)));
}

#[test]
fn a_write_is_tried_again_for_as_long_as_it_takes() {
    let mut now = Instant::now();
    let (mut outbox, log) = outbox();
    outbox.write(Destination::Retry, letter(), "a record", now);
    for failures in 1..50 {
        let token = log.sent.lock().last().unwrap().token;
        let error = ProduceError::NoTopic("own.retry.30s".into());
        assert!(outbox.ended((token, Err(error)), now).is_none());
        let next = outbox.next_deadline().unwrap();
        assert!(next - now <= Duration::from_secs(10), "mended topics are noticed soon");
        outbox.retry(now);
        assert_eq!(log.sent.lock().len(), failures);
        outbox.retry(next);
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
    outbox.write(Destination::Retry, letter(), "a record", now);
    let token = log.sent.lock()[0].token;
    assert!(outbox.ended((token, Err(ProduceError::Fatal("fenced".into()))), now).is_none());
    assert_eq!(*log.writers_made.lock(), 2);
    outbox.retry(outbox.next_deadline().unwrap());
    assert_eq!(log.sent.lock().len(), 2);
}
