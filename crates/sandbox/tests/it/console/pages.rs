//! Every page: there, in both languages, whole in itself and safe from what it shows.

use super::Visitor;
use crate::caller::{Call, furnished, report, send, settings};

const PAGES: [&str; 11] = [
    "/",
    "/console/publish",
    "/console/customers",
    "/console/customer?id=c_1",
    "/console/orders",
    "/console/bindings",
    "/console/devices",
    "/console/device?id=P%2Fa",
    "/console/calls",
    "/console/faults",
    "/h5/insurance?CustomerId=c_1&ItemId=D-FireInsurance2020&ItemVNO=FireBusiness",
];

#[tokio::test]
async fn every_page_is_there_in_both_languages() {
    let sandbox = furnished(settings()).await;
    for path in PAGES {
        let english = Visitor::of(&sandbox).speaking("en-GB,en;q=0.9").page(path).await;
        assert!(english.contains("<html lang=\"en\">"), "{path}");
        let chinese = Visitor::of(&sandbox).speaking("zh-CN,zh;q=0.9").page(path).await;
        assert!(chinese.contains("<html lang=\"zh-CN\">") && chinese.contains("沙箱"), "{path}");
        let separator = if path.contains('?') { '&' } else { '?' };
        let chosen = Visitor::of(&sandbox).page(&format!("{path}{separator}lang=zh-CN")).await;
        assert!(chosen.contains("<html lang=\"zh-CN\">"), "{path}");
    }
}

#[tokio::test]
async fn a_page_loads_nothing_from_elsewhere_and_runs_nothing() {
    let sandbox = furnished(settings()).await;
    for path in PAGES {
        let answer = Visitor::of(&sandbox).get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        for forbidden in ["<script", " style=", "http://", "https://", " onclick", "javascript:"] {
            assert!(!answer.body.contains(forbidden), "{path} has {forbidden}");
        }
    }
}

#[tokio::test]
async fn what_comes_from_outside_is_shown_as_text() {
    let sandbox = furnished(settings()).await;
    let evil = "<b>\\\"&'";
    let devices = format!(
        r#"[{{"CustomerDeviceNo":"no{evil}","DeviceId":"P/x{evil}","ProductName":"product{evil}"}}]"#
    );
    let bind = Call::new("ServiceBindDevice").text("CustomerId", "c_1").raw("DeviceInfos", devices);
    assert!(send(&sandbox, &bind).await.succeeded());
    let device = "P/x<b>\"&'";
    assert!(send(&sandbox, &Call::state(device, 1)).await.succeeded());
    let order = Call::order("order<b>\"&'", "D-FireInsurance2020", "FireBusiness");
    assert!(send(&sandbox, &order).await.succeeded());
    let refused = Call::power(1, "1").text("Extra<b>", "x").text("RequestId", "request<b>\"&'");
    send(&sandbox, &refused).await;
    let fault = r#"{"rules":[{"fault":{"kind":"answer","code":"code<b>\"&'"},"device":"P/y<b>"}]}"#;
    crate::caller::post(&sandbox, "/admin/faults", fault).await.unwrap();

    let visitor = Visitor::of(&sandbox);
    for (path, shown) in [
        ("/console/bindings", &["P/x", "no", "product"][..]),
        ("/console/customer?id=c_1", &["P/x", "order"]),
        ("/console/devices", &["P/x"]),
        ("/console/device?id=P%2Fx%3Cb%3E%22%26%27", &["P/x", "no", "product"]),
        ("/console/orders", &["order"]),
        ("/console/calls", &["request"]),
        ("/console/faults", &["code"]),
        ("/console/devices?q=search%3Cb%3E%22%26%27", &["search"]),
    ] {
        let page = visitor.page(path).await;
        assert!(!page.contains("<b>"), "{path}");
        for text in shown {
            let escaped = format!("{text}&#60;b&#62;&#34;&#38;&#39;");
            assert!(page.contains(&escaped), "{path} lacks {escaped}");
        }
    }
    assert!(visitor.page("/console/calls").await.contains("Extra&#60;b&#62; is no parameter"));
}

#[tokio::test]
async fn a_list_never_has_more_rows_than_a_page() {
    let sandbox = furnished(settings()).await;
    let device =
        |n| format!(r#"{{"CustomerDeviceNo":"{n}","DeviceId":"P/d{n}","ProductName":"x"}}"#);
    let devices: Vec<String> = (0..1_500).map(device).collect();
    let bind = Call::new("ServiceBindDevice").text("CustomerId", "c_1");
    let bind = bind.raw("DeviceInfos", format!("[{}]", devices.join(",")));
    assert!(send(&sandbox, &bind).await.succeeded());
    let reports: Vec<String> = (0..300).map(|time| report(time, &[(1006, "1")])).collect();
    assert!(send(&sandbox, &Call::data("P/a", "c_1", 400, &reports.join(","))).await.succeeded());

    let visitor = Visitor::of(&sandbox);
    for (path, rows) in [
        ("/console/bindings", 50),
        ("/console/bindings?page=31", 1),
        ("/console/bindings?q=P%2Fd7", 50),
        ("/console/bindings?q=P%2Fd77", 11),
        ("/console/customer?id=c_1", 50),
        ("/console/device?id=P%2Fa", 50),
    ] {
        let page = visitor.page(path).await;
        let (_, body) = page.rsplit_once("<tbody>").unwrap();
        assert_eq!(body.matches("<tr>").count(), rows, "{path}");
    }
    assert!(visitor.page("/console/bindings").await.contains("1–50 of 1,501"));
}

#[tokio::test]
async fn a_page_loads_itself_again_only_if_asked_to() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    assert_eq!(visitor.get("/console/devices").await.header("refresh"), None);
    assert_eq!(visitor.get("/console/devices?refresh=5").await.header("refresh"), Some("5"));
    assert_eq!(visitor.get("/console/devices?refresh=0.01").await.header("refresh"), None);
    assert_eq!(visitor.get("/console/faults?refresh=5").await.header("refresh"), None);
}

#[tokio::test]
async fn an_address_without_a_page_says_so() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    for path in ["/console", "/console/nothing", "/console/customer?id=c_9", "/console/device"] {
        let answer = visitor.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.contains("<html lang=\"en\">"), "{path}");
    }
    let style = visitor.get("/console/style.css").await;
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(
        visitor.get("/console/icon.svg").await.header("content-type"),
        Some("image/svg+xml")
    );
}
