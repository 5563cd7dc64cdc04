//! What is said when the service, or the desk, does not do what it is asked.

use std::time::Duration;

use emberline_portal::{Placed, RefusedOrder};
use emberline_sandbox::{Edition, Fault, FaultRule};
use emberline_testkit::browser::Device;

use crate::world::{BUY, World};

const UNKNOWN: &str = "invalid CustomerId or invalid ServiceAppKey";

pub(crate) async fn english() {
    tell(
        "troubles-english",
        &Device::phone("en"),
        [
            "The insurance service can't be reached",
            "Many people are here right now",
            "The insurance service is slow",
            "The insurance service does not know you yet",
            "The insurance service did not accept this",
            "Not available right now",
        ],
        "My cover",
    )
    .await;
}

pub(crate) async fn chinese() {
    tell(
        "troubles-chinese",
        &Device::phone("zh-CN,zh").dark(),
        [
            "保险服务方暂时无法连接",
            "现在使用的人较多",
            "保险服务方响应较慢",
            "您还没有在保险服务方登记",
            "保险服务方没有接受这次请求",
            "服务暂时不可用",
        ],
        "我的保障",
    )
    .await;
}

async fn tell(name: &str, device: &Device, titles: [&str; 6], claims: &str) {
    let world = World::start(name, device, Edition::Newer).await;
    let faults = [
        ("down", Fault::status(503)),
        ("throttled", Fault::slow_down(7)),
        ("slow", Fault::Hang),
        ("unknown", Fault::error(UNKNOWN, "")),
        ("refused", Fault::error("InvalidParameterValue", "CustomerId")),
        ("credentials", Fault::status(401)),
    ];
    world.enter("c_1001").await;
    for ((picture, fault), title) in faults.into_iter().zip(titles) {
        world.sandbox.faults().add(FaultRule::first(1, fault));
        world.page.goto(&format!("{}/claims", world.url)).await.unwrap();
        assert_eq!(world.page.text("h1").await.unwrap(), title);
        world.look(picture).await;
        world.page.click("#retry").await.unwrap();
        world.until_says("h1", claims).await;
    }
}

pub(crate) async fn orders() {
    let world = World::start("orders", &Device::phone("en"), Edition::Newer).await;
    let page = &world.page;
    world.enter("c_1001").await;
    world.desk.answer(Some(Placed::Refused(RefusedOrder::SoldOut)));
    page.click(BUY).await.unwrap();
    world.until_says("h1", "This plan is used up").await;
    world.look("1-sold-out").await;
    page.goto(&format!("{}/", world.url)).await.unwrap();
    world.desk.answer(Some(Placed::TryLater { after: Some(Duration::from_secs(5)) }));
    page.click(BUY).await.unwrap();
    world.until_says("h1", "Your order was not sent yet").await;
    world.look("2-later").await;
    world.desk.answer(None);
    page.click("#retry").await.unwrap();
    world.until_says("h1", "Your order is registered").await;
    assert_eq!(world.orders().len(), 1);
}
