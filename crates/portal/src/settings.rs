//! What a portal is told.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{Branding, MasterKey, Plan, Proxies, PublicUrl, TokenSettings};

/// Everything that a portal is told.
#[derive(Debug)]
pub struct PortalSettings {
    /// Where customers find it.
    pub public_url: PublicUrl,
    /// How customers are handed over.
    pub token: TokenSettings,
    /// What cookies, forms and order numbers are secured with; the same on all replicas.
    pub master_key: MasterKey,
    /// How long a session lasts, from its beginning.
    pub session: Duration,
    /// What is on offer, in this order.
    pub plans: Vec<Plan>,
    /// What the numbers of orders begin with.
    pub order_prefix: String,
    /// How it looks, and what it is called.
    pub branding: Branding,
    /// How often somebody may try.
    pub attempts: AttemptLimits,
    /// Who stands before it.
    pub proxies: Proxies,
    /// Who may show it in a frame, as sources of the policy `frame-ancestors`; nobody if
    /// empty.
    pub frame_ancestors: Vec<String>,
}

/// How many attempts are allowed a minute. All of them may come at once.
#[derive(Debug, Clone, Copy)]
pub struct AttemptLimits {
    /// Of one customer.
    pub of_customer: NonZeroU32,
    /// From one address, which many customers of a mobile network may share.
    pub of_address: NonZeroU32,
}
