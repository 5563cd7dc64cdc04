//! What stands at the head of every answer, and the languages.

use emberline_portal::{PortalSettings, PublicUrl};
use emberline_sandbox::SandboxSettings;

use crate::browser::Answer;
use crate::world::{World, settings, token};

fn check(answer: &Answer, is_personal: bool) {
    let policy = answer.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script-src"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert!(["no-referrer", "same-origin"].contains(&answer.header("referrer-policy")));
    assert_eq!(answer.header("cache-control") == "no-store", is_personal, "{:?}", answer.headers);
    assert_eq!(answer.header("strict-transport-security"), "");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect_it() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    let introduction = browser.get("/").await;
    let form = introduction.form("/orders", 0);
    let placed = browser.post("/orders", &form).await;
    let style = introduction.body.split("href=\"/assets/").nth(1).unwrap();
    let style = format!("/assets/{}", style.split('"').next().unwrap());
    let answers = [
        introduction,
        browser.get("/claims").await,
        browser.follow(&placed).await,
        placed,
        browser.get("/enter?token=x").await,
        browser.get(&format!("/enter?token={}", token("c_1"))).await,
        browser.get("/nowhere").await,
        browser.get("/assets/nothing.css").await,
        browser.get("/orders").await,
        browser.post("/orders", &[]).await.is(400).clone(),
        browser.get("/livez").await,
        browser.get("/readyz").await,
        world.browser().get("/").await,
    ];
    for answer in &answers {
        check(answer, true);
    }
    let style = browser.get(&style).await;
    check(style.is(200), false);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    style.says("--accent: #0b6e4f");
}

#[tokio::test]
async fn who_may_frame_the_pages_is_a_setting_and_https_is_kept() {
    let settings = PortalSettings {
        public_url: PublicUrl::parse("https://cover.example.com").unwrap(),
        frame_ancestors: vec!["https://app.example.com".to_owned()],
        ..settings()
    };
    let world = World::with(settings, SandboxSettings::default()).await;
    let answer = world.browser().get("/").await;
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("frame-ancestors https://app.example.com;"), "{policy}");
    assert!(policy.contains("form-action 'self' https:;"), "{policy}");
    assert_eq!(answer.header("x-frame-options"), "");
    assert!(answer.header("strict-transport-security").starts_with("max-age="));
}

#[tokio::test]
async fn a_page_loads_nothing_from_elsewhere_and_escapes_what_it_is_told() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    for path in ["/", "/claims", "/orders/<script>"] {
        let page = browser.get(&path.replace('<', "%3C").replace('>', "%3E")).await;
        for part in ["<script", "style=", "src=\"http", "href=\"http", "@import", "<b>"] {
            assert!(!page.body.contains(part), "{part} is in {path}: {}", page.body);
        }
        let is_handler = |word: &str| word.starts_with("on") && word.contains("=\"");
        assert!(!page.body.split_whitespace().any(is_handler), "{path}: {}", page.body);
    }
    browser.get("/").await.says("Two wheels &#60;b&#62;");
}

#[tokio::test]
async fn a_page_speaks_the_language_that_is_asked_for_and_remembers_a_choice() {
    let world = World::start().await;
    let mut browser = world.member("c_1").await;
    browser.language = "zh-CN,zh;q=0.9";
    browser.get("/claims").await.says("<html lang=\"zh-CN\">").says("还没有订单");
    browser.language = "en-GB";
    browser.get("/claims").await.says("<html lang=\"en\">").says("No orders yet");
    let chosen = browser.get("/claims?lang=zh").await;
    chosen.says("<html lang=\"zh-CN\">");
    let cookie = chosen.header("set-cookie");
    assert!(cookie.contains("emberline-language=zh-CN") && cookie.contains("HttpOnly"), "{cookie}");
    browser.get("/").await.says("<html lang=\"zh-CN\">").says("可选方案");
    browser.get("/?lang=xx").await.says("<html lang=\"zh-CN\">");
    browser.get("/?lang=en").await.says("<html lang=\"en\">");
    // Strangers are told in their language, too.
    let mut stranger = world.browser();
    stranger.language = "zh-CN";
    stranger.get("/").await.is(403).says("请从应用中重新打开");
}
