//! A thread with a runtime of its own, for what has to go on whatever a story waits for.

use std::thread::JoinHandle;

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// What runs here ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Background {
    handle: Handle,
    /// Its end ends the runtime.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start() -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread =
            std::thread::Builder::new().name("background".to_owned()).spawn(move || {
                // It only ever ends by the end of its sender.
                let _ = runtime.block_on(stopped);
            })?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Runs something there, and what it starts, and waits for its result.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        self.handle.spawn(task).await.context("a task in the background ended early")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // If it panicked, what ran there has told so already.
            let _ = thread.join();
        }
    }
}
