//! How the pages are handled: impatiently, with keys, without anything that moves.

use emberline_sandbox::Edition;
use emberline_testkit::browser::{Device, Key};

use crate::world::{BUY, World};

pub(crate) async fn twice() {
    let world = World::start("twice", &Device::phone("en"), Edition::Newer).await;
    let page = &world.page;
    world.enter("c_1001").await;
    page.clicks(BUY, 2).await.unwrap();
    world.until_says("h1", "Your order is registered").await;
    page.reload().await.unwrap();
    world.until_says("h1", "Your order is registered").await;
    assert_eq!(world.orders().len(), 1);

    // Back to the page as it was, and pressed once more.
    page.evaluate("history.back()").await.unwrap();
    page.until(
        "it is back",
        crate::world::SOON,
        "location.pathname === '/' && document.readyState === 'complete'",
    )
    .await
    .unwrap();
    page.click(&format!("{BUY}:not(.second), #plan-FireMER20W-test a.button")).await.unwrap();
    page.until("it goes on", crate::world::SOON, "location.pathname !== '/'").await.unwrap();
    assert_eq!(world.orders().len(), 1);

    // What is meant as a second one is a button of its own.
    page.goto(&format!("{}/", world.url)).await.unwrap();
    page.click("#plan-FireMER20W-test button.second").await.unwrap();
    world.until_says("h1", "Your order is registered").await;
    assert_eq!(world.orders().len(), 2);
}

pub(crate) async fn keys() {
    let world = World::start("keys", &Device::phone("en"), Edition::Newer).await;
    let page = &world.page;
    world.enter("c_1001").await;
    page.press(Key::Tab).await.unwrap();
    let focused = "document.activeElement.textContent.trim()";
    assert_eq!(page.evaluate(focused).await.unwrap(), "Skip to content");
    world.look("1-skip").await;
    page.press(Key::Enter).await.unwrap();
    tab_to(&world, "Buy now: Home fire cover, 200,000").await;
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(page.evaluate(outline).await.unwrap(), "solid");
    world.look("2-button").await;
    page.press(Key::Enter).await.unwrap();
    world.until_says("h1", "Your order is registered").await;
    tab_to(&world, "Claim cover").await;
    page.press(Key::Enter).await.unwrap();
    world.until_says("#page", "Open the claim page").await;
}

/// Presses Tab until what has the focus has this name.
async fn tab_to(world: &World, name: &str) {
    for _ in 0..30 {
        world.page.press(Key::Tab).await.unwrap();
        let focused = world.page.evaluate("document.activeElement.textContent.trim()").await;
        if focused.unwrap() == name {
            return;
        }
    }
    panic!("{name} is not reached with Tab");
}

pub(crate) async fn still() {
    let device = Device { reduced_motion: true, ..Device::phone("en") };
    let world = World::start("still", &device, Edition::Newer).await;
    world.desk.hold();
    world.enter("c_1001").await;
    world.page.click(BUY).await.unwrap();
    world.until_says("h1", "Your order is being registered").await;
    let moves = world.page.of(".spinner", "getComputedStyle(it).animationName").await.unwrap();
    assert_eq!(moves, "none");
}
