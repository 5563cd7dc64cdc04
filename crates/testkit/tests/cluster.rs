//! A Kafka of three nodes: what it bears, and the proxies before it.
#![expect(clippy::unwrap_used, reason = "a test; its functions are run by a harness of their own")]

use std::process::ExitCode;
use std::time::Duration;

use emberline_broker::{KafkaSettings, TableReader};
use emberline_testkit::harness::{self, trial};
use emberline_testkit::kafka::{NewRecord, TestKafka, java, unique};
use emberline_testkit::{ProxyFaults, wait_for};
use libtest_mimic::Arguments;

const DEADLINE: Duration = Duration::from_mins(4);

fn main() -> ExitCode {
    let trials = vec![
        trial("a_cluster_takes_writes_while_a_node_is_away", DEADLINE, a_node_away),
        trial("who_starts_from_the_proxies_stays_behind_them", DEADLINE, behind_proxies),
    ];
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    harness::run(&arguments, java().err().as_ref(), trials)
}

fn records(count: usize) -> Vec<NewRecord> {
    (0..count).map(|n| NewRecord::text(&format!("k{n}"), &format!("v{n}"))).collect()
}

async fn a_node_away() {
    let kafka = TestKafka::start_cluster(3).await.unwrap();
    let topic = unique("t");
    kafka.create_topic(&topic, 3, &[]).await.unwrap();
    kafka.produce(&topic, &records(300)).await.unwrap();
    // Only for its group's sake: it makes the topic that commits are in.
    kafka.committed("somebody", &topic).await.unwrap();

    let leader = kafka.leader_of(&topic, 0).await.unwrap();
    kafka.kill_node(leader).unwrap();
    kafka.produce(&topic, &records(300)).await.unwrap();
    assert_ne!(kafka.leader_of(&topic, 0).await.unwrap(), leader);
    kafka.restart_node(leader).unwrap();
    kafka.wait_until_up().await.unwrap();
    kafka.wait_until_in_sync().await.unwrap();

    let coordinator = kafka.coordinator_of("somebody").await.unwrap();
    kafka.stop_node(coordinator).await.unwrap();
    assert_ne!(kafka.coordinator_of("somebody").await.unwrap(), coordinator);
    assert_eq!(kafka.read_all(&topic).await.unwrap().len(), 600);
    kafka.restart_node(coordinator).unwrap();
    kafka.wait_until_up().await.unwrap();
    kafka.wait_until_in_sync().await.unwrap();
}

async fn behind_proxies() {
    let kafka = TestKafka::shared_cluster().await.unwrap();
    let topic = unique("t");
    kafka.create_topic(&topic, 6, &[]).await.unwrap();
    kafka.produce(&topic, &records(600)).await.unwrap();

    let proxies = kafka.proxies().await.unwrap();
    let settings = KafkaSettings::new(proxies.bootstrap(), unique("g"));
    let (sender, mut rows) = tokio::sync::mpsc::unbounded_channel();
    let reader = TableReader::start(&settings, &topic, move |record| {
        let _ = sender.send(record.key.map(<[u8]>::to_vec));
    });
    let reader = reader.unwrap();
    reader.read_to_current_end().await.unwrap();
    let read = proxies.counts();
    assert!(read.bytes_back > 600 * 4, "{read:?}");
    for node in 1..=3 {
        assert!(proxies.of_node(node).unwrap().counts().connections > 0, "node {node}");
    }

    proxies.set(&ProxyFaults { latency: Duration::from_millis(20), ..ProxyFaults::default() });
    proxies.cut_all();
    kafka.produce(&topic, &records(100)).await.unwrap();
    let cut = wait_for("they are cut", DEADLINE, async || {
        let counts = proxies.counts();
        Ok((counts.cut > 0).then_some(counts))
    });
    assert!(cut.await.unwrap().cut_amid > 0, "a fetch always waits for its answer");
    reader.read_to_current_end().await.unwrap();
    let counts = proxies.counts();
    assert!(counts.slowed_bytes > 0 && counts.connections > read.connections, "{counts:?}");
    reader.stop().await;
    let mut count = 0;
    while rows.recv().await.is_some() {
        count += 1;
    }
    assert_eq!(count, 700);
}
