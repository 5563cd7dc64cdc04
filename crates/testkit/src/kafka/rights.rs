//! Rights that are taken away and given back, on a Kafka that asks for them.
//!
//! The Rust client has no call for it: the two requests are written here by hand, in the
//! oldest form that brokers still take (`CreateAcls` and `DeleteAcls`, version 1).

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::TestKafka;
use super::node::Further;

const LIMIT: Duration = Duration::from_secs(10);
const CREATE_ACLS: i16 = 30;
const DELETE_ACLS: i16 = 31;
const VERSION: i16 = 1;
/// Numbers of the protocol: kinds of resources, a pattern, operations, permissions.
const TOPIC: u8 = 2;
const GROUP: u8 = 3;
const LITERAL: u8 = 3;
const ALL: u8 = 2;
const READ: u8 = 3;
const WRITE: u8 = 4;
const CREATE: u8 = 5;
const DESCRIBE: u8 = 8;
const DENY: u8 = 2;
const ALLOW: u8 = 3;
/// Whoever comes without a password: everybody in the tests.
pub(super) const EVERYBODY: &str = "User:ANONYMOUS";

/// What makes a node ask for rights.
pub(super) const ASKING: (&str, &str) =
    ("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
/// What makes it grant those that nothing is said about.
const GENEROUS: (&str, &str) = ("allow.everyone.if.no.acl.found", "true");

/// A right, as Kafka's documentation calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Right {
    /// READ on a topic.
    Read(String),
    /// WRITE on a topic.
    Write(String),
    /// CREATE on a topic.
    Create(String),
    /// DESCRIBE on a topic.
    Describe(String),
    /// READ on a group.
    Join(String),
}

impl Right {
    /// Kind of the resource, its name, the operation.
    fn as_told(&self) -> (u8, &str, u8) {
        match self {
            Self::Read(topic) => (TOPIC, topic, READ),
            Self::Write(topic) => (TOPIC, topic, WRITE),
            Self::Create(topic) => (TOPIC, topic, CREATE),
            Self::Describe(topic) => (TOPIC, topic, DESCRIBE),
            Self::Join(group) => (GROUP, group, READ),
        }
    }
}

impl TestKafka {
    /// Gives a user these rights, on a Kafka that gives none by itself.
    ///
    /// # Errors
    /// The node refuses it.
    pub async fn allow(&self, user: &str, rights: &[Right]) -> Result<()> {
        let count = i32::try_from(rights.len())?;
        let mut body = count.to_be_bytes().to_vec();
        for right in rights {
            let (kind, name, operation) = right.as_told();
            body.push(kind);
            push_text(&mut body, name)?;
            body.push(LITERAL);
            push_text(&mut body, &format!("User:{user}"))?;
            push_text(&mut body, "*")?;
            body.extend([operation, ALLOW]);
        }
        self.ask(CREATE_ACLS, &body, count).await
    }

    /// One node that asks for rights. Only with Java.
    ///
    /// # Errors
    /// As [`TestKafka::start_cluster`].
    pub async fn start_asking_for_rights() -> Result<Arc<Self>> {
        // More than one could not elect a controller: they would need rights of each other
        // that are not known before there is one.
        let properties = [ASKING, GENEROUS].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let further = Further { properties: properties.into(), ..Further::default() };
        Self::start_nodes(1, further).await.map(Arc::new)
    }

    /// Takes the right to write to a topic away from everybody.
    ///
    /// # Errors
    /// The node refuses it, or does not ask for rights.
    pub async fn forbid_writing(&self, topic: &str) -> Result<()> {
        let mut body = 2_i32.to_be_bytes().to_vec();
        for (operation, permission) in [(ALL, ALLOW), (WRITE, DENY)] {
            body.push(TOPIC);
            push_text(&mut body, topic)?;
            body.push(LITERAL);
            push_text(&mut body, EVERYBODY)?;
            push_text(&mut body, "*")?;
            body.extend([operation, permission]);
        }
        self.ask(CREATE_ACLS, &body, 2).await
    }

    /// Gives it back.
    ///
    /// # Errors
    /// The node refuses it.
    pub async fn allow_writing(&self, topic: &str) -> Result<()> {
        let mut body = 1_i32.to_be_bytes().to_vec();
        body.push(TOPIC);
        push_text(&mut body, topic)?;
        body.push(LITERAL);
        push_text(&mut body, EVERYBODY)?;
        push_text(&mut body, "*")?;
        body.extend([WRITE, DENY]);
        self.ask(DELETE_ACLS, &body, 1).await
    }

    async fn ask(&self, request: i16, body: &[u8], results: i32) -> Result<()> {
        timeout(LIMIT, exchange(self.bootstrap(), request, body, results)).await?
    }
}

/// Sends one request, and reads the error codes of its results up to the first that is one.
async fn exchange(address: &str, request: i16, body: &[u8], results: i32) -> Result<()> {
    let mut message = Vec::new();
    message.extend(request.to_be_bytes());
    message.extend(VERSION.to_be_bytes());
    let correlation = 7_i32;
    message.extend(correlation.to_be_bytes());
    push_text(&mut message, "emberline-testkit")?;
    message.extend(body);
    let mut node = TcpStream::connect(address).await?;
    node.write_i32(i32::try_from(message.len())?).await?;
    node.write_all(&message).await?;

    let length = node.read_i32().await?;
    let mut answer = vec![0; usize::try_from(length)?];
    node.read_exact(&mut answer).await?;
    let mut answer = answer.as_slice();
    ensure!(answer.read_i32().await? == correlation, "an answer to another question");
    let _throttled_ms = answer.read_i32().await?;
    ensure!(answer.read_i32().await? == results, "not all of it was answered");
    // Of the first result; what follows depends on the request.
    match answer.read_i16().await? {
        0 => Ok(()),
        code => {
            let length = usize::try_from(answer.read_i16().await?.max(0))?;
            let why = answer.get(..length).map(String::from_utf8_lossy).unwrap_or_default();
            bail!("rights are not changed: error {code}, {why}")
        }
    }
}

fn push_text(message: &mut Vec<u8>, text: &str) -> Result<()> {
    message.extend(i16::try_from(text.len()).context("a long text")?.to_be_bytes());
    message.extend(text.as_bytes());
    Ok(())
}
