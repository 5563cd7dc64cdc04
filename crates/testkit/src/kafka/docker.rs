//! One Kafka node in a container.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::node::free_ports;
use super::{jars, unique};
use crate::guard::{Guarded, on_path};

/// A running container; it is removed when dropped.
pub(super) struct Container {
    port: u16,
    _process: Guarded,
    _log: TempDir,
}

/// Whether there is a Docker and its daemon answers.
pub(super) fn is_running() -> bool {
    on_path("docker")
        && Command::new("docker")
            .args(["version", "--format", "{{.Server.Version}}"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
}

impl Container {
    pub(super) fn start() -> Result<Self> {
        let port = *free_ports(1)?.first().context("no free port")?;
        let name = unique("emberline-kafka");
        let log = tempfile::tempdir()?;
        let mut program: Vec<String> =
            ["docker", "run", "--rm", "--name", &name, "-p"].map(str::to_owned).to_vec();
        program.push(format!("127.0.0.1:{port}:{port}"));
        for (key, value) in [
            ("NODE_ID", "1".to_owned()),
            ("PROCESS_ROLES", "broker,controller".to_owned()),
            ("CONTROLLER_QUORUM_VOTERS", "1@localhost:9093".to_owned()),
            ("LISTENERS", format!("PLAINTEXT://:{port},CONTROLLER://:9093")),
            ("ADVERTISED_LISTENERS", format!("PLAINTEXT://127.0.0.1:{port}")),
            ("CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
            (
                "LISTENER_SECURITY_PROTOCOL_MAP",
                "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT".to_owned(),
            ),
            ("OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
            ("TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1".to_owned()),
            ("TRANSACTION_STATE_LOG_MIN_ISR", "1".to_owned()),
            ("GROUP_INITIAL_REBALANCE_DELAY_MS", "0".to_owned()),
            ("AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
        ] {
            program.extend(["-e".to_owned(), format!("KAFKA_{key}={value}")]);
        }
        program.push(format!("apache/kafka:{}", jars::VERSION));
        let end = format!("docker rm -f {name} >/dev/null 2>&1");
        let process = Guarded::start(&program, &end, "", &log.path().join("output.log"))?;
        Ok(Self { port, _process: process, _log: log })
    }

    pub(super) fn bootstrap(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}
