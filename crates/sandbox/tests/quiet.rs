//! What must not be said. It is told in a process of its own: where other tests run beside
//! it, `tracing` may take one of its log lines for switched off.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

#[path = "it/call.rs"]
#[expect(dead_code, reason = "shared with the tests beside it, which use the rest")]
mod call;
#[path = "it/caller.rs"]
#[expect(dead_code, unused_imports, reason = "likewise")]
mod caller;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use emberline_sandbox::{Sandbox, SandboxSettings};
use tracing_subscriber::filter::LevelFilter;

use crate::caller::{Call, get, send, settings};

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_holds_the_secret_or_a_telephone_number() {
    let captured = Captured::default();
    let writer = captured.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let secret = "canary-secret";
    let sandbox =
        Sandbox::start(SandboxSettings { app_secret: secret.to_owned(), ..settings() }).await;
    let sandbox = sandbox.unwrap();
    let calls = [
        Call::customer("c_1", "13987654321").secret(secret),
        Call::customer("c-1", "13987654321").secret(secret),
        Call::customer("c_1", "23987654321").secret(secret),
        Call::customer("c_1", "13987654321").secret("another"),
        Call::new("ServiceGetCustomerList").text("PhoneNumber", "13987654321").secret(secret),
    ];
    let mut answers = Vec::new();
    for call in calls {
        answers.push(send(&sandbox, &call).await);
    }
    assert!(answers[0].succeeded() && answers[4].succeeded());
    for refused in &answers[1..4] {
        assert!(!refused.body.contains("3987654321"), "{refused:?}");
    }
    get(&sandbox, "/admin/customers").await;
    sandbox.stop().await;

    let log = String::from_utf8(captured.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("call refused"), "the log was captured: {log}");
    assert!(!log.contains(secret) && !log.contains("3987654321"), "{log}");
}
