//! A sandbox within the test's own process, so that a test sees what it was told.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use emberline_model::{Item, ItemVersion};
use emberline_sandbox::{Sandbox, SandboxSettings};
use emberline_service_api::{Credentials, Dialect, Secret, ServiceCreateOrder, Signer};
use emberline_service_client::{HttpClient, HttpSettings, ServiceClient};
use tokio::sync::oneshot;

/// A running sandbox on a thread of its own. It stops when dropped.
pub(crate) struct FarEnd {
    /// What it was told.
    pub(crate) sandbox: Arc<Sandbox>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FarEnd {
    /// With its defaults.
    pub(crate) fn start() -> Self {
        Self::with(SandboxSettings::default())
    }

    /// With these settings, on a free port.
    pub(crate) fn with(settings: SandboxSettings) -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let settings = SandboxSettings { listen, ..settings };
        let (started, start) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let sandbox = Arc::new(Sandbox::start(settings).await.unwrap());
                started.send(Arc::clone(&sandbox)).unwrap();
                let _ = stopped.await;
            });
        });
        Self { sandbox: start.recv().unwrap(), stop: Some(stop), thread: Some(thread) }
    }

    /// The `[service]` section that leads there, to be added to.
    pub(crate) fn section(&self) -> String {
        let url = self.sandbox.url();
        format!(
            "[service]\nurl = \"{url}\"\napp_key = \"ServiceAppKey\"\napp_secret = \"ServiceAppSecret\"\n"
        )
    }
}

impl FarEnd {
    /// Places test orders, as somebody else than the program would.
    pub(crate) fn place_orders(&self, customer: &str, numbers: impl Iterator<Item = String>) {
        let credentials = Credentials {
            app_key: "ServiceAppKey".to_owned(),
            app_secret: Secret::new("ServiceAppSecret"),
        };
        let http = HttpClient::new(&HttpSettings::new(self.sandbox.url())).unwrap();
        let client = ServiceClient::new(Signer::new(&credentials, Dialect::default()), http);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            for order_no in numbers {
                let order = ServiceCreateOrder {
                    customer,
                    order_no: &order_no,
                    item: Item::parse("D-FireInsurance2020").unwrap(),
                    version: ItemVersion::parse("FireBusiness").unwrap(),
                    count: 1,
                };
                client.call(&order).await.unwrap();
            }
        });
    }
}

impl Drop for FarEnd {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
