//! One page: where it is, what it says, and what to wait for.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Device;
use super::connection::Connection;
use crate::wait::wait_for;

/// Longest that a page may take to be there whole.
const LOAD_LIMIT: Duration = Duration::from_secs(30);

/// A page of a [`Browser`](super::Browser), which must live as long.
pub struct Page {
    connection: Arc<Connection>,
    session: String,
}

impl Page {
    pub(super) fn new(connection: Arc<Connection>, session: String) -> Self {
        Self { connection, session }
    }

    /// Makes the page what this device would show.
    pub(super) async fn be(&self, device: &Device, user_agent: &str) -> Result<()> {
        for domain in ["Page.enable", "Runtime.enable", "Log.enable", "Network.enable"] {
            self.call(domain, json!({})).await?;
        }
        let size = json!({
            "width": device.width, "height": device.height, "deviceScaleFactor": 2, "mobile": true,
        });
        self.call("Emulation.setDeviceMetricsOverride", size).await?;
        let language = json!({"userAgent": user_agent, "acceptLanguage": device.language});
        self.call("Emulation.setUserAgentOverride", language).await?;
        let scheme = if device.dark { "dark" } else { "light" };
        let motion = if device.reduced_motion { "reduce" } else { "no-preference" };
        let tastes = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": motion},
        ]});
        self.call("Emulation.setEmulatedMedia", tastes).await?;
        let scripts = json!({"value": !device.scripts});
        self.call("Emulation.setScriptExecutionDisabled", scripts).await?;
        Ok(())
    }

    /// Goes to a URL and waits until what is there has loaded, also its pictures.
    ///
    /// # Errors
    /// Nothing answers there, or it takes too long.
    pub async fn goto(&self, url: &str) -> Result<()> {
        let before = self.document().await?;
        let answer = self.call("Page.navigate", json!({"url": url})).await?;
        if let Some(error) = answer["errorText"].as_str() {
            bail!("could not go to {url}: {error}");
        }
        self.loaded_after(&before, url).await
    }

    /// Loads the page again, as a person does who doubts it.
    ///
    /// # Errors
    /// As [`Page::goto`].
    pub async fn reload(&self) -> Result<()> {
        let before = self.document().await?;
        self.call("Page.reload", json!({})).await?;
        self.loaded_after(&before, "the page once more").await
    }

    async fn loaded_after(&self, before: &Value, what: &str) -> Result<()> {
        wait_for(&format!("the browser loads {what}"), LOAD_LIMIT, async || {
            if self.document().await? == *before {
                return Ok(None);
            }
            let ready = self.evaluate("document.readyState === 'complete'").await;
            // While one document takes the place of another, nothing can be asked.
            Ok(ready.is_ok_and(|ready| ready == true).then_some(()))
        })
        .await
    }

    /// What tells this document from the one before.
    async fn document(&self) -> Result<Value> {
        let tree = self.call("Page.getFrameTree", json!({})).await?;
        Ok(tree["frameTree"]["frame"]["loaderId"].clone())
    }

    /// Where the page is now, also where nothing is to be seen there.
    ///
    /// # Errors
    /// The browser has ended.
    pub async fn url(&self) -> Result<String> {
        let tree = self.call("Page.getFrameTree", json!({})).await?;
        let frame = &tree["frameTree"]["frame"];
        let url = frame["unreachableUrl"].as_str().or(frame["url"].as_str());
        Ok(url.context("a page without an address")?.to_owned())
    }

    /// Waits until the page, whichever it is by then, makes a JavaScript expression true.
    ///
    /// # Errors
    /// It is not true within `limit`; the text has where the page is and what it says.
    pub async fn until(&self, what: &str, limit: Duration, expression: &str) -> Result<()> {
        let waited = wait_for(what, limit, async || {
            let is = self.evaluate(expression).await;
            Ok(is.is_ok_and(|is| is == true).then_some(()))
        })
        .await;
        if waited.is_err() {
            let url = self.url().await.unwrap_or_default();
            let text = self.text("body").await.unwrap_or_default();
            return waited.with_context(|| format!("the page is at {url} and says:\n{text}"));
        }
        waited
    }

    /// Waits until something that the CSS selector finds is there and says this, and all of the
    /// page is.
    ///
    /// # Errors
    /// As [`Page::until`].
    pub async fn until_says(&self, selector: &str, text: &str, limit: Duration) -> Result<()> {
        let (quoted, text) = (Value::from(selector), Value::from(text));
        let expression = format!(
            "document.readyState !== 'loading' \
             && [...document.querySelectorAll({quoted})].some(it => it.innerText.includes({text}))"
        );
        self.until(&format!("{selector} says {text}"), limit, &expression).await
    }

    /// What the first that the CSS selector finds says, as it is seen.
    ///
    /// # Errors
    /// There is none.
    pub async fn text(&self, selector: &str) -> Result<String> {
        let text = self.of(selector, "it.innerText").await?;
        Ok(text.as_str().with_context(|| format!("{selector} has no text"))?.to_owned())
    }

    /// An attribute of it, if it has that.
    ///
    /// # Errors
    /// The CSS selector finds nothing.
    pub async fn attribute(&self, selector: &str, name: &str) -> Result<Option<String>> {
        let name = Value::from(name);
        let value = self.of(selector, &format!("it.getAttribute({name})")).await?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// How many the CSS selector finds.
    ///
    /// # Errors
    /// The page is between two documents.
    pub async fn count(&self, selector: &str) -> Result<u64> {
        let selector = Value::from(selector);
        let count = self.evaluate(&format!("document.querySelectorAll({selector}).length")).await?;
        count.as_u64().context("no count was told")
    }

    /// What an expression makes of `it`, the first that the CSS selector finds.
    ///
    /// # Errors
    /// There is none, or the expression throws.
    pub async fn of(&self, selector: &str, expression: &str) -> Result<Value> {
        let quoted = Value::from(selector);
        let found = self
            .evaluate(&format!(
                "(it => it ? [({expression})] : null)(document.querySelector({quoted}))"
            ))
            .await?;
        let value = found.get(0).cloned();
        value.with_context(|| format!("the page has no {selector}"))
    }

    /// The value of a JavaScript expression in the page; that of a promise is waited for. It is
    /// asked by the browser itself: neither the page's policy nor switched off scripts forbid it.
    ///
    /// # Errors
    /// It throws, or the page goes elsewhere meanwhile.
    pub async fn evaluate(&self, expression: &str) -> Result<Value> {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "returnByValue": true,
        });
        let answer = self.call("Runtime.evaluate", parameters).await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            bail!("{expression:.200} throws: {thrown:.500}");
        }
        Ok(answer["result"]["value"].clone())
    }

    /// What the browser complained of so far on this page and those before it: what their
    /// policy forbids, scripts that throw. Answers that aren't a success are no complaint.
    pub fn complaints(&self) -> Vec<String> {
        let complaints = self.connection.complaints(&self.session);
        let of_network = |it: &Value| it["entry"]["source"] == "network";
        complaints.iter().filter(|it| !of_network(it)).map(Value::to_string).collect()
    }

    pub(super) async fn call(&self, method: &str, parameters: Value) -> Result<Value> {
        self.connection.call(Some(&self.session), method, parameters).await
    }
}
