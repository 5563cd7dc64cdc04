//! The sandbox as a whole: started, asked, stopped.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::service::Service;
use crate::{Faults, Ledger, Registry, SandboxSettings, serve};

/// A running stand-in for the service. Dropping it stops it too, without waiting.
pub struct Sandbox {
    service: Arc<Service>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<io::Result<()>>,
}

impl Sandbox {
    /// The path of calls, the same as the real service's. `/` takes them too.
    const PATH: &str = "/api/exploreropen/serviceapi";

    /// How long [`stop`](Self::stop) waits for the calls under way.
    const GRACE: Duration = Duration::from_secs(5);

    /// Listens, and serves on the current tokio runtime, which must have its timer and
    /// its I/O enabled.
    ///
    /// # Errors
    /// If the address can't be listened on.
    pub async fn start(settings: SandboxSettings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let url = settings.public_url.as_deref().map_or_else(
            || format!("http://{}", reachable(address)),
            |url| url.trim_end_matches('/').to_owned(),
        );
        let service = Arc::new(Service::new(&settings, url, stopping.clone()));
        let server = tokio::spawn(serve::serve(listener, Arc::clone(&service), stopping));
        info!(%address, "sandbox listening");
        Ok(Self { service, address, stop, server })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL that calls go to.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, Self::PATH)
    }

    /// The URL of the console, for people.
    pub fn console_url(&self) -> String {
        format!("{}/", self.service.url)
    }

    /// The URL that the admin pages are under.
    pub fn admin_url(&self) -> String {
        format!("http://{}/admin", self.address)
    }

    /// What it accepted.
    pub fn ledger(&self) -> &Ledger {
        &self.service.ledger
    }

    /// How it misbehaves.
    pub fn faults(&self) -> &Faults {
        &self.service.faults
    }

    /// Customers, bindings and orders.
    pub fn registry(&self) -> &Registry {
        &self.service.registry
    }

    /// Creates a customer without a call.
    ///
    /// # Errors
    /// The text of the refusal that a call would have got.
    pub fn create_customer(
        &self,
        id: &str,
        country_code: &str,
        phone_number: &str,
    ) -> Result<(), String> {
        let created = self.service.registry.create_customer(id, country_code, phone_number);
        created.map_err(|refusal| refusal.to_string())
    }

    /// Takes no more calls, ends those that hang and waits for the others, at most five
    /// seconds.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        match tokio::time::timeout(Self::GRACE, &mut self.server).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => warn!(%error, "the sandbox's server failed"),
            Ok(Err(error)) => warn!(%error, "the sandbox's server ended early"),
            Err(_) => {
                warn!("calls still under way when the sandbox stopped");
                self.server.abort();
            }
        }
    }
}

/// Where this machine itself reaches what listens there.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::reachable;

    #[test]
    fn what_listens_everywhere_is_reached_on_loopback() {
        for (address, expected) in [
            ("0.0.0.0:9470", "127.0.0.1:9470"),
            ("[::]:9470", "[::1]:9470"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
