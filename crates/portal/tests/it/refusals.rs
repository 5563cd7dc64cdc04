//! What is refused: strangers, other customers, forms from elsewhere, cookies that are not
//! ours.

use emberline_portal::{MasterKey, PortalSettings};
use emberline_sandbox::SandboxSettings;

use crate::world::{World, settings};

const PAGES: [&str; 3] = ["/", "/claims", "/orders/EP-1"];

#[tokio::test]
async fn nothing_is_shown_or_done_without_a_session() {
    let world = World::start().await;
    for path in PAGES {
        let answer = world.browser().get(path).await;
        answer.is(403).says("Please open this from the app again");
        assert!(!answer.body.contains("Home 20"), "{}", answer.body);
    }
    for path in ["/claims", "/orders"] {
        let answer = world.browser().post(path, &[]).await;
        answer.is(403).says("Please open this from the app again");
    }
    assert!(world.desk.asked().is_empty());
}

#[tokio::test]
async fn a_cookie_that_was_changed_or_made_by_another_is_none() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let cookie = browser.cookies["emberline-session"].clone();
    for changed in
        [format!("A{}", &cookie[1..]), cookie[..cookie.len() - 2].to_owned(), String::new()]
    {
        browser.cookies.insert("emberline-session".to_owned(), changed);
        browser.get("/claims").await.is(403).says("Please open this from the app again");
    }
    let other = PortalSettings { master_key: MasterKey::new(b"another"), ..settings() };
    let other = World::with(other, SandboxSettings::default()).await;
    let mut stranger = other.browser();
    stranger.cookies.insert("emberline-session".to_owned(), cookie.clone());
    stranger.get("/claims").await.is(403);
    // A replica with the same key serves it.
    let mut replica = world.replica();
    replica.cookies.insert("emberline-session".to_owned(), cookie);
    replica.get("/claims").await.is(200);
}

#[tokio::test]
async fn a_customer_sees_no_order_of_another() {
    let world = World::start().await;
    let mut owner = world.member("c_1").await;
    let form = owner.get("/").await.form("/orders", 0);
    let placed = owner.post("/orders", &form).await;
    let path = placed.location().to_owned();
    owner.get(&path).await.is(200).says("Your order is registered");
    let order_no = path.strip_prefix("/orders/").unwrap();

    let mut other = world.member("c_2").await;
    let seen = other.get("/claims").await;
    assert!(!seen.is(200).body.contains(order_no), "{}", seen.body);
    let seen = other.get(&path).await;
    seen.is(404).says("Order not found");
    assert!(!seen.body.contains("Home 20"), "{}", seen.body);
    // Nor is it claimed by naming it, with a form of one's own.
    let own = other.get("/").await.form("/orders", 0);
    let token = own.into_iter().find(|(name, _)| name == "form_token").unwrap();
    let claim = [("order_no".to_owned(), order_no.to_owned()), token];
    other.post("/claims", &claim).await.is(404).says("Order not found");
}

#[tokio::test]
async fn a_form_that_was_not_sent_from_here_does_nothing() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let form = browser.get("/").await.form("/orders", 0);
    let foreign = world.member("c_2").await.get("/").await.form("/orders", 0);
    let without = |form: &[(String, String)], value: &str| {
        let change = |(name, old): &(String, String)| {
            let value = if name == "form_token" { value } else { old };
            (name.clone(), value.to_owned())
        };
        form.iter().map(change).collect::<Vec<_>>()
    };
    for form in [without(&form, ""), without(&form, "AAAA"), foreign] {
        browser.post("/orders", &form).await.is(403).says("This page is out of date");
        browser
            .post("/claims", &[form[3].clone(), ("order_no".into(), "EP-1".into())])
            .await
            .is(403);
    }
    for header in [
        ("origin", "https://evil.example.com"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        browser.headers = vec![(header.0, header.1.to_owned())];
        browser.post("/orders", &form).await.is(403).says("This page is out of date");
    }
    assert!(world.desk.asked().is_empty());
    browser.headers = vec![
        ("origin", "http://127.0.0.1:9480".to_owned()),
        ("sec-fetch-site", "same-origin".to_owned()),
    ];
    browser.post("/orders", &form).await.location();
    assert_eq!(world.desk.asked().len(), 1);
}

#[tokio::test]
async fn what_is_not_on_offer_can_not_be_ordered() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let form = browser.get("/").await.form("/orders", 0);
    for (field, value) in
        [("item", "FireInsurance2020"), ("version", "FirePRO100W"), ("count", "0"), ("count", "21")]
    {
        let change = |(name, old): &(String, String)| {
            let value = if name == field { value } else { old };
            (name.clone(), value.to_owned())
        };
        let form: Vec<_> = form.iter().map(change).collect();
        browser.post("/orders", &form).await.is(422).says("This plan is not open yet");
    }
    assert!(world.desk.asked().is_empty());
}
