//! The thread that a reader of a table has for itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Thread;

use tokio::sync::oneshot;

/// Whether a thread is to go on.
#[derive(Clone, Default)]
pub(super) struct GoesOn(Arc<AtomicBool>);

impl GoesOn {
    pub(super) fn is_on(&self) -> bool {
        !self.0.load(Ordering::Acquire)
    }
}

/// A thread that is told to stop when this is dropped.
pub(super) struct ReaderThread {
    goes_on: GoesOn,
    thread: Thread,
    ended: Option<oneshot::Receiver<()>>,
}

impl ReaderThread {
    /// Begins `work`, which looks whether it is to go on whenever it is woken.
    pub(super) fn start(
        name: &str,
        work: impl FnOnce(GoesOn) + Send + 'static,
    ) -> std::io::Result<Self> {
        let goes_on = GoesOn::default();
        let (end, ended) = oneshot::channel();
        let told = goes_on.clone();
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            let _end = end;
            work(told);
        })?;
        Ok(Self { goes_on, thread: handle.thread().clone(), ended: Some(ended) })
    }

    pub(super) fn wake(&self) {
        self.thread.unpark();
    }

    /// Tells it to stop and waits until it has ended.
    pub(super) async fn stop(mut self) {
        self.end();
        if let Some(ended) = self.ended.take() {
            // An error is the sender dropped: the thread has ended.
            let _ = ended.await;
        }
    }

    fn end(&self) {
        self.goes_on.0.store(true, Ordering::Release);
        self.wake();
    }
}

impl Drop for ReaderThread {
    fn drop(&mut self) {
        self.end();
    }
}
