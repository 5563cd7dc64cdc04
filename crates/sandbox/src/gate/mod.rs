//! What every call must pass before its action is looked at: the common parameters, a
//! known AppKey, a clock that agrees, a signature that fits, a nonce never seen.

mod limit;
mod message;
mod nonces;
mod signature;

pub(crate) use limit::RateLimit;

use crate::actions::Action;
use crate::read::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::{NestedSignature, SandboxSettings};
use nonces::Nonces;
use signature::Verifier;

/// How far a call's Timestamp may be from the sandbox's clock, in seconds. The contract
/// gives no number; five minutes is what the vendor's cloud API allows.
const MAX_SKEW: i64 = 300;

/// The gatekeeper.
pub(crate) struct Gate {
    app_key: String,
    verifier: Verifier,
    nonces: Nonces,
}

/// A call that passed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Admitted {
    pub(crate) action: Action,
    /// Which reading its signature fits; `None` where nothing in it is nested, so that
    /// all readings are the same.
    pub(crate) reading: Option<NestedSignature>,
}

impl Gate {
    pub(crate) fn new(settings: &SandboxSettings) -> Self {
        Self {
            app_key: settings.app_key.clone(),
            verifier: Verifier::new(
                settings.app_secret.as_bytes(),
                settings.nested_signature.clone(),
            ),
            nonces: Nonces::new(settings.max_nonces),
        }
    }

    /// Checks a call at a Unix time in seconds. Only a call that passes uses its nonce up.
    pub(crate) fn admit(&self, params: &Params<'_>, now: i64) -> Result<Admitted, Refusal> {
        let action_name = params.text("Action")?;
        let request_id = params.text("RequestId")?;
        let app_key = params.text("AppKey")?;
        let signature = params.text("Signature")?;
        let timestamp = params.integer("Timestamp")?;
        let nonce = params.integer("Nonce")?;

        check_request_id(&request_id)?;
        if app_key != self.app_key.as_str() {
            return Err(Refusal::unknown_app_key());
        }
        if timestamp.checked_sub(now).is_none_or(|skew| skew.abs() > MAX_SKEW) {
            let message = "Timestamp is more than 5 minutes from the service's clock";
            return Err(Refusal::invalid(message));
        }
        let nonce = u64::try_from(nonce).ok().filter(|nonce| *nonce > 0);
        let nonce = nonce.ok_or_else(|| Refusal::invalid("Nonce must be positive"))?;

        let reading = self.verifier.verify(params, &signature)?;
        let action = Action::named(&action_name)
            .ok_or_else(|| Refusal::new(ErrorCode::InvalidAction, "Action is unknown"))?;
        if !self.nonces.first_use(timestamp, nonce, now - MAX_SKEW) {
            return Err(Refusal::invalid("Nonce was used before with this Timestamp"));
        }
        Ok(Admitted { action, reading })
    }
}

fn check_request_id(request_id: &str) -> Result<(), Refusal> {
    const MAX_BYTES: usize = 128;
    if request_id.is_empty() || request_id.len() > MAX_BYTES {
        return Err(Refusal::invalid("RequestId must have 1 to 128 bytes"));
    }
    Ok(())
}
