//! Attempts are limited, by customer and by address.

use std::num::NonZeroU32;

use emberline_portal::{AttemptLimits, PortalSettings, Proxies};
use emberline_sandbox::SandboxSettings;

use crate::world::{World, settings, token};

async fn world(of_customer: u32, of_address: u32, hops: u8) -> World {
    let number = |number| NonZeroU32::new(number).unwrap();
    let settings = PortalSettings {
        attempts: AttemptLimits {
            of_customer: number(of_customer),
            of_address: number(of_address),
        },
        proxies: Proxies { hops, ..Proxies::default() },
        ..settings()
    };
    World::with(settings, SandboxSettings::default()).await
}

#[tokio::test]
async fn a_customer_who_tries_too_often_is_asked_to_wait() {
    let world = world(2, 100, 0).await;
    let mut browser = world.member("c_1").await;
    let form = browser.get("/").await.form("/orders", 0);
    browser.post("/orders", &form).await.location();
    browser.post("/orders", &form).await.location();
    let refused = browser.post("/orders", &form).await;
    refused.is(429).says("That was a little too often").says("Please try again in");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(refused.form("/orders", 0), form);
    // Another customer is not concerned.
    let mut other = world.member("c_2").await;
    let form = other.get("/").await.form("/orders", 0);
    other.post("/orders", &form).await.location();
    // Looking is limited too, but later.
    let mut looks = Vec::new();
    for _ in 0..12 {
        looks.push(browser.get("/claims").await.status.as_u16());
    }
    assert!(looks.starts_with(&[200; 5]) && looks.contains(&429), "{looks:?}");
}

#[tokio::test]
async fn an_address_that_guesses_tokens_is_asked_to_wait() {
    let world = world(100, 3, 0).await;
    let mut guesser = world.browser();
    for _ in 0..3 {
        guesser.get("/enter?token=guess").await.is(403);
    }
    let refused = guesser.get("/enter?token=guess").await;
    refused.is(429).says("That was a little too often");
    assert!(!refused.header("retry-after").is_empty());
    let mut other = world.browser();
    other.address = "192.0.2.2:4711".parse().unwrap();
    assert_eq!(other.get(&format!("/enter?token={}", token("c_1"))).await.location(), "/");
}

#[tokio::test]
async fn an_address_is_what_trusted_proxies_tell() {
    let untrusting = world(100, 1, 0).await;
    let mut browser = untrusting.browser();
    browser.headers = vec![("x-forwarded-for", "198.51.100.1".to_owned())];
    browser.get("/enter?token=x").await.is(403);
    browser.headers = vec![("x-forwarded-for", "198.51.100.2".to_owned())];
    browser.get("/enter?token=x").await.is(429);

    let trusting = world(100, 1, 1).await;
    let mut browser = trusting.browser();
    for (header, status) in [
        ("198.51.100.1", 403),
        ("198.51.100.2", 403),
        ("203.0.113.9, 198.51.100.1", 429),
        ("198.51.100.3", 403),
    ] {
        browser.headers = vec![("x-forwarded-for", header.to_owned())];
        browser.get("/enter?token=x").await.is(status);
    }
}
