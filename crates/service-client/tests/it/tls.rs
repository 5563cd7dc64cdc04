//! Whom the client trusts.

use std::sync::Arc;

use crate::support::{Service, ok, within};
use bytes::Bytes;
use emberline_service_client::{HttpClient, HttpSettings, Transport, TransportError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;

const BODY: Bytes = Bytes::from_static(b"{}");

/// An authority of the test's own, and its certificate in a file.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), issuer.pem()).unwrap();
        Self { issuer, file }
    }

    /// A server's settings, with a certificate for this name.
    pub(crate) fn certifies(&self, name: &str) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }

    /// A client that trusts this authority, and the system's.
    pub(crate) fn trusted_by_a_client_of(&self, service: &Service) -> HttpClient {
        let settings = HttpSettings {
            extra_ca: Some(self.file.path().to_owned()),
            ..HttpSettings::new(format!("https://{}/api", service.address))
        };
        HttpClient::new(&settings).unwrap()
    }
}

#[tokio::test]
async fn a_service_of_the_extra_authority_is_called_over_one_connection() {
    let authority = Authority::new();
    let service = Service::start_tls(authority.certifies("localhost"), |_| ok()).await;
    let client = authority.trusted_by_a_client_of(&service);
    for _ in 0..5 {
        assert_eq!(within(client.post(BODY)).await.unwrap().status, 200);
    }
    assert_eq!(service.connections(), 1);
}

#[tokio::test]
async fn a_service_of_an_unknown_authority_gets_no_request() {
    let service = Service::start_tls(Authority::new().certifies("localhost"), |_| ok()).await;
    let client = Authority::new().trusted_by_a_client_of(&service);
    let error = within(client.post(BODY)).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let service = Service::start_tls(authority.certifies("example.org"), |_| ok()).await;
    let client = authority.trusted_by_a_client_of(&service);
    let error = within(client.post(BODY)).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error:?}");
}
