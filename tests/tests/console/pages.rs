//! Every page, looked at on every kind of screen.

use emberline_model::OnlineStatus;
use emberline_sandbox::{Fault, FaultRule};
use emberline_service_api::ServiceReportDeviceState;
use emberline_testkit::browser::Device;

use crate::world::{METER, World};

/// By the names of their pictures.
const PAGES: [(&str, &str); 12] = [
    ("service", "/"),
    ("publish", "/console/publish"),
    ("customers", "/console/customers"),
    ("customers-searched", "/console/customers?q=nobody"),
    ("customer", "/console/customer?id=customer_00"),
    ("orders", "/console/orders"),
    ("bindings", "/console/bindings"),
    ("devices", "/console/devices"),
    ("device", "/console/device?id=F4N0000AN/meter_0"),
    ("calls", "/console/calls"),
    ("missing", "/console/nothing"),
    ("policy", "/h5/insurance?CustomerId=c_1&ItemId=D-FireInsurance2020&ItemVNO=FirePRO50W"),
];

fn desk(language: &str) -> Device {
    Device { width: 1280, height: 900, ..Device::phone(language) }
}

pub(crate) async fn phone_by_day() {
    every_page("phone-day-en", &Device::phone("en")).await;
}

pub(crate) async fn phone_at_night() {
    every_page("phone-night-zh", &Device::phone("zh-CN,zh").dark()).await;
}

pub(crate) async fn desk_by_day() {
    every_page("desk-day-zh", &desk("zh-CN,zh")).await;
}

pub(crate) async fn desk_at_night() {
    every_page("desk-night-en", &desk("en").dark()).await;
}

async fn every_page(name: &str, device: &Device) {
    let world = World::furnished(&format!("console-{name}"), device).await;
    let language = device.language.split(',').next().unwrap();
    for (picture, path) in PAGES {
        world.goto(path).await;
        assert_eq!(world.page.attribute("html", "lang").await.unwrap().as_deref(), Some(language));
        world.look(picture).await;
    }
    let faults = world.sandbox.faults();
    faults.add(FaultRule::first(20, Fault::slow_down(5)));
    faults.add(FaultRule::share(0.1, Fault::error("InternalError", "on purpose")).after_acting());
    world.goto("/console/faults").await;
    world.look("faults").await;
    world.page.click("#kind-throttle").await.unwrap();
    world.look("faults-throttle").await;
}

/// Before anything has happened.
pub(crate) async fn empty() {
    let world = World::start("console-empty", &Device::phone("en")).await;
    for (picture, path) in PAGES {
        world.goto(path).await;
        world.look(picture).await;
    }
    world.goto("/console/faults").await;
    world.look("faults").await;
}

pub(crate) async fn refreshed() {
    let world = World::start("console-refreshed", &Device::phone("en").without_scripts()).await;
    world.goto("/console/devices").await;
    world.page.click(".chips a[href$='refresh=2']").await.unwrap();
    world.until_says(".chips a[aria-current]", "2 s").await;
    let state = ServiceReportDeviceState { device: METER, status: OnlineStatus::Online };
    world.call(&state).await.unwrap();
    world.until_says("td", "online").await;
    world.page.click("tbody a").await.unwrap();
    world.until_says("h1", METER).await;
    world.until_says(".chips a[aria-current]", "2 s").await;
}
