//! A node as hosted clusters are: over TLS by an authority of its own, with passwords or
//! certificates of its clients, and with rights for nobody by themselves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use tokio::sync::OnceCell;

use super::TestKafka;
use super::certificates::{Authority, Identity};
use super::node::{Further, Properties};
use super::rights::{ASKING, EVERYBODY};

/// A user with no rights but those that a test gives it.
pub const USER: &str = "emberline";

/// Listeners: with user names and passwords over TLS, and with certificates of both sides.
const PASSWORDS: &str = "PASSWORDS";
const CERTIFICATES: &str = "CERTIFICATES";
/// Who may do anything by its certificate.
const ALMIGHTY: &str = "almighty";

/// Names of files.
const AUTHORITY: &str = "authority";
const NODE: &str = "node";

/// One node that lets nobody in without TLS, but the tests' own clients.
pub struct SecuredKafka {
    /// As the tests' own clients reach it, which may do everything.
    pub kafka: Arc<TestKafka>,
    /// The certificate of who signed the node's one.
    pub authority: PathBuf,
    /// A client's certificate, which may do everything.
    pub client: Identity,
}

impl SecuredKafka {
    /// A user that may do everything, known with a plain password and by SCRAM.
    pub const ALMIGHTY: &str = ALMIGHTY;

    /// The one of this process, started when first asked for.
    ///
    /// # Errors
    /// As [`TestKafka::start_cluster`].
    pub async fn shared() -> Result<Arc<Self>> {
        static SHARED: OnceCell<Arc<SecuredKafka>> = OnceCell::const_new();
        let started = SHARED.get_or_try_init(async || Self::start().await.map(Arc::new));
        started.await.cloned()
    }

    async fn start() -> Result<Self> {
        let further = Further {
            properties: properties(),
            listeners: vec![(PASSWORDS, "SASL_SSL"), (CERTIFICATES, "SSL")],
            files: Some(write_certificates),
            formatting: vec![
                "--add-scram".to_owned(),
                format!("SCRAM-SHA-512=[name={ALMIGHTY},password={}]", password(ALMIGHTY)),
            ],
        };
        let kafka = Arc::new(TestKafka::start_nodes(1, further).await?);
        let directory = kafka.nodes()?.directory().to_owned();
        let authority = Authority::file(&directory, AUTHORITY);
        Ok(Self { kafka, authority, client: Identity::at(&directory, ALMIGHTY) })
    }

    /// Where clients come with a user name and a password.
    ///
    /// # Errors
    /// There is no such listener.
    pub fn with_passwords(&self) -> Result<String> {
        self.kafka.nodes()?.bootstrap_by(PASSWORDS)
    }

    /// Where clients come with a certificate.
    ///
    /// # Errors
    /// There is no such listener.
    pub fn with_certificates(&self) -> Result<String> {
        self.kafka.nodes()?.bootstrap_by(CERTIFICATES)
    }
}

/// Who is asked for what, and who may do everything.
fn properties() -> Properties {
    let almighty = format!("{EVERYBODY};User:{ALMIGHTY};User:CN={ALMIGHTY}");
    let of_listener =
        |listener: &str, key: &str| format!("listener.name.{}.{key}", listener.to_lowercase());
    let module = "org.apache.kafka.common.security";
    let users = [ALMIGHTY, USER].map(|user| format!("user_{user}=\"{}\"", password(user)));
    let plain = format!("{module}.plain.PlainLoginModule required {};", users.join(" "));
    let scram = format!("{module}.scram.ScramLoginModule required;");
    vec![
        (ASKING.0.to_owned(), ASKING.1.to_owned()),
        ("super.users".to_owned(), almighty),
        ("sasl.enabled.mechanisms".to_owned(), "PLAIN,SCRAM-SHA-512".to_owned()),
        (of_listener(PASSWORDS, "plain.sasl.jaas.config"), plain),
        (of_listener(PASSWORDS, "scram-sha-512.sasl.jaas.config"), scram),
        (of_listener(CERTIFICATES, "ssl.client.auth"), "required".to_owned()),
    ]
}

/// The node's certificate and a client's, by an authority that is trusted on both sides.
fn write_certificates(directory: &Path) -> Result<Properties> {
    let authority = Authority::new(directory, AUTHORITY)?;
    let node = authority.sign(NODE, &["127.0.0.1"])?;
    authority.sign(ALMIGHTY, &[])?;
    Ok(vec![
        ("ssl.keystore.type".to_owned(), "PEM".to_owned()),
        ("ssl.keystore.location".to_owned(), node.both.display().to_string()),
        ("ssl.truststore.type".to_owned(), "PEM".to_owned()),
        ("ssl.truststore.location".to_owned(), authority.certificate.display().to_string()),
    ])
}

/// The password of a user.
pub fn password(user: &str) -> String {
    format!("canary-{user}-password-7c2e")
}
