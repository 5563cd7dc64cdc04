//! The hand-over.

use emberline_portal::{Algorithm, Handover, PublicUrl, SigningKey};
use emberline_sandbox::SandboxSettings;

use crate::world::{World, handover, settings, signed, token};

#[tokio::test]
async fn a_token_becomes_a_session_and_leaves_the_address() {
    let world = World::start().await;
    let mut browser = world.browser();
    let answer = browser.get(&format!("/enter?token={}&to=claims", token("c_1"))).await;
    assert_eq!(answer.location(), "/claims");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("emberline-session="), "{cookie}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=1800"] {
        assert!(cookie.contains(part), "{part} {cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("139"), "{cookie}");
    browser.get("/claims").await.is(200).says("No orders yet");
    // By a form, too, and elsewhere than to its own pages it never leads.
    let fields = [("token", token("c_2")), ("to", "https://evil.example.com".to_owned())];
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(world.browser().post("/enter", &fields).await.location(), "/");
}

#[tokio::test]
async fn behind_https_the_cookie_is_bound_to_its_host() {
    let public_url = PublicUrl::parse("https://cover.example.com").unwrap();
    let settings = emberline_portal::PortalSettings { public_url, ..settings() };
    let world = World::with(settings, SandboxSettings::default()).await;
    let mut browser = world.browser();
    let answer = browser.get(&format!("/enter?token={}", token("c_1"))).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-emberline-session="), "{cookie}");
    assert!(cookie.contains("; Secure"), "{cookie}");
    assert!(answer.header("strict-transport-security").starts_with("max-age=31536000"));
    browser.get("/").await.is(200).says("Home 20");
}

#[tokio::test]
async fn a_token_is_good_once_but_its_browser_may_go_back() {
    let world = World::start().await;
    let path = format!("/enter?token={}", token("c_1"));
    let mut first = world.browser();
    assert_eq!(first.get(&path).await.location(), "/");
    world.browser().get(&path).await.is(403).says("This link was used before");
    world.replica().get(&path).await.is(403).says("This link was used before");
    assert_eq!(first.get(&path).await.location(), "/");
}

#[tokio::test]
async fn a_token_that_is_not_to_be_trusted_lets_nobody_in() {
    let world = World::start().await;
    let good = handover("c_1");
    let other = SigningKey::new(Algorithm::Hs256, "another secret, of somebody else's").unwrap();
    let expired = Handover { expires: good.issued - 1, ..good.clone() };
    let long = Handover { expires: good.issued + 3600, ..good.clone() };
    let valid = signed(&good);
    let (message, _) = valid.rsplit_once('.').unwrap();
    let (_, claims) = message.split_once('.').unwrap();
    let none = base64_simd::URL_SAFE_NO_PAD.encode_to_string(r#"{"alg":"none","typ":"JWT"}"#);
    for token in [
        other.token(&good, None, None),
        signed(&expired),
        signed(&long),
        format!("{message}."),
        format!("{none}.{claims}."),
        String::new(),
        "nonsense".to_owned(),
    ] {
        let mut browser = world.browser();
        let answer = browser.get(&format!("/enter?token={token}")).await;
        answer.is(403).says("This link is not valid or has expired");
        assert!(token.is_empty() || !answer.body.contains(&token));
        assert!(browser.cookies.is_empty(), "{token}");
        browser.get("/claims").await.is(403);
    }
    world.browser().get("/enter").await.is(403);
    // None of that used the good one up.
    assert_eq!(world.browser().get(&format!("/enter?token={valid}")).await.location(), "/");
}

#[tokio::test]
async fn who_only_looks_ahead_uses_no_token_up() {
    let world = World::start().await;
    let path = format!("/enter?token={}", token("c_1"));
    let mut ahead = world.browser();
    ahead.headers.push(("sec-purpose", "prefetch;prerender".to_owned()));
    assert!(ahead.get(&path).await.is(503).header("set-cookie").is_empty());
    let head = world.browser().ask(axum::http::Method::HEAD, &path, String::new()).await;
    assert!(head.is(503).header("set-cookie").is_empty());
    assert_eq!(world.browser().get(&path).await.location(), "/");
}
