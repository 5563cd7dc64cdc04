//! Certificates of an authority that nobody knows but the tests.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// Who signs certificates, and whom others trust by its file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
    /// Its own certificate, as PEM.
    pub certificate: PathBuf,
}

/// A key and the certificate of it, as PEM.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// Both in one file, as Kafka's brokers want them.
    pub(super) both: PathBuf,
}

impl Identity {
    /// The files of a name.
    pub(super) fn at(directory: &Path, name: &str) -> Self {
        let file = |kind| directory.join(format!("{name}-{kind}.pem"));
        Self { certificate: file("certificate"), key: file("key"), both: file("both") }
    }
}

impl Authority {
    /// A new one of this name, which writes files named after it.
    ///
    /// # Errors
    /// They can't be written.
    pub fn new(directory: &Path, name: &str) -> Result<Self> {
        let mut params = params(name, &[])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let certificate = Self::file(directory, name);
        fs::write(&certificate, issuer.pem())?;
        Ok(Self { issuer, directory: directory.to_owned(), certificate })
    }

    /// Where the certificate of an authority of this name is.
    pub(super) fn file(directory: &Path, name: &str) -> PathBuf {
        directory.join(format!("{name}.pem"))
    }

    /// A certificate of somebody, for these host names and addresses, in files of its name.
    ///
    /// # Errors
    /// They can't be written.
    pub fn sign(&self, name: &str, hosts: &[&str]) -> Result<Identity> {
        let key = KeyPair::generate()?;
        let certificate = params(name, hosts)?.signed_by(&key, &self.issuer)?;
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let files = Identity::at(&self.directory, name);
        fs::write(&files.both, format!("{key}\n{certificate}"))?;
        fs::write(&files.certificate, certificate)?;
        fs::write(&files.key, key)?;
        Ok(files)
    }
}

fn params(name: &str, hosts: &[&str]) -> Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
