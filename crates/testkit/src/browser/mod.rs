//! A real Chromium without a window, for tests of pages: opened, read, clicked and typed in as
//! a phone would be, photographed, and examined for faults that keep people out.
//!
//! It is driven over the `DevTools` protocol, with the few methods that tests need, written
//! here. The crates for it were looked at and left: one brings `reqwest` and 100,000 generated
//! lines, one a licence that `deny.toml` does not allow, one closes its connection when idle.
//!
//! Start at [`Browser::launch`]; [`availability`] tells beforehand whether it can.

mod axe;
mod connection;
mod device;
mod events;
mod find;
mod page;
mod picture;
mod process;

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;

use connection::Connection;
pub use device::Device;
pub use events::Key;
pub use find::{Missing, availability};
pub use page::Page;
use process::Process;

/// A running Chromium. It ends when this and the test's process end.
pub struct Browser {
    connection: Arc<Connection>,
    /// What it says of itself to servers.
    user_agent: String,
    _process: Process,
}

impl Browser {
    /// Starts one.
    ///
    /// # Errors
    /// [`Missing`], or it did not start; the text has the end of its log.
    pub async fn launch() -> Result<Self> {
        let process = Process::start(&availability()?)?;
        let address = process.address().await?;
        let connection = Connection::open(&address).await?;
        let version = connection.call(None, "Browser.getVersion", json!({})).await?;
        let user_agent = version["userAgent"].as_str().context("no user agent was told")?;
        Ok(Self {
            connection: Arc::new(connection),
            user_agent: user_agent.to_owned(),
            _process: process,
        })
    }

    /// Opens an empty page, with cookies of its own.
    ///
    /// # Errors
    /// The browser refuses, or has ended.
    pub async fn open(&self, device: &Device) -> Result<Page> {
        let context = self.call("Target.createBrowserContext", json!({})).await?;
        let context = &context["browserContextId"];
        let blank = json!({"url": "about:blank", "browserContextId": context});
        let target = self.call("Target.createTarget", blank).await?;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let session = self.call("Target.attachToTarget", attach).await?;
        let session = session["sessionId"].as_str().context("no session was told")?;
        let page = Page::new(Arc::clone(&self.connection), session.to_owned());
        page.be(device, &self.user_agent).await?;
        Ok(page)
    }

    async fn call(&self, method: &str, parameters: serde_json::Value) -> Result<serde_json::Value> {
        self.connection.call(None, method, parameters).await
    }
}
