//! Proxies between clients and the nodes of a cluster.
//!
//! A Kafka client goes where the nodes tell it to, so each node tells who comes through its
//! proxy the proxy's address, on a listener of its own.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::OwnedMutexGuard;

use super::TestKafka;
use crate::proxy::{Proxy, ProxyCounts, ProxyFaults};

/// A proxy before each node. While this lives, nobody else has proxies before this cluster.
#[derive(Debug)]
pub struct KafkaProxies {
    nodes: Vec<Proxy>,
    _turn: OwnedMutexGuard<()>,
}

impl TestKafka {
    /// Puts a proxy before each node, on the current runtime, once it is this caller's turn.
    /// Only those notice who start from [`KafkaProxies::bootstrap`].
    ///
    /// # Errors
    /// Not a Kafka that was started from Java.
    pub async fn proxies(&self) -> Result<KafkaProxies> {
        let turn = Arc::clone(&self.fronts).lock_owned().await;
        let fronts = self.nodes()?.fronts()?;
        let nodes = fronts.into_iter().map(|(listener, target)| Proxy::listen(listener, target));
        Ok(KafkaProxies { nodes: nodes.collect::<Result<_>>()?, _turn: turn })
    }
}

impl KafkaProxies {
    /// The addresses of all of them, comma separated.
    pub fn bootstrap(&self) -> String {
        let addresses: Vec<_> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        addresses.join(",")
    }

    /// The proxy before a node, counted from 1.
    pub fn of_node(&self, node: usize) -> Option<&Proxy> {
        self.nodes.get(node.checked_sub(1)?)
    }

    /// Puts the same faults in force at each of them.
    pub fn set(&self, faults: &ProxyFaults) {
        for node in &self.nodes {
            node.set(faults.clone());
        }
    }

    /// Ends all misbehaviour.
    pub fn heal(&self) {
        self.set(&ProxyFaults::default());
    }

    /// Resets all connections that are open, once.
    pub fn cut_all(&self) {
        for node in &self.nodes {
            node.cut_all();
        }
    }

    /// What went through all of them.
    pub fn counts(&self) -> ProxyCounts {
        let counts = self.nodes.iter().map(Proxy::counts);
        counts.fold(ProxyCounts::default(), |sum, of_node| sum + of_node)
    }
}
