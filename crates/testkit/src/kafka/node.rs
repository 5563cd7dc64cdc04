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
    data: TempDir,
}

/// Keys and values of `server.properties`.
pub(super) type Properties = Vec<(String, String)>;

/// What nodes have beside what every test needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Further {
    /// Lines of `server.properties`; where they are told twice, these count.
    pub(super) properties: Properties,
    /// Listeners on ports of their own: name, and protocol (`SSL`, …).
    pub(super) listeners: Vec<(&'static str, &'static str)>,
    /// Writes files beside the data, with which they go, and gives the properties that name them.
    pub(super) files: Option<fn(&Path) -> Result<Properties>>,
    /// Arguments of the formatting of the storage, such as users to be known from the start.
    pub(super) formatting: Vec<String>,
}

/// Where a node's clients go that are to be proxied, and where the proxy goes from there.
pub(super) struct Front {
    /// Held from the start, so that nobody else takes the port that the node tells.
    listener: TcpListener,
    target: SocketAddr,
}

struct Node {
    port: u16,
    /// By the names of the further listeners.
    further_ports: Vec<(&'static str, u16)>,
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
    pub(super) fn start(size: usize, further: &Further) -> Result<Self> {
        let jars = jars::directory()?;
        let data = tempfile::Builder::new().prefix("emberline-kafka-").tempdir()?;
        let ports = free_ports(size * (3 + further.listeners.len()))?;
        let (client_ports, others) = ports.split_at(size);
        let (controller_ports, others) = others.split_at(size);
        let (proxied_ports, mut others) = others.split_at(size);
        let voters: Vec<String> = (1..)
            .zip(controller_ports)
            .map(|(id, port)| format!("{id}@127.0.0.1:{port}"))
            .collect();
        let class_path = format!("{}/*", jars.display());
        let log4j = data.path().join("log4j2.properties");
        fs::write(&log4j, LOG4J)?;

        let of_files = further.files.map(|write| write(data.path())).transpose()?;
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
            let (its_ports, left) = others.split_at(further.listeners.len());
            others = left;
            let listeners = Listeners {
                client: port,
                controller: controller_ports[index],
                proxied: proxied.port(),
                front: front.listener.local_addr()?.port(),
                further: further.listeners.iter().copied().zip(its_ports.iter().copied()).collect(),
            };
            let mut text = properties_of(id, &listeners, &voters.join(","), &logs, size);
            for (key, value) in further.properties.iter().chain(of_files.iter().flatten()) {
                let _ = writeln!(text, "{key}={value}");
            }
            fs::write(&properties, text)?;
            format_storage(&class_path, &log4j, &properties, &further.formatting)?;
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
            let names = further.listeners.iter().map(|(name, _)| *name);
            let further_ports = names.zip(its_ports.iter().copied()).collect();
            let process = None;
            nodes.push(Node { port, further_ports, front, program, log, clean_up, process });
        }
        for node in &mut nodes {
            node.start()?;
        }
        Ok(Self { nodes, data })
    }

    /// Where the data is, and what was written beside it.
    pub(super) fn directory(&self) -> &Path {
        self.data.path()
    }

    pub(super) fn bootstrap(&self) -> String {
        let addresses: Vec<String> =
            self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        addresses.join(",")
    }

    /// Where the nodes are reached by the further listener of this name.
    pub(super) fn bootstrap_by(&self, listener: &str) -> Result<String> {
        let address = |node: &Node| {
            let found = node.further_ports.iter().find(|(name, _)| *name == listener);
            let (_, port) = found.with_context(|| format!("no listener {listener}"))?;
            Ok(format!("127.0.0.1:{port}"))
        };
        Ok(self.nodes.iter().map(address).collect::<Result<Vec<_>>>()?.join(","))
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

/// A node's ports: those that it listens on, and that of its front.
struct Listeners {
    client: u16,
    controller: u16,
    proxied: u16,
    front: u16,
    further: Vec<((&'static str, &'static str), u16)>,
}

fn properties_of(
    id: usize,
    listeners: &Listeners,
    voters: &str,
    logs: &Path,
    size: usize,
) -> String {
    let Listeners { client, controller, proxied, front, further } = listeners;
    let (mut addresses, mut protocols) = (String::new(), String::new());
    for ((name, protocol), port) in further {
        let _ = write!(addresses, ",{name}://127.0.0.1:{port}");
        let _ = write!(protocols, ",{name}:{protocol}");
    }
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
                 CONTROLLER://127.0.0.1:{controller}{addresses}"
            ),
        ),
        (
            "advertised.listeners",
            format!("PLAINTEXT://127.0.0.1:{client},PROXIED://127.0.0.1:{front}{addresses}"),
        ),
        ("controller.listener.names", "CONTROLLER".to_owned()),
        (
            "listener.security.protocol.map",
            format!("CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT{protocols}"),
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

fn format_storage(
    class_path: &str,
    log4j: &Path,
    properties: &Path,
    further: &[String],
) -> Result<()> {
    // A cluster's id: 16 bytes in the URL form of Base64. All nodes must have the same one;
    // nothing else depends on it.
    const CLUSTER: &str = "ZW1iZXJsaW5lLXRlc3RzMQ";
    let output = Command::new("java")
        .arg(format!("-Dlog4j2.configurationFile={}", log4j.display()))
        .args(["-cp", class_path, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c"])
        .arg(properties)
        .args(further)
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
