//! `[portal]`: the two pages that a customer sees.

mod look;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use look::{LocalisedText, PlanSettings};

use super::{HumanDuration, Listen, SecretText};

/// The pages that the vendor's app opens for its customer: plans, orders, claims.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PortalSettings {
    /// Where the pages are served, and `/livez` and `/readyz` with them; port 0 takes a free
    /// one. TLS is for a proxy before it. Default `127.0.0.1:9480`.
    pub listen: Listen,
    /// Where customers find them: `https://` with host and port and no path. Cookies are
    /// bound to it. Default: `http://` with the address that is listened on, for trying.
    #[schemars(example = "https://cover.example.com")]
    pub public_url: Option<String>,
    /// How the app signs the tokens that hand a customer over: `HS256` (a shared secret) or
    /// `EdDSA` (Ed25519). A token has no say in it. Default `HS256`.
    pub token_algorithm: TokenAlgorithm,
    /// Verifies the tokens: for HS256 the shared secret, 32 bytes or more; for `EdDSA` the
    /// public key in PEM. Give this or `token_key_file`. Needed by the portal.
    #[schemars(example = "a-shared-secret-of-32-bytes-or-more")]
    pub token_key: Option<SecretText>,
    /// A file that holds the key. A line break at its end is not part of it.
    #[schemars(example = "/run/secrets/portal-token-key")]
    pub token_key_file: Option<PathBuf>,
    /// The audience (`aud`) that tokens must name. Default none: a token must have none.
    #[schemars(example = "emberline-portal")]
    pub token_audience: Option<String>,
    /// The issuer (`iss`) that tokens must have. Default none: any will do.
    #[schemars(example = "vendor-app")]
    pub token_issuer: Option<String>,
    /// Longest time from a token's making to its end, 10s to 1h. A token is good once, within
    /// that time. Default `5m`.
    pub max_token_age: HumanDuration,
    /// How long a customer stays known after entering, 1m to 1d. Default `30m`.
    pub session: HumanDuration,
    /// Secures cookies, forms and order numbers, 16 bytes or more; the same on all replicas.
    /// Default: derived from the service's app secret. Set it where that may change while
    /// customers are there.
    #[schemars(example = "a-random-secret-of-the-portals-own")]
    pub cookie_key: Option<SecretText>,
    /// A file that holds the cookie key. A line break at its end is not part of it.
    #[schemars(example = "/run/secrets/portal-cookie-key")]
    pub cookie_key_file: Option<PathBuf>,
    /// Where orders go: `topic` (the first of `topics.customers` and `topics.orders`, for the
    /// claims worker) or `direct` (the service, by the portal itself: with the same order book
    /// and the same `[claims]`). Default `topic`.
    pub orders: OrderRoute,
    /// Where it is kept which tokens were used: `topic` (`<prefix>.portal-tokens`, for all
    /// replicas) or `memory` (for one replica, and forgotten when it is restarted). Default
    /// `topic`.
    pub redemptions: RedemptionStore,
    /// What the numbers of the portal's orders begin with: up to 32 letters, digits, `-` and
    /// `_`. Default `EP-`.
    pub order_prefix: String,
    /// Longest that a page waits for the service, 100ms to 30s. Default `5s`.
    pub patience: HumanDuration,
    /// Attempts a minute of one customer: to order, and to claim. Default 20.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: u16,
    /// Attempts a minute from one remote address, which many customers of a mobile network
    /// may share: to enter, to order, and to claim. Default 120.
    #[schemars(range(min = 1, max = 60_000))]
    pub attempts_per_address: u16,
    /// How many proxies stand before the portal and tell whom they heard; 0: none, the
    /// connection's own address counts. Default 0.
    #[schemars(range(min = 0, max = 10))]
    pub trusted_hops: u8,
    /// The header in which they tell it, each adding an address at its end. Default
    /// `x-forwarded-for`.
    pub trusted_header: String,
    /// Who may show the pages in a frame, as sources of the policy `frame-ancestors`. Default
    /// nobody.
    #[schemars(example = ["https://app.example.com"])]
    pub frame_ancestors: Vec<String>,
    /// What the service is called, at the head of each page. Default: a plain name of
    /// Emberline's.
    #[schemars(example = LocalisedText::example("安心保障", "Safety Assurance"))]
    pub name: Option<LocalisedText>,
    /// The colour of buttons and marks. Text on it is black or white, whichever is read
    /// better. Default `#0b6e4f`.
    pub accent: String,
    /// The same where dark colours are preferred. Default `#4cc39a`.
    pub accent_dark: String,
    /// The introduction's heading. Default: Emberline's own.
    #[schemars(example = LocalisedText::example("设备在守护，保障也在", "Your devices keep watch. So does your cover."))]
    pub headline: Option<LocalisedText>,
    /// The sentences below it. Default: Emberline's own.
    #[schemars(example = LocalisedText::example("……", "…"))]
    pub introduction: Option<LocalisedText>,
    /// What stands at the foot of each page, such as whom to call. Default none.
    #[schemars(example = LocalisedText::example("客服电话 400-000-0000", "Support: 400-000-0000"))]
    pub footer: Option<LocalisedText>,
    /// Pictures from files of at most 500kB (PNG, JPEG, WebP, AVIF, SVG), by where they
    /// stand: `logo`, `hero`, `fire`, `two-wheeler`. Default none.
    #[schemars(example = example_pictures())]
    pub pictures: BTreeMap<String, PathBuf>,
    /// Where the imprint is. Default none.
    #[schemars(example = "https://www.example.com/imprint")]
    pub imprint_url: Option<String>,
    /// Where the privacy notice is. Default none.
    #[schemars(example = "https://www.example.com/privacy")]
    pub privacy_url: Option<String>,
    /// What is on offer, a table each plan, in this order. Default none.
    pub plans: Vec<PlanSettings>,
}

fn example_pictures() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([("logo", "/etc/emberline/logo.svg")])
}

impl Default for PortalSettings {
    fn default() -> Self {
        Self {
            listen: Listen::On(SocketAddr::from(([127, 0, 0, 1], 9480))),
            public_url: None,
            token_algorithm: TokenAlgorithm::Hs256,
            token_key: None,
            token_key_file: None,
            token_audience: None,
            token_issuer: None,
            max_token_age: HumanDuration::from_secs(300),
            session: HumanDuration::from_secs(1800),
            cookie_key: None,
            cookie_key_file: None,
            orders: OrderRoute::Topic,
            redemptions: RedemptionStore::Topic,
            order_prefix: "EP-".into(),
            patience: HumanDuration::from_secs(5),
            attempts: 20,
            attempts_per_address: 120,
            trusted_hops: 0,
            trusted_header: "x-forwarded-for".into(),
            frame_ancestors: Vec::new(),
            name: None,
            accent: "#0b6e4f".into(),
            accent_dark: "#4cc39a".into(),
            headline: None,
            introduction: None,
            footer: None,
            pictures: BTreeMap::new(),
            imprint_url: None,
            privacy_url: None,
            plans: Vec::new(),
        }
    }
}

impl PortalSettings {
    /// Whether somebody means to run the portal with these settings: then what it lacks is
    /// told by `config check` too.
    pub const fn is_meant(&self) -> bool {
        self.token_key.is_some() || self.token_key_file.is_some()
    }
}

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256.
    #[serde(rename = "HS256")]
    Hs256,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

/// Where it is kept which tokens were used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum RedemptionStore {
    /// On a topic.
    Topic,
    /// In the process.
    Memory,
}

/// Where the portal's orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum OrderRoute {
    /// To the topics that the claims worker reads.
    Topic,
    /// To the service, without a topic between.
    Direct,
}
