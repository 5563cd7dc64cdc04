//! The browser itself, on pages that are made for it.
#![expect(clippy::unwrap_used, reason = "a test; its functions are run by a harness of their own")]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::RawForm;
use axum::http::HeaderMap;
use axum::response::{Html, Redirect};
use axum::routing::{get, post};
use emberline_testkit::browser::{Browser, Device, Key, availability};
use emberline_testkit::harness::{self, trial};
use libtest_mimic::Arguments;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Longest that a test may take, on a machine with other work.
const LIMIT: Duration = Duration::from_mins(3);
const SOON: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let trials = vec![
        trial("a_page_is_opened_used_and_photographed", LIMIT, used),
        trial("a_page_says_nothing_until_all_of_it_is_there", LIMIT, half_there),
        trial("a_page_is_seen_as_its_device_asks_for", LIMIT, seen),
        trial("serious_faults_are_found_and_their_absence_too", LIMIT, faults),
    ];
    harness::run(&Arguments::from_args(), availability().err().as_ref(), trials)
}

const FORM: &str = "<!doctype html><html lang=en><title>t</title>
    <meta name=viewport content='width=device-width'>
    <style>@media (prefers-color-scheme: dark) { h1::after { content: ' at night' } }</style>
    <main><h1>Hello</h1><form method=post action=/said><label>Name <input name=name></label>
    <button>Say</button></form></main>
    <script>document.querySelector('h1').textContent = 'Hello, scripts'</script>";

async fn site() -> String {
    let said = async |RawForm(form): RawForm| {
        Redirect::to(&format!("/heard?{}", String::from_utf8_lossy(&form)))
    };
    let language = async |headers: HeaderMap| {
        let language = headers.get("accept-language").map(|it| it.to_str().unwrap().to_owned());
        Html(format!("<p>{}", language.unwrap_or_default()))
    };
    let router = Router::new()
        .route("/", get(async || Html(FORM)))
        .route("/said", post(said))
        .route("/heard", get(async || Html("<p>heard")))
        .route("/language", get(language))
        .route("/faulty", get(async || Html("<html><body><img src=x><input><button></button>")));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// A page of which the second half comes once `/rest` is asked for.
async fn slow_site() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = format!("http://{}", listener.local_addr().unwrap());
    let rest = Arc::new(Notify::new());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let rest = Arc::clone(&rest);
            tokio::spawn(async move {
                let mut line = String::new();
                BufReader::new(&mut stream).read_line(&mut line).await.unwrap();
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n";
                stream.write_all(head.as_bytes()).await.unwrap();
                if line.starts_with("GET /slow") {
                    // A browser shows nothing of the first few bytes.
                    let half = format!("<!doctype html><h1>Slow</h1>{}", "<i></i>".repeat(1_000));
                    stream.write_all(half.as_bytes()).await.unwrap();
                    rest.notified().await;
                    stream.write_all(b"<p>The rest</p>").await.unwrap();
                } else if line.starts_with("GET /rest") {
                    rest.notify_one();
                }
            });
        }
    });
    site
}

async fn half_there() {
    let (site, browser) = (slow_site().await, Browser::launch().await.unwrap());
    let page = browser.open(&Device::phone("en")).await.unwrap();
    page.goto(&site).await.unwrap();
    page.evaluate("void (location.href = '/slow')").await.unwrap();
    page.until("the first half", SOON, "document.querySelector('h1') !== null").await.unwrap();
    tokio::select! {
        biased;
        _ = page.until_says("h1", "Slow", SOON) => panic!("half of the page is missing"),
        () = tokio::time::sleep(Duration::from_millis(500)) => {}
    }
    page.evaluate("void fetch('/rest')").await.unwrap();
    page.until_says("h1", "Slow", SOON).await.unwrap();
    assert_eq!(page.count("p").await.unwrap(), 1);
}

async fn used() {
    let (site, browser) = (site().await, Browser::launch().await.unwrap());
    let page = browser.open(&Device::phone("en")).await.unwrap();
    page.goto(&site).await.unwrap();
    assert_eq!(page.text("h1").await.unwrap(), "Hello, scripts");
    assert_eq!(page.evaluate("innerWidth").await.unwrap(), 360);
    assert!(page.text("h2").await.is_err());
    page.fill("input", "Ada").await.unwrap();
    page.press(Key::Tab).await.unwrap();
    assert_eq!(page.evaluate("document.activeElement.tagName").await.unwrap(), "BUTTON");
    page.press(Key::Enter).await.unwrap();
    page.until_says("p", "heard", SOON).await.unwrap();
    assert_eq!(page.url().await.unwrap(), format!("{site}/heard?name=Ada"));

    page.goto(&site).await.unwrap();
    page.click("button").await.unwrap();
    page.until_says("p", "heard", SOON).await.unwrap();
    page.reload().await.unwrap();
    let picture = page.screenshot("browser", "heard").await.unwrap();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
    assert!(page.goto("http://127.0.0.1:1/").await.is_err());
}

async fn seen() {
    let (site, browser) = (site().await, Browser::launch().await.unwrap());
    let device = Device::phone("zh-CN,zh").dark().without_scripts();
    let page = browser.open(&device).await.unwrap();
    page.goto(&site).await.unwrap();
    assert_eq!(page.text("h1").await.unwrap(), "Hello");
    let after = "getComputedStyle(it, '::after').content";
    assert_eq!(page.of("h1", after).await.unwrap(), "\" at night\"");
    page.goto(&format!("{site}/language")).await.unwrap();
    assert_eq!(page.text("p").await.unwrap(), "zh-CN,zh;q=0.9");
}

async fn faults() {
    let (site, browser) = (site().await, Browser::launch().await.unwrap());
    let page = browser.open(&Device::phone("en")).await.unwrap();
    page.goto(&site).await.unwrap();
    assert_eq!(page.serious_faults().await.unwrap(), Vec::<String>::new());
    page.goto(&format!("{site}/faulty")).await.unwrap();
    let faults = page.serious_faults().await.unwrap().join("\n");
    for fault in ["image-alt", "button-name", "html-has-lang"] {
        assert!(faults.contains(fault), "{fault} is not in {faults}");
    }
}
