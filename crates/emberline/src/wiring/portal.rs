//! What the portal is told, and what stands behind it.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::http::HeaderName;
use emberline_pipeline::{OrderPlacer, PlacerSettings};
use emberline_portal::{
    Algorithm, AttemptLimits, Branding, Colour, Localised, MasterKey, MemoryRedemptions, OrderDesk,
    Picture, PictureSpot, Plan, Proxies, PublicUrl, Redemptions, Service, TokenKey, TokenSettings,
};
use emberline_service_api::Signer;
use emberline_service_client::HttpClient;

use crate::commands::portal::{DirectDesk, TopicDesk, TopicRedemptions, direct_desk};
use crate::settings::portal::{
    LocalisedText, OrderRoute, PlanSettings, PortalSettings, RedemptionStore, TokenAlgorithm,
};
use crate::settings::{self, Listen, Problem, Problems, Settings};

/// Shortest secret that cookies are secured with, in bytes.
const SHORTEST_COOKIE_KEY: usize = 16;

/// What keeps a portal with these settings from starting on this machine.
///
/// # Errors
/// All of it.
pub fn problems(settings: &Settings) -> Result<(), Problems> {
    portal(settings, SocketAddr::from(([127, 0, 0, 1], 0))).map(drop)
}

/// What the portal is told that listens on this address.
///
/// # Errors
/// All that is missing, or cannot be used.
pub fn portal(
    settings: &Settings,
    address: SocketAddr,
) -> Result<emberline_portal::PortalSettings, Problems> {
    let from = &settings.portal;
    let mut problems = Vec::new();
    let keys = settings::portal_keys(settings);
    let keys = keys.map_err(|found| problems.extend(found.iter().cloned())).ok();
    let token_key = keys.as_ref().and_then(|(token, _)| {
        let key = TokenKey::new(algorithm(from), token.expose());
        key.map_err(|error| problems.push(problem("portal.token_key", &error))).ok()
    });
    if from.cookie_key.is_some() || from.cookie_key_file.is_some() {
        let is_short =
            |(_, cookie): &(_, settings::SecretText)| cookie.expose().len() < SHORTEST_COOKIE_KEY;
        if keys.as_ref().is_some_and(is_short) {
            problems.push(problem("portal.cookie_key", &"is shorter than 16 bytes"));
        }
    }
    let branding = branding(from, &mut problems);
    let public_url = public_url(settings, address);
    let public_url = public_url.map_err(|found| problems.push(found)).ok();
    let header = from.trusted_header.parse::<HeaderName>();
    let header = header.map_err(|error| problems.push(problem("portal.trusted_header", &error)));
    Problems::none_in(problems)?;
    let none = || Problems::from_iter([problem("portal", &"can't be set up")]);
    let (_, cookie) = keys.ok_or_else(none)?;
    Ok(emberline_portal::PortalSettings {
        public_url: public_url.ok_or_else(none)?,
        token: TokenSettings {
            key: token_key.ok_or_else(none)?,
            audience: from.token_audience.clone(),
            issuer: from.token_issuer.clone(),
            max_age: from.max_token_age.0,
        },
        master_key: MasterKey::new(cookie.expose().as_bytes()),
        session: from.session.0,
        plans: from.plans.iter().filter_map(plan).collect(),
        order_prefix: from.order_prefix.clone(),
        branding,
        attempts: AttemptLimits {
            of_customer: at_least_one(from.attempts),
            of_address: at_least_one(from.attempts_per_address),
        },
        proxies: Proxies { hops: from.trusted_hops, header: header.map_err(|()| none())? },
        frame_ancestors: from.frame_ancestors.clone(),
    })
}

/// Where customers find the portal that listens on this address.
///
/// # Errors
/// What is wrong with the setting.
pub fn public_url(settings: &Settings, address: SocketAddr) -> Result<PublicUrl, Problem> {
    match &settings.portal.public_url {
        Some(url) => PublicUrl::parse(url).map_err(|error| problem("portal.public_url", &error)),
        None => Ok(PublicUrl::of_listener(address)),
    }
}

/// Where it listens.
///
/// # Errors
/// If it is to listen nowhere.
pub fn listen(settings: &Settings) -> Result<SocketAddr, Problems> {
    match settings.portal.listen {
        Listen::On(address) => Ok(address),
        Listen::Off => Err(Problems::from_iter([problem("portal.listen", &"must be an address")])),
    }
}

/// How tokens are signed.
pub const fn algorithm(settings: &PortalSettings) -> Algorithm {
    match settings.token_algorithm {
        TokenAlgorithm::Hs256 => Algorithm::Hs256,
        TokenAlgorithm::EdDsa => Algorithm::EdDsa,
    }
}

/// The service, as the pages ask it.
///
/// # Errors
/// What is missing, or cannot be used.
pub fn service(settings: &Settings) -> anyhow::Result<Arc<Service>> {
    let http = super::http_client(settings)?;
    Ok(Arc::new(Service::new(signer(settings)?, http, settings.portal.patience.0)))
}

/// What signs the portal's calls.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn signer(settings: &Settings) -> Result<Signer, Problems> {
    Ok(Signer::new(&super::credentials(settings)?, super::dialect(settings)))
}

/// Who places orders at the service, where the portal does so itself.
pub type Placer = OrderPlacer<Arc<HttpClient>>;

/// Where its orders are placed; and by whom, where that is the portal itself.
///
/// # Errors
/// What is missing, or cannot be used.
pub async fn desk(
    settings: &Settings,
) -> anyhow::Result<(Arc<dyn OrderDesk>, Option<Arc<Placer>>)> {
    match settings.portal.orders {
        OrderRoute::Topic => {
            let none = |key| Problems::from_iter([problem(key, &"is empty")]);
            let topics = &settings.topics;
            let customers = topics.customers.first().ok_or_else(|| none("topics.customers"))?;
            let orders = topics.orders.first().ok_or_else(|| none("topics.orders"))?;
            let desk = TopicDesk::new(super::kafka(settings)?, customers, orders)?;
            Ok((Arc::new(desk), None))
        }
        OrderRoute::Direct => {
            let placing = PlacerSettings {
                kafka: super::kafka(settings)?,
                topics: super::topics(settings),
                rules: super::claim_rules(settings),
                patience: direct_desk::PATIENCE,
            };
            let http = Arc::new(super::http_client(settings)?);
            let placer = Arc::new(OrderPlacer::start(placing, signer(settings)?, http).await?);
            Ok((Arc::new(DirectDesk(Arc::clone(&placer))), Some(placer)))
        }
    }
}

/// Most used tokens that are remembered in memory, some 200 bytes each.
const MOST_TOKENS: usize = 100_000;

/// Where it is kept which tokens were used.
///
/// # Errors
/// If Kafka can't be asked, or a right is missing.
pub async fn redemptions(settings: &Settings) -> anyhow::Result<Arc<dyn Redemptions>> {
    match settings.portal.redemptions {
        RedemptionStore::Memory => Ok(Arc::new(MemoryRedemptions::new(MOST_TOKENS))),
        RedemptionStore::Topic => {
            let topic = format!("{}.portal-tokens", settings.topics.prefix);
            Ok(Arc::new(TopicRedemptions::start(super::kafka(settings)?, &topic).await?))
        }
    }
}

/// Whether the portal has something to keep on the pipeline's own topics.
pub fn needs_own_topics(settings: &Settings) -> bool {
    settings.portal.orders == OrderRoute::Direct
        || settings.portal.redemptions == RedemptionStore::Topic
}

fn problem(key: &str, text: &impl ToString) -> Problem {
    Problem::of(key, text.to_string())
}

/// The settings' own ranges begin at 1.
fn at_least_one(number: u16) -> NonZeroU32 {
    NonZeroU32::new(u32::from(number)).unwrap_or(NonZeroU32::MIN)
}

/// `None` for what the check of the settings refuses.
fn plan(from: &PlanSettings) -> Option<Plan> {
    let plan = Plan::new(&from.item, &from.version).ok()?;
    let optional = |text: &Option<LocalisedText>| text.as_ref().map(localised).unwrap_or_default();
    Some(Plan {
        name: localised(&from.name),
        text: optional(&from.text),
        price: optional(&from.price),
        ..plan
    })
}

fn localised(from: &LocalisedText) -> Localised {
    Localised { zh: from.zh.clone(), en: from.en.clone() }
}

fn branding(from: &PortalSettings, problems: &mut Vec<Problem>) -> Branding {
    let own = Branding::default();
    let mut colour = |key, text: &str, or| {
        text.parse::<Colour>().unwrap_or_else(|error| {
            problems.push(problem(key, &error));
            or
        })
    };
    let accent = colour("portal.accent", &from.accent, own.accent);
    let accent_dark = colour("portal.accent_dark", &from.accent_dark, own.accent_dark);
    let mut pictures = Vec::new();
    for spot in PictureSpot::ALL {
        let Some(path) = from.pictures.get(spot.name()) else { continue };
        match Picture::read(path) {
            Ok(picture) => pictures.push((spot, picture)),
            Err(error) => problems.push(problem("portal.pictures", &error)),
        }
    }
    Branding {
        name: from.name.as_ref().map_or(own.name, localised),
        accent,
        accent_dark,
        headline: from.headline.as_ref().map(localised),
        introduction: from.introduction.as_ref().map(localised),
        footer: from.footer.as_ref().map(localised).unwrap_or_default(),
        pictures,
        imprint_url: from.imprint_url.clone(),
        privacy_url: from.privacy_url.clone(),
    }
}
