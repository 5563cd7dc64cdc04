//! The app secret may change in its file while the portal runs, as it may under the workers.

use std::sync::Arc;
use std::time::Duration;

use emberline_portal::Service;
use tokio_util::sync::CancellationToken;

use crate::settings::{self, Settings};
use crate::wiring;

/// How often it is read again, as the reference of the settings says.
const READ_EVERY: Duration = Duration::from_secs(2);

/// Signs with what the file says, from the moment that it says something else.
pub(super) async fn watch(
    settings: Settings,
    (service, placer): (Arc<Service>, Option<Arc<wiring::portal::Placer>>),
    stop: CancellationToken,
) {
    if settings.service.app_secret_file.is_none() {
        return;
    }
    let settings = Arc::new(settings);
    let mut known = None;
    let mut last_problem = None;
    let mut every = tokio::time::interval(READ_EVERY);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = stop.cancelled() => return,
        }
        let again = Arc::clone(&settings);
        let read = tokio::task::spawn_blocking(move || settings::credentials(&again));
        let Ok(read) = read.await else { return };
        let new = match read {
            Ok(new) => Some(new),
            Err(problems) => {
                let problems = problems.to_string();
                if last_problem.as_ref() != Some(&problems) {
                    tracing::warn!(
                        problems,
                        "credentials can't be read again; the known ones are used"
                    );
                    last_problem = Some(problems);
                }
                continue;
            }
        };
        last_problem = None;
        if new == known {
            continue;
        }
        if known.is_some() {
            tracing::info!("the credentials have changed: calls are signed with the new ones");
        }
        if let Ok(signer) = wiring::portal::signer(&settings) {
            if let Some(placer) = &placer {
                placer.sign_with(signer.clone());
            }
            service.sign_with(signer);
            known = new;
        }
    }
}
