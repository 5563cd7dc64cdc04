//! The portal as a whole: what its pages are made with.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;

use crate::keys::Keys;
use crate::limits::Limits;
use crate::order_no::Numbering;
use crate::web::{self, Assets, Headers};
use crate::{OrderDesk, Plan, PortalSettings, Redemptions, Service};

/// The pages, and what they need.
pub struct Portal {
    pub(crate) settings: PortalSettings,
    pub(crate) service: Arc<Service>,
    pub(crate) desk: Arc<dyn OrderDesk>,
    pub(crate) redemptions: Arc<dyn Redemptions>,
    pub(crate) keys: Keys,
    pub(crate) limits: Limits,
    pub(crate) assets: Assets,
    pub(crate) headers: Headers,
}

impl Portal {
    /// A portal that asks `service`, places orders at `desk`, and remembers used tokens with
    /// `redemptions`.
    pub fn new(
        settings: PortalSettings,
        service: Arc<Service>,
        desk: Arc<dyn OrderDesk>,
        redemptions: Arc<dyn Redemptions>,
    ) -> Self {
        Self {
            keys: Keys::new(&settings.master_key),
            limits: Limits::new(settings.attempts),
            assets: Assets::new(&settings.branding),
            headers: Headers::new(&settings.public_url, &settings.frame_ancestors),
            settings,
            service,
            desk,
            redemptions,
        }
    }

    /// Its pages. To be served with
    /// [`into_make_service_with_connect_info`](Router::into_make_service_with_connect_info)
    /// of a socket's address: limits are kept by it.
    pub fn routes(self) -> Router {
        web::routes(Arc::new(self))
    }

    pub(crate) fn plans(&self) -> &[Plan] {
        &self.settings.plans
    }

    pub(crate) fn numbering(&self) -> Numbering<'_> {
        Numbering { keys: &self.keys, prefix: &self.settings.order_prefix }
    }

    pub(crate) fn session_seconds(&self) -> i64 {
        i64::try_from(self.settings.session.as_secs()).unwrap_or(i64::MAX)
    }
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
