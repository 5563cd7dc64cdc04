//! A page of somebody else, in the browser that has the console open.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use emberline_testkit::browser::Device;
use tokio::net::TcpListener;

use crate::world::World;

/// A page with a form for each thing that could be changed, and a button each.
async fn foreign_site(target: &str) -> String {
    let form = |id: &str, path: &str, fields: &str| {
        format!(
            "<form method=post action='{target}{path}'>{fields}<button id={id}>x</button></form>"
        )
    };
    let page = [
        form("admin-publish", "admin/publish", ""),
        form("publish", "console/publish", "<input name=understood value=yes>"),
        form("fault", "console/faults", "<input name=kind value=hang><input name=share value=100>"),
    ]
    .concat();
    let router = Router::new().route("/", get(Html(format!("<!doctype html>{page}"))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    // A name makes it another site to the browser; another port of the same would, too.
    format!("http://localhost:{}/", address.port())
}

pub(crate) async fn forms() {
    let world = World::start("console-strangers", &Device::phone("en")).await;
    let site = foreign_site(&world.sandbox.console_url()).await;
    for button in ["#admin-publish", "#publish", "#fault"] {
        world.page.goto(&site).await.unwrap();
        world.page.click(button).await.unwrap();
        world.until_says("body", "another site").await;
    }
    assert!(!world.sandbox.registry().orders().published);
    assert!(world.sandbox.faults().plan().is_quiet());
}
