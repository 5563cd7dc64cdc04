//! The claim page: orders, where they are claimed, and what is said when that fails.

use emberline_model::{Item, ItemVersion};
use emberline_portal::PublicUrl;
use emberline_sandbox::{Edition, Fault, FaultRule, SandboxSettings};
use emberline_service_api::{ServiceCreateOrder, Signer};
use emberline_service_client::{HttpClient, HttpSettings, ServiceClient};

use crate::browser::Browser;
use crate::world::{World, settings, signer};

async fn member_with_order(world: &World, customer: &str) -> Browser {
    let mut browser = world.member(customer).await;
    let form = browser.get("/").await.form("/orders", 0);
    browser.post("/orders", &form).await.location();
    browser
}

async fn older() -> World {
    let sandbox = SandboxSettings { edition: Edition::Older, ..SandboxSettings::default() };
    World::with(settings(), sandbox).await
}

#[tokio::test]
async fn a_claim_leads_to_the_page_that_the_service_names() {
    let world = older().await;
    let mut browser = member_with_order(&world, "c_1").await;
    let page = browser.get("/claims").await;
    page.is(200).says("Home 20").says("测试 / test").says("Ready to claim");
    let claim = page.form("/claims", 0);
    let led = browser.post("/claims", &claim).await;
    let expected = format!("http://{}/h5/insurance?CustomerId=c_1", world.sandbox.address());
    assert!(led.location().starts_with(&expected), "{}", led.location());
}

#[tokio::test]
async fn where_there_is_a_mini_program_both_ways_are_offered() {
    let world = World::start().await;
    let mut browser = member_with_order(&world, "c_1").await;
    let claim = browser.get("/claims").await.form("/claims", 0);
    let page = browser.post("/claims", &claim).await;
    page.is(200).says("Open the claim page").says("Open the WeChat mini program");
    page.says("weixin://dl/business/?appid=wx-sandbox");
    page.says(&format!("href=\"http://{}/h5/insurance?CustomerId=c_1", world.sandbox.address()));
}

#[tokio::test]
async fn nobody_is_led_to_an_address_that_is_not_safe() {
    let public_url = PublicUrl::parse("https://cover.example.com").unwrap();
    let settings = emberline_portal::PortalSettings { public_url, ..settings() };
    let sandbox = SandboxSettings { edition: Edition::Older, ..SandboxSettings::default() };
    let world = World::with(settings, sandbox).await;
    let mut browser = member_with_order(&world, "c_1").await;
    let claim = browser.get("/claims").await.form("/claims", 0);
    let page = browser.post("/claims", &claim).await;
    page.is(502).says("The claim page can&#39;t be opened right now").says("Try again");
    assert!(page.header("location").is_empty());
    assert_eq!(page.form("/claims", 0), claim);
}

#[tokio::test]
async fn all_pages_of_the_orders_are_read() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let client = client(&world, signer("ServiceAppSecret"));
    for count in 0..230 {
        let order_no = format!("old-{count:03}");
        let order = ServiceCreateOrder {
            customer: "c_1",
            order_no: &order_no,
            item: Item::parse("D-FireInsurance2020").unwrap(),
            version: ItemVersion::parse("FirePRO50W").unwrap(),
            count: 1,
        };
        client.call(&order).await.unwrap();
    }
    let page = browser.get("/claims").await;
    page.is(200).says("old-000").says("old-229").says("Fire FirePRO50W");
    assert!(page.body.find("old-229") < page.body.find("old-000"), "the newest come first");
}

fn client(world: &World, signer: Signer) -> ServiceClient {
    let http = HttpClient::new(&HttpSettings::new(world.sandbox.url())).unwrap();
    ServiceClient::new(signer, http)
}

/// Fault, status, what is said in English and in Chinese.
fn troubles() -> Vec<(Fault, u16, &'static str, &'static str)> {
    vec![
        (
            Fault::status(503),
            503,
            "The insurance service can&#39;t be reached",
            "保险服务方暂时无法连接",
        ),
        (Fault::status(429), 503, "Many people are here right now", "现在使用的人较多"),
        (Fault::Hang, 504, "The insurance service is slow", "保险服务方响应较慢"),
        (
            Fault::error("invalid CustomerId or invalid ServiceAppKey", ""),
            404,
            "The insurance service does not know you yet",
            "您还没有在保险服务方登记",
        ),
        (
            Fault::error("InvalidParameterValue", "CustomerId"),
            502,
            "The insurance service did not accept this",
            "保险服务方没有接受这次请求",
        ),
        (Fault::status(401), 503, "Not available right now", "服务暂时不可用"),
    ]
}

#[tokio::test]
async fn each_trouble_has_its_words_in_both_languages_and_a_retry_that_works() {
    let world = older().await;
    let mut browser = member_with_order(&world, "c_1").await;
    let claim = browser.get("/claims").await.form("/claims", 0);
    for (fault, status, english, chinese) in troubles() {
        for (language, words, retry) in [("en", english, "Try again"), ("zh-CN", chinese, "重试")]
        {
            browser.language = language;
            world.sandbox.faults().add(FaultRule::first(1, fault.clone()));
            browser
                .get("/claims")
                .await
                .is(status)
                .says(words)
                .says(retry)
                .says("href=\"/claims\"");
            browser.get("/claims").await.is(200);

            world.sandbox.faults().add(FaultRule::first(1, fault.clone()));
            let failed = browser.post("/claims", &claim).await;
            failed.is(status).says(words).says(retry);
            let again = failed.form("/claims", 0);
            browser.post("/claims", &again).await.location();
        }
    }
}

#[tokio::test]
async fn a_changed_secret_is_used_from_then_on() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    world.service.sign_with(signer("WrongSecret"));
    browser.get("/claims").await.is(503).says("Not available right now");
    world.service.sign_with(signer("ServiceAppSecret"));
    browser.get("/claims").await.is(200);
}
