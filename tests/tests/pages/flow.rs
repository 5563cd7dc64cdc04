//! The whole way: from the app's token to the page of the claim.

use emberline_sandbox::Edition;
use emberline_testkit::browser::Device;

use crate::world::{BUY, SOON, World};

/// What the pages say on the way.
struct Words {
    stranger: &'static str,
    coming: &'static str,
    coming_badge: &'static str,
    there: &'static str,
    ready: &'static str,
    mini_program: &'static str,
}

const ENGLISH: Words = Words {
    stranger: "Please open this from the app again",
    coming: "Your order is being registered",
    coming_badge: "Being registered",
    there: "Your order is registered",
    ready: "Ready to claim",
    mini_program: "Open the WeChat mini program",
};

const CHINESE: Words = Words {
    stranger: "请从应用中重新打开",
    coming: "正在登记您的订单",
    coming_badge: "登记中",
    there: "登记完成",
    ready: "可领取",
    mini_program: "打开微信小程序",
};

pub(crate) async fn chinese_by_day() {
    walk("chinese-by-day", Device::phone("zh-CN,zh"), &CHINESE).await;
}

pub(crate) async fn chinese_at_night() {
    walk("chinese-at-night", Device::phone("zh-CN,zh").dark(), &CHINESE).await;
}

pub(crate) async fn english_by_day() {
    walk("english-by-day", Device::phone("en-GB,en"), &ENGLISH).await;
}

pub(crate) async fn english_at_night() {
    walk("english-at-night", Device::phone("en-GB,en").dark(), &ENGLISH).await;
}

async fn walk(name: &str, device: Device, words: &Words) {
    let world = World::start(name, &device, Edition::Newer).await;
    let page = &world.page;
    page.goto(&world.url).await.unwrap();
    assert_eq!(page.text("h1").await.unwrap(), words.stranger);
    world.look("1-stranger").await;

    world.enter("c_1001").await;
    assert_eq!(page.url().await.unwrap(), format!("{}/", world.url));
    world.look("2-introduction").await;
    page.goto(&format!("{}/claims", world.url)).await.unwrap();
    world.look("3-no-orders").await;

    world.desk.hold();
    page.goto(&format!("{}/", world.url)).await.unwrap();
    page.click(BUY).await.unwrap();
    world.until_says("h1", words.coming).await;
    let order = page.url().await.unwrap();
    world.look("4-order-under-way").await;
    page.goto(&format!("{}/claims", world.url)).await.unwrap();
    world.until_says(".order .badge", words.coming_badge).await;
    world.look("5-claims-under-way").await;
    page.click(".order a.button").await.unwrap();
    world.until_says("h1", words.coming).await;
    assert_eq!(page.url().await.unwrap(), order);

    // The page notices by itself.
    world.desk.release().await;
    world.until_says("h1", words.there).await;
    world.look("6-order-there").await;
    page.goto(&format!("{}/claims", world.url)).await.unwrap();
    world.until_says(".order .badge", words.ready).await;
    world.look("7-claims").await;
    page.goto(&format!("{}/", world.url)).await.unwrap();
    world.look("8-introduction-ordered").await;

    page.goto(&order).await.unwrap();
    page.click(".order button").await.unwrap();
    world.until_says("#mini-program", words.mini_program).await;
    world.look("9-claim-page").await;
    page.click("#page").await.unwrap();
    arrives(&world).await;
    assert_eq!(world.orders().len(), 1);
}

/// At the address that the service named.
async fn arrives(world: &World) {
    let expected = format!("http://{}/h5/insurance?CustomerId=c_1001&", world.sandbox.address());
    emberline_testkit::wait_for("the browser is at the claim's page", SOON, async || {
        Ok(world.page.url().await?.starts_with(&expected).then_some(()))
    })
    .await
    .unwrap();
}

pub(crate) async fn without_scripts() {
    let device = Device::phone("zh-CN,zh").without_scripts();
    let world = World::start("without-scripts", &device, Edition::Older).await;
    let page = &world.page;
    world.desk.hold();
    world.enter("c_1001").await;
    page.click(BUY).await.unwrap();
    world.until_says("h1", CHINESE.coming).await;
    world.look("1-order-under-way").await;
    world.desk.release().await;
    world.until_says("h1", CHINESE.there).await;
    page.click(".order button").await.unwrap();
    // Without a mini program it leads there at once.
    arrives(&world).await;
}
