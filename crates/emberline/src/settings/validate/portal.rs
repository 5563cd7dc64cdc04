//! `[portal]`: what goes together, and what a browser or the service would not take.

use axum::http::{HeaderName, Uri};
use emberline_portal::{Colour, PictureSpot, Plan, PublicUrl};

use super::Findings;
use crate::settings::portal::{OrderRoute, PlanSettings, PortalSettings};
use crate::settings::{HumanDuration, Listen, SecretText, Settings};

pub(super) fn portal(settings: &Settings, found: &mut Findings) {
    let portal = &settings.portal;
    address(portal, found);
    keys(portal, found);
    limits(portal, found);
    look(portal, found);
    plans(&portal.plans, found);
    // Only those who mean to run the portal have to have topics for its orders.
    if portal.is_meant() && portal.orders == OrderRoute::Topic {
        for (key, topics) in
            [("customers", &settings.topics.customers), ("orders", &settings.topics.orders)]
        {
            if topics.is_empty() {
                let text = format!("topic needs a topic in topics.{key}");
                found.add("portal.orders", text);
            }
        }
    }
}

fn address(portal: &PortalSettings, found: &mut Findings) {
    let listens_nearby = match portal.listen {
        Listen::Off => {
            found.add("portal.listen", "must be an address: the portal is only its pages");
            true
        }
        Listen::On(address) => address.ip().is_loopback(),
    };
    match &portal.public_url {
        Some(url) => {
            if let Err(error) = PublicUrl::parse(url) {
                found.add("portal.public_url", error.to_string());
            }
        }
        None if !listens_nearby => {
            let text = "must be set, with https://, where others than this machine are served";
            found.add("portal.public_url", text);
        }
        None => {}
    }
    for source in &portal.frame_ancestors {
        if let Some(text) = wrong_with_source(source) {
            found.add("portal.frame_ancestors", format!("{source:?} {text}"));
        }
    }
    if portal.trusted_header.parse::<HeaderName>().is_err() {
        found.add("portal.trusted_header", "is no name of a header");
    }
}

/// A source of `frame-ancestors` is a scheme and host; anything else could end the policy
/// early.
fn wrong_with_source(source: &str) -> Option<&'static str> {
    if source == "'self'" {
        return None;
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".:*-".contains(&byte);
    let host = source.strip_prefix("https://").map(|host| host.trim_end_matches('/'));
    let is_origin = host.is_some_and(|host| !host.is_empty() && host.bytes().all(allowed));
    (!is_origin).then_some("is no source: write one as \"https://app.example.com\" or \"'self'\"")
}

fn keys(portal: &PortalSettings, found: &mut Findings) {
    let twice = "is given as a file too: give one of them";
    if portal.token_key.is_some() && portal.token_key_file.is_some() {
        found.add("portal.token_key", twice);
    }
    if portal.cookie_key.is_some() && portal.cookie_key_file.is_some() {
        found.add("portal.cookie_key", twice);
    }
    let is_empty =
        |key: &Option<SecretText>| key.as_ref().is_some_and(|key| key.expose().trim().is_empty());
    if is_empty(&portal.token_key) {
        found.add("portal.token_key", "must not be empty");
    }
    if is_empty(&portal.cookie_key) {
        found.add("portal.cookie_key", "must not be empty");
    }
    for (key, text) in [
        ("portal.token_audience", &portal.token_audience),
        ("portal.token_issuer", &portal.token_issuer),
    ] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            found.add(key, "must not be empty");
        }
    }
}

fn limits(portal: &PortalSettings, found: &mut Findings) {
    let seconds = HumanDuration::from_secs;
    found.check_time("portal.max_token_age", portal.max_token_age, seconds(10), seconds(3600));
    found.check_time("portal.session", portal.session, seconds(60), seconds(86_400));
    let least = HumanDuration::from_millis(100);
    found.check_time("portal.patience", portal.patience, least, seconds(30));
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if portal.order_prefix.len() > 32 || !portal.order_prefix.bytes().all(allowed) {
        found.add("portal.order_prefix", "is up to 32 letters, digits, \"-\" and \"_\"");
    }
}

fn look(portal: &PortalSettings, found: &mut Findings) {
    for (key, colour) in
        [("portal.accent", &portal.accent), ("portal.accent_dark", &portal.accent_dark)]
    {
        if let Err(error) = colour.parse::<Colour>() {
            found.add(key, format!("{colour:?} is none: {error}"));
        }
    }
    for spot in portal.pictures.keys() {
        if !PictureSpot::ALL.iter().any(|known| known.name() == spot) {
            let known = PictureSpot::ALL.map(PictureSpot::name).join(", ");
            found.add("portal.pictures", format!("{spot:?} is no place for one: {known}"));
        }
    }
    for (key, url) in
        [("portal.imprint_url", &portal.imprint_url), ("portal.privacy_url", &portal.privacy_url)]
    {
        let is_web = |url: &String| url.starts_with("https://") && url.parse::<Uri>().is_ok();
        if url.as_ref().is_some_and(|url| !is_web(url)) {
            found.add(key, "must begin with https://");
        }
    }
}

fn plans(plans: &[PlanSettings], found: &mut Findings) {
    for (place, plan) in (1..).zip(plans) {
        if let Err(error) = Plan::new(&plan.item, &plan.version) {
            let (item, version) = (&plan.item, &plan.version);
            found.add("portal.plans", format!("plan {place}, {item} {version}: {error}"));
        }
        if plan.name.zh.trim().is_empty() || plan.name.en.trim().is_empty() {
            found.add("portal.plans", format!("plan {place}: its name must not be empty"));
        }
        let is_same =
            |other: &&PlanSettings| other.item == plan.item && other.version == plan.version;
        if plans.iter().take(place - 1).any(|other| is_same(&other)) {
            let text = format!("plan {place}: {} {} is listed twice", plan.item, plan.version);
            found.add("portal.plans", text);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::portal::PortalSettings;
    use crate::settings::{Settings, validate};

    fn problems(portal: &str) -> Vec<String> {
        let portal: PortalSettings = toml::from_str(portal).unwrap();
        let settings = Settings { portal, ..Settings::default() };
        validate::findings(&settings).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_that_is_wrong_with_a_portal_is_told_at_once() {
        let found = problems(
            r#"
            listen = "0.0.0.0:9480"
            public_url = "http://cover.example.com"
            token_key = "k"
            token_key_file = "/f"
            orders = "direct"
            order_prefix = "a b"
            patience = "1h"
            frame_ancestors = ["https://a.example.com; script-src *", "*"]
            accent = "red"
            pictures = { middle = "/f" }
            imprint_url = "javascript:alert(1)"
            [[plans]]
            item = "FireInsurance2020"
            version = "AutoVIP"
            name = { zh = "一", en = "one" }
            [[plans]]
            item = "FireInsurance2020"
            version = "FirePRO20W"
            name = { zh = "", en = "two" }
            [[plans]]
            item = "FireInsurance2020"
            version = "FirePRO20W"
            name = { zh = "三", en = "three" }
            "#,
        );
        let expected = [
            "portal.public_url: must begin with https://",
            "portal.frame_ancestors: \"https://a.example.com; script-src *\" is no source",
            "portal.frame_ancestors: \"*\" is no source",
            "portal.token_key: is given as a file too",
            "portal.patience: 1h is outside of 100ms to 30s",
            "portal.order_prefix: is up to 32 letters",
            "portal.accent: \"red\" is none",
            "portal.pictures: \"middle\" is no place for one: logo, hero, fire, two-wheeler",
            "portal.imprint_url: must begin with https://",
            "portal.plans: plan 1, FireInsurance2020 AutoVIP: item version of another family",
            "portal.plans: plan 2: its name must not be empty",
            "portal.plans: plan 3: FireInsurance2020 FirePRO20W is listed twice",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} / {expected}");
        }
    }

    #[test]
    fn who_serves_others_says_under_which_address() {
        assert_eq!(problems("listen = \"127.0.0.1:0\""), Vec::<String>::new());
        let found = problems("listen = \"0.0.0.0:9480\"");
        assert!(found[0].starts_with("portal.public_url: must be set"), "{found:?}");
        let open = "listen = \"0.0.0.0:9480\"\npublic_url = \"https://cover.example.com\"";
        assert_eq!(problems(open), Vec::<String>::new());
    }
}
