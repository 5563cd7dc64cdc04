//! Customers and orders: lists, pages, test and formal orders.

use emberline_sandbox::{Edition, SandboxSettings};

use crate::caller::{Call, furnished, get, send, settings};

#[tokio::test]
async fn customers_are_listed_by_filter_and_page() {
    let sandbox = furnished(settings()).await;
    for n in 2..=25 {
        let call = Call::customer(&format!("c_{n}"), &format!("139000012{n:02}"));
        assert!(send(&sandbox, &call).await.succeeded());
    }
    let list = || Call::new("ServiceGetCustomerList");
    let ids = |answer: &crate::caller::Answer| -> Vec<String> {
        let customers = answer.response()["Customers"].as_array().unwrap().clone();
        customers.iter().map(|c| c["CustomerId"].as_str().unwrap().to_owned()).collect()
    };

    let first = send(&sandbox, &list()).await;
    assert_eq!((ids(&first).len(), &first.response()["Total"]), (20, &25.into()));
    let rest = send(&sandbox, &list().raw("Offset", 20).raw("Limit", 100)).await;
    assert_eq!(ids(&rest), ["c_21", "c_22", "c_23", "c_24", "c_25"]);
    let one = send(&sandbox, &list().text("PhoneNumber", "13900001207")).await;
    assert_eq!((ids(&one), &one.response()["Total"]), (vec!["c_7".to_owned()], &1.into()));
    let shown = one.response()["Customers"][0].clone();
    assert_eq!(
        (&shown["CountryCode"], &shown["PhoneNumber"]),
        (&"86".into(), &"13900001207".into())
    );
    let none = send(&sandbox, &list().text("CustomerId", "c_7").text("CountryCode", "1")).await;
    assert_eq!(none.response()["Total"], 0);
    let malformed = send(&sandbox, &list().text("CustomerId", "c-7")).await;
    assert_eq!(malformed.error().0, "invalid CustomerId");
    let negative = send(&sandbox, &list().raw("Offset", -1)).await;
    assert_eq!(negative.error().0, "InvalidParameterValue");
}

#[tokio::test]
async fn an_order_can_be_asked_for_by_its_number() {
    let sandbox = furnished(settings()).await;
    let ask = || Call::new("ServiceGetOrderList").text("OrderNo", "20210811-0001");
    assert_eq!(send(&sandbox, &ask()).await.response()["Total"], 0);
    for order_no in ["20210811-0001", "20210811-0002"] {
        let call = Call::order(order_no, "D-CarInsurance2021", "AutoVIP").raw("ItemNum", 3);
        assert!(send(&sandbox, &call).await.succeeded());
    }
    let answer = send(&sandbox, &ask()).await.response();
    assert_eq!(answer["Total"], 1);
    let expected = serde_json::json!({
        "CustomerId": "c_1", "OrderNo": "20210811-0001", "ItemId": "D-CarInsurance2021",
        "ItemVNO": "AutoVIP", "ItemNum": 3,
    });
    assert_eq!(answer["Orders"][0], expected);
}

#[tokio::test]
async fn an_order_number_is_accepted_once() {
    let sandbox = furnished(settings()).await;
    let order = || Call::order("1", "D-FireInsurance2020", "FireBusiness");
    assert!(send(&sandbox, &order()).await.succeeded());
    let (code, message) = send(&sandbox, &order()).await.error();
    assert_eq!(code, "InvalidParameterValue");
    assert!(message.contains("OrderNo"), "{message}");
}

#[tokio::test]
async fn formal_orders_need_publishing_and_consume_what_was_bought() {
    let sandbox = furnished(SandboxSettings { authorisations_bought: 1, ..settings() }).await;
    let formal = |order_no| Call::order(order_no, "FireInsurance2020", "FireMER20W");
    let refused = send(&sandbox, &formal("1")).await.error();
    assert_eq!(refused.0, "InvalidParameterValue");
    assert!(refused.1.contains("published"), "{refused:?}");

    sandbox.registry().publish();
    assert!(send(&sandbox, &formal("1")).await.succeeded());
    let refused = send(&sandbox, &formal("2")).await.error();
    assert!(refused.1.contains("authorisation"), "{refused:?}");
    let test = Call::order("3", "D-FireInsurance2020", "FireMER20W");
    assert!(send(&sandbox, &test).await.succeeded(), "test orders go on after publishing");

    let shown = get(&sandbox, "/admin/orders").await.json();
    assert_eq!(shown["authorisations_used"], 1);
    assert_eq!(
        (&shown["orders"][0]["test"], &shown["orders"][1]["test"]),
        (&false.into(), &true.into())
    );
}

#[tokio::test]
async fn the_page_is_named_as_each_edition_does() {
    let ask = || {
        Call::new("ServiceGetInsurancePageURL")
            .text("CustomerId", "c_1")
            .text("ItemId", "D-FireInsurance2020")
            .text("ItemVNO", "FireBusiness")
    };
    let newer = furnished(settings()).await;
    let answer = send(&newer, &ask()).await.response();
    let url = answer["URL"].as_str().unwrap();
    assert!(url.starts_with(&format!("http://{}/", newer.address())), "{url}");
    assert!(answer["MpAppId"].is_string() && answer["MpAppPath"].is_string());
    let path = url.split_once(&newer.address().to_string()).unwrap().1;
    assert_eq!(get(&newer, path).await.status, 200, "the page is there");

    let older = furnished(SandboxSettings { edition: Edition::Older, ..settings() }).await;
    let answer = send(&older, &ask().without("ItemVNO")).await.response();
    assert!(answer["URL"].is_string() && answer["MpAppId"].is_null());
}
