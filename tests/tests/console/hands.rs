//! What people do with the console.

use emberline_model::{Item, ItemVersion};
use emberline_sandbox::{Fault, FaultRule};
use emberline_service_api::{ServiceCreateCustomer, ServiceGetInsurancePageURL};
use emberline_testkit::browser::{Device, Key};

use crate::world::{METER, SOON, World};

fn create() -> ServiceCreateCustomer<'static> {
    ServiceCreateCustomer { customer: "c_1", country_code: "86", phone_number: "13900001234" }
}

pub(crate) async fn publish() {
    let world = World::start("console-publish", &Device::phone("en").without_scripts()).await;
    world.goto("/").await;
    world.page.click("a.danger").await.unwrap();
    world.until_says("h2", "This cannot be undone").await;
    world.page.click("button.danger").await.unwrap();
    world.until_says("[role=alert]", "Tick the box").await;
    assert!(!world.sandbox.registry().orders().published);
    world.page.screenshot("console-publish", "unconfirmed").await.unwrap();

    world.page.click("#understood").await.unwrap();
    world.page.click("button.danger").await.unwrap();
    world.until_says("[role=status]", "The service is published.").await;
    assert!(world.sandbox.registry().orders().published);
    assert_eq!(world.page.count("a.danger").await.unwrap(), 0, "there is no way back");
}

pub(crate) async fn faults() {
    let world = World::start("console-faults", &Device::phone("en").without_scripts()).await;
    world.goto("/console/faults").await;
    let is_seen = "it.checkVisibility()";
    assert_eq!(world.page.of("#retry_after", is_seen).await.unwrap(), false);
    world.page.click("#kind-throttle").await.unwrap();
    assert_eq!(world.page.of("#retry_after", is_seen).await.unwrap(), true);
    assert_eq!(world.page.of("#status", is_seen).await.unwrap(), false, "only what it needs");
    world.page.fill("#times", "none").await.unwrap();
    world.page.click(".add-fault button").await.unwrap();
    world.until_says("#times-wrong", "A whole number from 1").await;
    world.page.screenshot("console-faults", "wrong").await.unwrap();
    assert!(world.sandbox.faults().plan().is_quiet());

    let clear = "it.value = ''";
    world.page.of("#times", clear).await.unwrap();
    world.page.fill("#times", "1").await.unwrap();
    world.page.click(".add-fault button").await.unwrap();
    world.until_says(".rules", "HTTP 429 · Retry-After: 5").await;
    assert_eq!(world.sandbox.faults().plan().rules, [FaultRule::first(1, Fault::slow_down(5))]);
    assert!(world.call(&create()).await.is_err());
    world.call(&create()).await.unwrap();

    world.page.click(".quick li:nth-child(4) button").await.unwrap();
    world.until_says(".rules", "HTTP 503").await;
    assert!(world.call(&create()).await.is_err());
    world.page.click(".card .strong").await.unwrap();
    world.until_says("[role=status]", "No faults are in force").await;
    world.call(&create()).await.unwrap();
}

pub(crate) async fn keys() {
    let world = World::furnished("console-keys", &Device::phone("en")).await;
    world.goto("/console/devices").await;
    world.page.press(Key::Tab).await.unwrap();
    world.page.press(Key::Enter).await.unwrap();
    let is_at_main = "document.activeElement.id === 'main'";
    world.page.until("the skip link is followed", SOON, is_at_main).await.unwrap();
    world.page.fill("#q", "METER_0").await.unwrap();
    world.page.press(Key::Enter).await.unwrap();
    world.page.until("the list is searched", SOON, "location.search.includes('q=')").await.unwrap();
    world.until_says("tbody th", METER).await;
    assert_eq!(world.page.count("tbody tr").await.unwrap(), 1);

    let is_at_device = "document.activeElement.closest('tbody') !== null";
    for _ in 0..40 {
        world.page.press(Key::Tab).await.unwrap();
        if world.page.evaluate(is_at_device).await.unwrap() == true {
            break;
        }
    }
    world.page.press(Key::Enter).await.unwrap();
    world.until_says("h1", METER).await;
    assert_eq!(world.page.count("figure.plot").await.unwrap(), 7);
}

pub(crate) async fn policy() {
    let world = World::start("console-policy", &Device::phone("zh-CN,zh")).await;
    world.call(&create()).await.unwrap();
    let ask = ServiceGetInsurancePageURL {
        customer: "c_1",
        item: Item::parse("D-CarInsurance2021").unwrap(),
        version: Some(ItemVersion::parse("AutoVIP").unwrap()),
    };
    let answer = world.call(&ask).await.unwrap();
    world.page.goto(&answer.url).await.unwrap();
    world.until_says("h1", "领取保单").await;
    world.until_says("main", "两轮车").await;
    world.until_says("main", "测试 / test").await;
    world.page.click("[hreflang=en]").await.unwrap();
    world.until_says("h1", "Claim the policy").await;
    world.look("policy").await;
}
