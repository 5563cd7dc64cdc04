//! The test Kafka itself, and the broker crate's source against it.

use emberline_testkit::kafka::{NewRecord, TestKafka, availability, unique};

/// A Kafka, or `None` with a line that says what is missing. With `CI=true` it must be there.
async fn kafka() -> Option<TestKafka> {
    if let Err(missing) = availability() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{missing}");
        println!("ignored: {missing}");
        return None;
    }
    Some(TestKafka::start().await.unwrap())
}

#[tokio::test]
async fn what_was_written_can_be_read_also_after_the_node_was_killed() {
    let Some(mut kafka) = kafka().await else { return };
    let topic = unique("t");
    kafka.create_topic(&topic, 3, &[("retention.ms", "-1")]).await.unwrap();
    let mut records: Vec<NewRecord> =
        (0..1000).map(|n| NewRecord::text(&format!("k{n}"), &format!("v{n}"))).collect();
    records[7].headers = vec![("name".to_owned(), b"value".to_vec())];
    records[8].value = None;
    records[9].timestamp_ms = Some(1_700_000_000_000);
    kafka.produce(&topic, &records).await.unwrap();

    let read = kafka.read_all(&topic).await.unwrap();
    assert_eq!(read.len(), 1000);
    let of = |key: &[u8]| read.iter().find(|record| record.key.as_deref() == Some(key)).unwrap();
    assert_eq!(of(b"k7").header("name"), Some("value"));
    assert_eq!(of(b"k8").value, None);
    assert_eq!(of(b"k9").timestamp_ms, 1_700_000_000_000);

    if kafka.kill_node(1).is_ok() {
        kafka.restart_node(1).unwrap();
        kafka.wait_until_up().await.unwrap();
        assert_eq!(kafka.read_all(&topic).await.unwrap().len(), 1000);
    }
}
