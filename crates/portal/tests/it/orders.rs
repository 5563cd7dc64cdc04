//! Ordering: once, however often it is asked for.

use emberline_portal::{Placed, RefusedOrder};
use std::time::Duration;

use crate::desk::Doing;
use crate::world::World;

#[tokio::test]
async fn a_button_pressed_often_on_any_replica_makes_one_order() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let mut replica = world.replica();
    replica.cookies = browser.cookies.clone();
    let form = browser.get("/").await.form("/orders", 0);
    // Loaded again, and on the other replica, it is the same form.
    assert_eq!(browser.get("/").await.form("/orders", 0), form);
    assert_eq!(replica.get("/").await.form("/orders", 0), form);

    let first = browser.post("/orders", &form).await.location().to_owned();
    assert_eq!(browser.post("/orders", &form).await.location(), first);
    assert_eq!(replica.post("/orders", &form).await.location(), first);
    assert_eq!(world.desk.asked().len(), 3);
    assert!(world.desk.asked().windows(2).all(|two| two[0] == two[1]));
    assert_eq!(world.sandbox.registry().orders().orders.len(), 1);
    browser.get(&first).await.is(200).says("Your order is registered");
}

#[tokio::test]
async fn another_order_of_the_same_plan_is_another_button() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let form = browser.get("/").await.form("/orders", 0);
    browser.post("/orders", &form).await.location();
    let page = browser.get("/").await;
    page.says("You have this plan").says("Get another one");
    let another = page.form("/orders", 0);
    assert_ne!(another, form);
    browser.post("/orders", &another).await.location();
    // The first form, found again by going back, makes no third.
    browser.post("/orders", &form).await.location();
    assert_eq!(world.sandbox.registry().orders().orders.len(), 2);
}

#[tokio::test]
async fn an_order_under_way_is_shown_until_it_is_there() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    world.desk.does(Doing::Answer(Placed::OnItsWay));
    let form = browser.get("/").await.form("/orders", 0);
    let placed = browser.post("/orders", &form).await;
    let page = browser.follow(&placed).await;
    page.is(200).says("Your order is being registered").says("Home 20").says("测试 / test");
    assert_eq!(page.header("refresh"), "2");
    browser.get("/claims").await.is(200).says("Being registered").says("Home 20");
    let introduction = browser.get("/").await;
    introduction.says("Being registered").says(placed.location());

    // What keeps it waiting comes about, and the page says so.
    world.desk.does(Doing::Place);
    browser.post("/orders", &form).await.location();
    let page = browser.follow(&placed).await;
    page.is(200).says("Your order is registered");
    assert_eq!(page.header("refresh"), "");
    let claims = browser.get("/claims").await;
    claims.is(200).says("Ready to claim");
    assert!(!claims.body.contains("Being registered"), "{}", claims.body);
}

#[tokio::test]
async fn an_order_is_known_by_its_number_alone_while_under_way() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    world.desk.does(Doing::Answer(Placed::OnItsWay));
    let before = browser.cookies.clone();
    let form = browser.get("/").await.form("/orders", 0);
    let placed = browser.post("/orders", &form).await;
    // The second of two presses may overtake the answer to the first, with its cookie.
    browser.cookies = before;
    browser.follow(&placed).await.is(200).says("Still being registered");
    browser.get("/orders/EP-000000000000000000000000").await.is(404).says("Order not found");
}

#[tokio::test]
async fn an_order_that_is_refused_says_why_and_one_that_failed_can_be_sent_again() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let form = browser.get("/").await.form("/orders", 0);
    for (why, text) in [
        (RefusedOrder::NotOnSale, "This plan is not open yet"),
        (RefusedOrder::SoldOut, "This plan is used up"),
        (RefusedOrder::Contact, "Your telephone number was not accepted"),
        (RefusedOrder::Order, "Your order was not accepted"),
    ] {
        world.desk.does(Doing::Answer(Placed::Refused(why)));
        browser.post("/orders", &form).await.is(409).says(text).says("EP-");
    }
    let after = Some(Duration::from_secs(7));
    world.desk.does(Doing::Answer(Placed::TryLater { after }));
    let failed = browser.post("/orders", &form).await;
    failed.is(503).says("Your order was not sent yet").says("in 7 seconds");
    assert_eq!(failed.header("retry-after"), "7");
    world.desk.does(Doing::Place);
    let again = failed.form("/orders", 0);
    assert_eq!(again, form);
    browser.post("/orders", &again).await.location();
    assert_eq!(world.sandbox.registry().orders().orders.len(), 1);
}

#[tokio::test]
async fn a_plan_can_be_ordered_while_the_service_does_not_answer() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    world
        .sandbox
        .faults()
        .add(emberline_sandbox::FaultRule::share(1.0, emberline_sandbox::Fault::Hang));
    world.desk.does(Doing::Answer(Placed::OnItsWay));
    let form = browser.get("/").await.is(200).form("/orders", 0);
    let placed = browser.post("/orders", &form).await;
    let page = browser.follow(&placed).await;
    page.is(504).says("The insurance service is slow").says(placed.location());
}
