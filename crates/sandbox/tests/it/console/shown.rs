//! What the pages tell of what was accepted.

use emberline_sandbox::SandboxSettings;

use super::Visitor;
use crate::caller::{Call, furnished, now, report, send, settings};

#[tokio::test]
async fn the_service_is_told_with_its_test_mark_and_what_is_paid_for() {
    let sandbox = furnished(SandboxSettings { authorisations_bought: 3, ..settings() }).await;
    let order = Call::order("1", "D-FireInsurance2020", "FireBusiness");
    assert!(send(&sandbox, &order).await.succeeded());
    let page = Visitor::of(&sandbox).page("/").await;
    for text in ["Not published", "测试 / test", "<strong>0</strong> / 3", "D-FireInsurance2020"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("<dd>json</dd>") && page.contains("<dd>ServiceAppKey</dd>"), "its mode");
    assert!(!page.contains("ServiceAppSecret"), "but no secret");
}

#[tokio::test]
async fn customers_are_told_with_the_last_digits_of_their_number_only() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    for path in ["/console/customers", "/console/customer?id=c_1"] {
        let page = visitor.page(path).await;
        assert!(page.contains("*******1234") && !page.contains("139000"), "{path}");
    }
    let guessed = visitor.page("/console/customers?q=13900001234").await;
    assert!(guessed.contains("Nothing fits this search."), "numbers can't be guessed");
}

#[tokio::test]
async fn test_orders_bear_their_mark_and_formal_ones_their_cost() {
    let settings = SandboxSettings { authorisations_bought: 1, published: true, ..settings() };
    let sandbox = furnished(settings).await;
    for (number, item) in [("test-1", "D-FireInsurance2020"), ("formal-1", "FireInsurance2020")] {
        assert!(send(&sandbox, &Call::order(number, item, "FireBusiness")).await.succeeded());
    }
    let visitor = Visitor::of(&sandbox);
    let test = visitor.page("/console/orders?kind=test").await;
    assert!(test.contains("test-1") && test.contains("测试 / test") && !test.contains("formal-1"));
    let formal = visitor.page("/console/orders?kind=formal").await;
    assert!(formal.contains("formal-1") && formal.contains("uses an authorisation"));
    assert!(!formal.contains("test-1"));
}

#[tokio::test]
async fn a_device_is_told_with_plots_states_and_owner() {
    let sandbox = furnished(settings()).await;
    let time = now() - 60;
    for (place, (value, circuit)) in
        [("219.5", "1"), ("221.5", "1"), ("230.0", "2")].into_iter().enumerate()
    {
        let time = time + i64::try_from(place).unwrap();
        let voltage = report(time, &[(1000, circuit), (1001, value)]);
        assert!(send(&sandbox, &Call::data("P/a", "c_1", 100, &voltage)).await.succeeded());
    }
    let smoke = report(time, &[(1007, "1")]);
    assert!(send(&sandbox, &Call::data("P/a", "c_1", 500, &smoke)).await.succeeded());
    for online in [1, 0] {
        assert!(send(&sandbox, &Call::state("P/a", online)).await.succeeded());
    }

    let visitor = Visitor::of(&sandbox);
    let page = visitor.page("/console/device?id=P/a").await;
    assert!(page.contains("aria-label=\"Voltage: lowest 219.5, highest 230.0, circuit 1 last 221.5, circuit 2 last 230.0; "));
    for text in ["100 · 1001 · V", "circuit 2 <strong>230.0</strong>", "500 · 1007", "c_1</a>"] {
        assert!(page.contains(text), "{text}");
    }
    assert!(page.contains("<span class=\"mark offline\">offline</span>"));
    let list = visitor.page("/console/devices?q=p%2FA").await;
    assert!(list.contains("P/a</a>") && list.contains("smoke"), "{list}");
    let silent = visitor.get("/console/device?id=P/nobody").await;
    assert_eq!(silent.status, 404);
}

#[tokio::test]
async fn calls_are_told_with_why_they_were_refused() {
    let sandbox = furnished(settings()).await;
    send(&sandbox, &Call::power(1, "1").signed_as("nonsense")).await;
    send(&sandbox, &Call::data("P/unbound", "c_1", 400, &report(1, &[(1006, "1")]))).await;
    let page = Visitor::of(&sandbox).page("/console/calls").await;
    assert!(page.contains("Signature 无效") && page.contains("device is not bound"));
    assert!(page.contains("<dt class=\"id\">InvalidParameterValue</dt><dd>2</dd>"));
}

#[tokio::test]
async fn the_page_that_a_policy_is_claimed_on_names_what_was_ordered() {
    let sandbox = furnished(settings()).await;
    let ask = Call::new("ServiceGetInsurancePageURL")
        .text("CustomerId", "c_1")
        .text("ItemId", "D-CarInsurance2021")
        .text("ItemVNO", "AutoVIP");
    let url = send(&sandbox, &ask).await.response()["URL"].as_str().unwrap().to_owned();
    let path = url.split_once(&sandbox.address().to_string()).unwrap().1;
    let english = Visitor::of(&sandbox).page(path).await;
    for text in ["Claim the policy", "Two-wheeler", "AutoVIP", "测试 / test", "not valid"] {
        assert!(english.contains(text), "{text}");
    }
    let chinese = Visitor::of(&sandbox).speaking("zh-CN").page(path).await;
    assert!(chinese.contains("领取保单") && chinese.contains("两轮车"));
    for path in ["/h5/insurance", "/h5/insurance?ItemId=D-CarInsurance2021&ItemVNO=FireBusiness"] {
        assert_eq!(Visitor::of(&sandbox).get(path).await.status, 400, "{path}");
    }
}

#[tokio::test]
async fn addresses_begin_with_the_public_one_where_there_is_one() {
    let public_url = Some("https://sandbox.example:8443/".to_owned());
    let sandbox = furnished(SandboxSettings { public_url, ..settings() }).await;
    assert_eq!(sandbox.console_url(), "https://sandbox.example:8443/");
    let ask = Call::new("ServiceGetInsurancePageURL")
        .text("CustomerId", "c_1")
        .text("ItemId", "D-FireInsurance2020")
        .text("ItemVNO", "FireBusiness");
    let url = send(&sandbox, &ask).await.response()["URL"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://sandbox.example:8443/h5/insurance?"), "{url}");
}
