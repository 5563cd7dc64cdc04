//! Credentials that change while the workers run: a secret is rotated in its file, and no
//! restart is needed.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_service_api::{Credentials, Signer};
use tokio_util::sync::CancellationToken;

use crate::worker::Shared;

/// How often they are read again. A file mounted from a secret store changes as a whole, and
/// without a word.
const READ_EVERY: Duration = Duration::from_secs(2);

/// Where the credentials are read again. Called on a thread that may block.
#[derive(Clone)]
pub struct CredentialsSource(Arc<dyn Fn() -> Result<Credentials, String> + Send + Sync>);

impl CredentialsSource {
    /// Reads them with this function, whose error says in words what is wrong; no secret.
    pub fn new(read: impl Fn() -> Result<Credentials, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialsSource")
    }
}

/// Signs with what the source says, from the moment that it says something else.
pub(crate) async fn watch(shared: Arc<Shared>, stop: CancellationToken) {
    let Some(source) = shared.settings.credentials_again.clone() else { return };
    let mut known = shared.settings.credentials.clone();
    let mut last_error = None;
    let mut every = tokio::time::interval(READ_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        let read = Arc::clone(&source.0);
        let Ok(read) = tokio::task::spawn_blocking(move || read()).await else { return };
        match read {
            Ok(new) if is_same(&new, &known) => last_error = None,
            Ok(new) => {
                tracing::info!("the credentials have changed: calls are signed with the new ones");
                *shared.signer.write() = Signer::new(&new, shared.settings.dialect);
                shared.traffic.credentials_changed(Instant::now());
                (known, last_error) = (new, None);
            }
            Err(error) if last_error.as_ref() == Some(&error) => {}
            Err(error) => {
                tracing::warn!(error, "credentials can't be read again; the known ones are used");
                last_error = Some(error);
            }
        }
    }
}

fn is_same(a: &Credentials, b: &Credentials) -> bool {
    a.app_key == b.app_key && a.app_secret.expose() == b.app_secret.expose()
}
