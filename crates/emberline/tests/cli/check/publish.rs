//! Before publishing.

use emberline_sandbox::SandboxSettings;

use super::Checked;
use crate::binary::Emberline;
use crate::far_end::FarEnd;
use crate::kafka::Kafka;

const OWN: [&str; 9] = [
    "emberline.customer-devices",
    "emberline.retry.30s",
    "emberline.retry.5m",
    "emberline.retry.1h",
    "emberline.order-book",
    "emberline.dead-letters",
    "emberline.receipts",
    "emberline.replays",
    "emberline.portal-tokens",
];

#[test]
fn what_was_seen_is_told_with_the_orders_that_cost() {
    let kafka =
        Kafka::with_topics(&[&["devices", "bindings", "customers", "orders"][..], &OWN].concat());
    let far_end = FarEnd::with(SandboxSettings {
        authorisations_bought: 5,
        published: true,
        ..Default::default()
    });
    let claims = "[claims]\nformal_orders = true\nauthorisations = 5\n";
    let client =
        Emberline::with_config(&format!("{}{}{claims}", kafka.section(), far_end.section()));
    for number in ["o-1", "o-2"] {
        let order = [
            "service",
            "create-order",
            "--customer",
            "c_1",
            "--order-no",
            number,
            "--item",
            "FireInsurance2020",
            "--item-version",
            "FireBusiness",
            "--formal",
        ];
        far_end.sandbox.create_customer("c_1", "86", "13900000000").unwrap();
        assert_eq!(client.run(&order).code, 0);
    }
    let checked = Checked::of(client.run(&["check", "--before-publish", "--json"]));
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    let publishing = &checked.object["before_publish"];
    assert_eq!(publishing["ready"], true);
    assert_eq!(
        (&publishing["orders"]["formal"], &publishing["orders"]["test"]),
        (&2.into(), &1.into())
    );

    let text = client.run(&["check", "--before-publish"]).stdout;
    assert!(text.contains("can't be undone") && text.contains("2 formal, 2 test"), "{text}");
    assert!(text.contains("claims.authorisations = 5: 3 are left"), "{text}");
}

#[test]
fn what_was_not_seen_keeps_from_publishing() {
    let far_end = FarEnd::start();
    let config = format!("[kafka]\nbrokers = \"127.0.0.1:1\"\n{}", far_end.section());
    let run = Emberline::with_config(&config).run(&["check", "--before-publish", "--read-only"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("[ ] a device is bound"), "{run:?}");
    assert!(run.stdout.ends_with("do not publish yet\n"), "{run:?}");
    assert_eq!(far_end.sandbox.registry().orders().orders.len(), 0);
}
