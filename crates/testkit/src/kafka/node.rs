//! Nodes of a Kafka cluster, each a Java process on this machine.
//!
//! Each has two listeners for clients: one that it is reached at directly, and one that it
//! names to clients by the address of a [`Front`], where a proxy may listen.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::jars;
use crate::guard::Guarded;

/// The nodes of one cluster; they end with it.
pub(super) struct Cluster {
    nodes: Vec<Node>,
    /// Dropped last: the nodes write to it.
    _data: TempDir,
}

/// Where a node's clients go that are to be proxied, and where the proxy goes from there.
pub(super) struct Front {
    /// Held from the start, so that nobody else takes the port that the node tells.
    listener: TcpListener,
    target: SocketAddr,
}

struct Node {
    port: u16,
    front: Front,
    program: Vec<String>,
    log: PathBuf,
    /// Removes the data of the whole cluster.
    clean_up: String,
    /// `None` while it is killed.
    process: Option<Guarded>,
}

impl Cluster {
    /// Starts the processes; they answer some seconds later.
    pub(super) fn start(size: usize, further: &[(&str, &str)]) -> Result<Self> {
        let jars = jars::directory()?;
        let data = tempfile::Builder::new().prefix("emberline-kafka-").tempdir()?;
        let ports = free_ports(size * 3)?;
        let (client_ports, others) = ports.split_at(size);
        let (controller_ports, proxied_ports) = others.split_at(size);
        let voters: Vec<String> = (1..)
            .zip(controller_ports)
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}"))
            .collect();
        let class_path = format!("{}/*", jars.display());
        let log4j = data.path().join("log4j2.properties");
        fs::write(&log4j, LOG4J)?;

        let mut nodes = Vec::new();
        for index in 0..size {
            let id = index + 1;
            let home = data.path().join(format!("node-{id}"));
            fs::create_dir(&home)?;
            let properties = home.join("server.properties");
            let logs = home.join("logs");
            let port = client_ports[index];
            let proxied = SocketAddr::from((Ipv4Addr::LOCALHOST, proxied_ports[index]));
            let front = Front { listener: TcpListener::bind("127.0.0.1:0")?, target: proxied };
            let listeners = Listeners {
                client: port,
                controller: controller_ports[index],
                proxied: proxied.port(),
                front: front.listener.local_addr()?.port(),
            };
            let mut text = properties_of(id, &listeners, &voters.join(","), &logs, size);
            for (key, value) in further {
                let _ = writeln!(text, "{key}={value}");
            }
            fs::write(&properties, text)?;
            format_storage(&class_path, &log4j, &properties)?;
            // Three nodes and their clients share a machine.
            let heap = if size > 1 { "-Xmx400m" } else { "-Xmx512m" };
            let program = vec![
                "java".to_owned(),
                heap.to_owned(),
                format!("-Dlog4j2.configurationFile={}", log4j.display()),
                "-cp".to_owned(),
                class_path.clone(),
                "kafka.Kafka".to_owned(),
                properties.display().to_string(),
            ];
            let log = home.join("output.log");
            let clean_up = format!("rm -rf '{}'", data.path().display());
            nodes.push(Node { port, front, program, log, clean_up, process: None });
        }
        for node in &mut nodes {
            node.start()?;
        }
        Ok(Self { nodes, _data: data })
    }

    pub(super) fn bootstrap(&self) -> String {
        let addresses: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        addresses.join(",")
    }

    pub(super) fn size(&self) -> usize {
        self.nodes.len()
    }

    /// An error when a node that should run has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        for (id, node) in (1..).zip(&mut self.nodes) {
            if node.process.as_mut().is_some_and(|process| !process.is_running()) {
                bail!("kafka node {id} ended:\n{}", node.log_end());
            }
        }
        Ok(())
    }

    /// Whether a node ended because its port was taken meanwhile.
    pub(super) fn lost_a_port(&self) -> bool {
        self.nodes.iter().any(|node| node.log_end().contains("Address already in use"))
    }

    /// Each node's front: a listener, and where what comes there is to go.
    pub(super) fn fronts(&self) -> Result<Vec<(TcpListener, SocketAddr)>> {
        let fronts = self.nodes.iter().map(|node| &node.front);
        fronts.map(|front| Ok((front.listener.try_clone()?, front.target))).collect()
    }

    /// Asks a node to end in good order. It is over when it [runs](Self::runs) no more.
    pub(super) fn ask_to_stop(&mut self, id: usize) -> Result<()> {
        match &mut self.node(id)?.process {
            Some(process) => process.ask_to_end(),
            None => Ok(()),
        }
    }

    /// Whether a node's process is there.
    pub(super) fn runs(&mut self, id: usize) -> Result<bool> {
        Ok(self.node(id)?.process.as_mut().is_some_and(Guarded::is_running))
    }

    pub(super) fn kill(&mut self, id: usize) -> Result<()> {
        self.node(id)?.process.take().map_or(Ok(()), Guarded::end)
    }

    pub(super) fn restart(&mut self, id: usize) -> Result<()> {
        self.kill(id)?;
        self.node(id)?.start()
    }

    fn node(&mut self, id: usize) -> Result<&mut Node> {
        let index = id.checked_sub(1).context("nodes are counted from 1")?;
        self.nodes.get_mut(index).with_context(|| format!("there is no node {id}"))
    }
}

impl Node {
    fn start(&mut self) -> Result<()> {
        let end = "kill -9 $GUARDED";
        let process = Guarded::start(&self.program, end, &self.clean_up, &self.log)?;
        self.process = Some(process);
        Ok(())
    }

    /// The last lines that it wrote.
    fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Warnings to standard output, which is the node's log file.
const LOG4J: &str = "\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
";

/// A node's ports: three that it listens on, and that of its front.
struct Listeners {
    client: u16,
    controller: u16,
    proxied: u16,
    front: u16,
}

fn properties_of(
    id: usize,
    listeners: &Listeners,
    voters: &str,
    logs: &Path,
    size: usize,
) -> String {
    let Listeners { client, controller, proxied, front } = listeners;
    let replicas = size.min(3);
    let in_sync = if size >= 3 { 2 } else { 1 };
    let mut text = String::new();
    for (key, value) in [
        ("process.roles", "broker,controller".to_owned()),
        ("node.id", id.to_string()),
        ("controller.quorum.voters", voters.to_owned()),
        (
            "listeners",
            format!(
                "PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{proxied},\
                 CONTROLLER://127.0.0.1:{controller}"
            ),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{front}"),
        ),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listener.security.protocol.map",
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT".to_owned(),
        ),
        ("log.dirs", logs.display().to_string()),
        ("num.partitions", "6".to_owned()),
        ("default.replication.factor", replicas.to_string()),
        ("min.insync.replicas", in_sync.to_string()),
        ("offsets.topic.replication.factor", replicas.to_string()),
        ("transaction.state.log.replication.factor", replicas.to_string()),
        ("transaction.state.log.min.isr", in_sync.to_string()),
        // As many as a test needs, so that the first commit doesn't wait for 50 of them.
        ("offsets.topic.num.partitions", "4".to_owned()),
        ("transaction.state.log.num.partitions", "4".to_owned()),
        ("group.initial.rebalance.delay.ms", "0".to_owned()),
        ("auto.create.topics.enable", "false".to_owned()),
    ] {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

fn format_storage(class_path: &str, log4j: &Path, properties: &Path) -> Result<()> {
    // A cluster's id: 16 bytes in the URL form of Base64. All nodes must have the same one;
    // nothing else depends on it.
    const CLUSTER: &str = "ZW1iZXJsaW5lLXRlc3RzMQ";
    let output = Command::new("java")
        .arg(format!("-Dlog4j2.configurationFile={}", log4j.display()))
        .args(["-cp", class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
        .arg(properties)
        .output()
        .context("could not run java")?;
    if !output.status.success() {
        bail!(
            "could not format Kafka's storage:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

/// Ports that are free now, all different.
pub(super) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let listeners: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    Ok(listeners
        .iter()
        .map(|open| open.local_addr().map(|at| at.port()))
        .collect::<Result<_, _>>()?)
}
