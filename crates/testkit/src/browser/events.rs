//! Hands: the mouse's button and the keys, as the browser hears them.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::Page;

/// A key that pages are used with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// To what can be used next.
    Tab,
    /// Uses it.
    Enter,
    /// Uses a button.
    Space,
    /// Closes what is open.
    Escape,
}

impl Key {
    /// Its name, its Windows code, and what it types.
    const fn parts(self) -> (&'static str, &'static str, u8, &'static str) {
        match self {
            Self::Tab => ("Tab", "Tab", 9, ""),
            Self::Enter => ("Enter", "Enter", 13, "\r"),
            Self::Space => (" ", "Space", 32, " "),
            Self::Escape => ("Escape", "Escape", 27, ""),
        }
    }
}

impl Page {
    /// Presses a key and lets it go.
    ///
    /// # Errors
    /// The browser refuses.
    pub async fn press(&self, key: Key) -> Result<()> {
        let (name, code, number, text) = key.parts();
        let event = |kind: &str, text: &str| {
            json!({
                "type": kind, "key": name, "code": code, "text": text,
                "windowsVirtualKeyCode": number,
            })
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        self.call("Input.dispatchKeyEvent", event(down, text)).await?;
        self.call("Input.dispatchKeyEvent", event("keyUp", "")).await?;
        Ok(())
    }

    /// Clicks on what the CSS selector finds first, where it is seen.
    ///
    /// # Errors
    /// It is not there, not to be seen, or something lies over it.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.clicks(selector, 1).await
    }

    /// Clicks so many times, as fast as it goes: the page may be on its way elsewhere
    /// meanwhile.
    ///
    /// # Errors
    /// As [`Page::click`].
    pub async fn clicks(&self, selector: &str, times: u32) -> Result<()> {
        let (x, y) = self.middle_of(selector).await?;
        for _ in 0..times {
            for kind in ["mousePressed", "mouseReleased"] {
                let event =
                    json!({"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1});
                self.call("Input.dispatchMouseEvent", event).await?;
            }
        }
        Ok(())
    }

    /// Types a text into a field, after what is in it.
    ///
    /// # Errors
    /// There is no such field.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let found = self.of(selector, "it.focus(), document.activeElement === it").await?;
        if found != true {
            bail!("{selector} can't be typed in");
        }
        self.call("Input.insertText", json!({"text": text})).await?;
        Ok(())
    }

    /// Brings it into view.
    async fn middle_of(&self, selector: &str) -> Result<(f64, f64)> {
        let middle = self
            .of(
                selector,
                "(() => {
                    it.scrollIntoView({block: 'center', behavior: 'instant'});
                    const box = it.getBoundingClientRect();
                    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
                    const top = document.elementFromPoint(x, y);
                    if (it.contains(top)) return [x, y];
                    return top ? 'it lies under ' + top.outerHTML.slice(0, 80) : 'it is not seen';
                })()",
            )
            .await?;
        if let Value::String(why) = middle {
            bail!("{selector} can't be clicked: {why}");
        }
        let number = |index: usize| middle[index].as_f64().context("no place was told");
        Ok((number(0)?, number(1)?))
    }
}
