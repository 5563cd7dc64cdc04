//! Which tokens were used, for all replicas: whoever enters a token's id in a log with one
//! partition first has used it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use emberline_broker::{AwaitedProducer, BrokerError, KafkaSettings, Record, TableReader};
use emberline_portal::{BoxFuture, Redeemed, Redemptions, Unavailable};
use parking_lot::Mutex;
use tokio::time::timeout;

/// Longest that a customer waits to be let in.
const PATIENCE: Duration = Duration::from_secs(8);
/// Beyond so many ids those that have expired are forgotten.
const MANY: usize = 10_000;

/// Used tokens, on a topic.
pub struct TopicRedemptions {
    topic: String,
    producer: AwaitedProducer,
    reader: TableReader,
    used: Arc<Mutex<HashMap<String, Used>>>,
}

/// Who used an id, and until when that matters.
#[derive(Debug)]
struct Used {
    entry: u128,
    expires: i64,
}

impl TopicRedemptions {
    /// Reads which tokens were used so far.
    ///
    /// # Errors
    /// The topic is missing, or may not be read.
    pub async fn start(kafka: KafkaSettings, topic: &str) -> Result<Self, BrokerError> {
        let used: Arc<Mutex<HashMap<String, Used>>> = Arc::default();
        let seen = Arc::clone(&used);
        let reader = TableReader::start(&kafka, topic, move |record| {
            let id = record.key.and_then(|key| std::str::from_utf8(key).ok());
            let entry = record.value.and_then(parse);
            let (Some(id), Some(entry)) = (id, entry) else { return };
            let mut seen = seen.lock();
            // The first one counts.
            seen.entry(id.to_owned()).or_insert(entry);
            if seen.len() > MANY && seen.len().is_multiple_of(MANY) {
                let now = unix_seconds();
                seen.retain(|_, used| used.expires > now);
            }
        })?;
        reader.read_to_current_end().await?;
        let producer = AwaitedProducer::new(kafka, PATIENCE)?;
        Ok(Self { topic: topic.to_owned(), producer, reader, used })
    }

    async fn redeem(&self, id: &str, expires: i64) -> Result<Redeemed, Unavailable> {
        if self.used.lock().contains_key(id) {
            return Ok(Redeemed::Before);
        }
        let entry = fastrand::u128(..);
        let value = written(entry, expires);
        let record = Record {
            topic: &self.topic,
            partition: None,
            key: Some(id.as_bytes()),
            value: Some(value.as_bytes()),
            headers: &[],
            timestamp_ms: None,
        };
        let unavailable = |error: &dyn ToString| Unavailable(error.to_string());
        self.producer.write(record).await.map_err(|error| unavailable(&error))?;
        self.reader.read_to_current_end().await.map_err(|error| unavailable(&error))?;
        let used = self.used.lock();
        let first = used.get(id).is_some_and(|used| used.entry == entry);
        Ok(if first { Redeemed::Now } else { Redeemed::Before })
    }
}

impl Redemptions for TopicRedemptions {
    fn redeem<'a>(
        &'a self,
        id: &'a str,
        expires: i64,
        _now: i64,
    ) -> BoxFuture<'a, Result<Redeemed, Unavailable>> {
        Box::pin(async move {
            let redeemed = timeout(PATIENCE, Self::redeem(self, id, expires)).await;
            redeemed.unwrap_or_else(|_| Err(Unavailable("Kafka does not answer".to_owned())))
        })
    }
}

fn written(entry: u128, expires: i64) -> String {
    format!("{entry:032x} {expires}")
}

/// What a later version writes behind that is left alone.
fn parse(value: &[u8]) -> Option<Used> {
    let mut words = std::str::from_utf8(value).ok()?.split(' ');
    let entry = u128::from_str_radix(words.next()?, 16).ok()?;
    Some(Used { entry, expires: words.next()?.parse().ok()? })
}

fn unix_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use emberline_broker::EmbeddedBroker;
    use emberline_portal::{Redeemed, Redemptions};

    use super::{TopicRedemptions, parse, written};

    #[test]
    fn what_0_1_wrote_is_read_and_so_is_what_a_later_version_writes_more() {
        const BY_0_1: &str = "0123456789abcdef0011223344556677 1628646783";
        let (entry, expires) = (0x0123_4567_89ab_cdef_0011_2233_4455_6677, 1_628_646_783);
        assert_eq!(written(entry, expires), BY_0_1);
        for value in [BY_0_1.to_owned(), format!("{BY_0_1} calm {{}}")] {
            let used = parse(value.as_bytes()).unwrap();
            assert_eq!((used.entry, used.expires), (entry, expires), "{value}");
        }
        assert!(parse(b"0123").is_none() && parse(b"x 1").is_none() && parse(b"1 soon").is_none());
    }

    #[tokio::test]
    async fn of_two_replicas_that_are_handed_the_same_token_one_lets_the_customer_in() {
        let broker = EmbeddedBroker::start(&[("tokens", 1)]).unwrap();
        let mut replicas = Vec::new();
        for _ in 0..2 {
            let started = TopicRedemptions::start(broker.settings("g"), "tokens").await;
            replicas.push(started.unwrap());
        }
        for id in ["a", "b", "c"] {
            let redeemed = tokio::join!(
                Redemptions::redeem(&replicas[0], id, i64::MAX, 0),
                Redemptions::redeem(&replicas[1], id, i64::MAX, 0),
            );
            let redeemed = [redeemed.0.unwrap(), redeemed.1.unwrap()];
            let let_in = redeemed.iter().filter(|it| **it == Redeemed::Now).count();
            assert_eq!(let_in, 1, "{id}");
        }
        let started = TopicRedemptions::start(broker.settings("g"), "tokens").await.unwrap();
        let again = Redemptions::redeem(&started, "a", i64::MAX, 0).await;
        assert_eq!(again, Ok(Redeemed::Before), "a restart forgets nothing");
    }
}
