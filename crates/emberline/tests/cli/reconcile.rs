//! `emberline reconcile`: an embedded Kafka beside a sandbox.

use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule, SandboxSettings};
use serde_json::{Value, json};

use crate::binary::{Emberline, Run};
use crate::far_end::FarEnd;
use crate::kafka::Kafka;

const TOPICS: [&str; 2] = ["customers", "orders"];

fn customer(id: &str, phone: &str) -> String {
    json!({ "customer_id": id, "country_code": "86", "phone_number": phone, "time": 1_628_646_000 })
        .to_string()
}

fn order(number: &str, customer: &str, count: u32) -> String {
    json!({
        "customer_id": customer, "order_no": number, "item_id": "D-FireInsurance2020",
        "item_vno": "FireBusiness", "item_num": count, "time": 1_628_646_100,
    })
    .to_string()
}

/// Two sides, and the program that looks at both.
struct World {
    kafka: Kafka,
    far_end: FarEnd,
    client: Emberline,
}

impl World {
    fn with(settings: SandboxSettings) -> Self {
        let (kafka, far_end) = (Kafka::with_topics(&TOPICS), FarEnd::with(settings));
        let client = Emberline::with_config(&format!("{}{}", kafka.section(), far_end.section()));
        Self { kafka, far_end, client }
    }

    /// A customer on both sides.
    fn customer_everywhere(&self, id: &str, phone: &str) {
        self.kafka.write("customers", &[(id, customer(id, phone))]);
        self.far_end.sandbox.create_customer(id, "86", phone).unwrap();
    }

    /// An order at the service.
    fn order_there(&self, number: &str, customer: &str) {
        self.far_end.place_orders(customer, std::iter::once(number.to_owned()));
    }

    fn reconcile(&self, flags: &[&str]) -> (Run, Value) {
        let run = self.client.run(&[&["reconcile", "--json"], flags].concat());
        let object = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        (run, object)
    }
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect()
}

#[test]
fn two_sides_that_agree_have_no_difference() {
    let world = World::with(SandboxSettings::default());
    world.customer_everywhere("c_1", "13900000001");
    world
        .kafka
        .write("orders", &[("c_1", order("o-1", "c_1", 1)), ("c_1", order("o-1", "c_1", 1))]);
    world.order_there("o-1", "c_1");
    let (run, object) = world.reconcile(&[]);
    assert_eq!(
        (run.code, &object["ok"], &object["records"]),
        (0, &json!(true), &json!(3)),
        "{run:?}"
    );
    assert!(world.client.run(&["reconcile"]).stdout.ends_with("no difference\n"));
}

#[test]
fn what_is_missing_extra_or_different_is_named_and_exit_code_1() {
    let world = World::with(SandboxSettings::default());
    world.customer_everywhere("c_1", "13900000001");
    // A new number that the service has not heard of.
    let new_number = customer("c_1", "13911112222").replace("1628646000", "1628646500");
    let on_topics = [("c_1", new_number), ("c_2", customer("c_2", "13900000002"))];
    world.kafka.write("customers", &on_topics);
    world.far_end.sandbox.create_customer("c_3", "86", "13900000003").unwrap();
    let orders = [
        ("c_1", order("o-1", "c_1", 2)),
        ("c_2", order("o-2", "c_2", 1)),
        ("c_2", order("o-2", "c_2", 5)),
        ("c_2", "{\"order_no\":".to_owned()),
    ];
    world.kafka.write("orders", &orders);
    world.order_there("o-1", "c_1");
    world.order_there("o-9", "c_3");

    let (run, object) = world.reconcile(&[]);
    assert_eq!(run.code, 1, "{run:?}");
    let (customers, orders) = (&object["customers"], &object["orders"]);
    assert_eq!((ids(&customers["missing"]), ids(&customers["extra"])), (vec!["c_2"], vec!["c_3"]));
    assert_eq!(customers["different"][0]["fields"][0]["ours"], "…2222");
    assert_eq!((ids(&orders["missing"]), ids(&orders["extra"])), (vec!["o-2"], vec!["o-9"]));
    assert_eq!(orders["extra"][0]["test"], true);
    let pair = json!({ "field": "item_num", "ours": "2", "theirs": "1" });
    assert_eq!(orders["different"][0]["fields"][0], pair);
    assert_eq!(object["contradictions"][0]["order_no"], "o-2");
    assert_eq!(object["undecodable"]["count"], 1);
    assert!(!run.stdout.contains("1390000") && !run.stdout.contains("1391111"), "{run:?}");

    // One customer alone, and all but some.
    let (run, object) = world.reconcile(&["--customer", "c_3"]);
    assert_eq!((run.code, ids(&object["orders"]["extra"])), (1, vec!["o-9"]));
    assert_eq!(object["orders"]["missing"], json!([]));
    let (_, object) = world.reconcile(&["--except", "c_3", "--except", "c_2"]);
    assert_eq!(object["customers"]["extra"], json!([]));
    assert_eq!(object["customers"]["missing"], json!([]));
}

#[test]
fn ten_thousand_orders_are_compared_page_by_page() {
    const ORDERS: u32 = 10_000;
    let world = World::with(SandboxSettings::default());
    world.customer_everywhere("c_1", "13900000001");
    let number = |n: u32| format!("o-{n:05}");
    let on_topic: Vec<_> = (0..ORDERS).map(|n| ("c_1", order(&number(n), "c_1", 1))).collect();
    world.kafka.write("orders", &on_topic);
    // All but the last two.
    world.far_end.place_orders("c_1", (0..ORDERS - 2).map(number));
    let calls = world.far_end.sandbox.ledger().totals().calls;

    // More than it answers at once.
    let (run, object) = world.reconcile(&["--page-size", "1000"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(ids(&object["orders"]["missing"]), ["o-09998", "o-09999"]);
    assert_eq!(object["orders"]["on_topics"], 10_000);
    assert_eq!(
        (&object["orders"]["extra"], &object["orders"]["different"]),
        (&json!([]), &json!([]))
    );
    // One of customers, a hundred of orders, and the missing ones asked for again.
    let calls = world.far_end.sandbox.ledger().totals().calls - calls;
    assert_eq!(calls, 1 + 100 + 2);
}

#[test]
fn a_service_that_fails_in_passing_or_asks_to_slow_down_is_asked_again() {
    let slow = FaultRule::first(1, Fault::slow_down(1)).of(Action::GetOrderList);
    let away = FaultRule::first(2, Fault::status(503)).of(Action::GetCustomerList);
    let faults = FaultPlan { rules: vec![slow, away], ..FaultPlan::default() };
    let world = World::with(SandboxSettings { faults, ..SandboxSettings::default() });
    world.customer_everywhere("c_1", "13900000001");
    let (run, _) = world.reconcile(&[]);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn a_service_that_does_not_show_all_that_it_has_is_no_agreement() {
    let part = r#"{"Response":{"RequestId":"r","Status":"OK","Total":50,"Customers":
        [{"CustomerId":"c_1","CountryCode":"86","PhoneNumber":"13900000001"}]}}"#;
    let rule = FaultRule::always(Fault::Raw { status: 200, body: part.to_owned() });
    let faults = FaultPlan::from(rule.of(Action::GetCustomerList));
    let world = World::with(SandboxSettings { faults, ..SandboxSettings::default() });
    let run = world.client.run(&["reconcile", "--json"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.is_empty() && run.stderr.contains("1 of 50 customers"), "{run:?}");
}

#[test]
fn what_keeps_from_comparing_is_told() {
    let world = World::with(SandboxSettings::default());
    let client = Emberline::with_config(&format!(
        "{}{}\n[topics]\norders = [\"nowhere\"]\n",
        world.kafka.section(),
        world.far_end.section()
    ));
    let run = client.run(&["reconcile"]);
    assert!(run.code == 1 && run.stderr.contains("nowhere"), "{run:?}");
    let run = Emberline::with_config(&world.kafka.section()).run(&["reconcile"]);
    assert!(run.code == 2 && run.stderr.contains("app_key"), "{run:?}");
    let run = world.client.run(&["reconcile", "--page-size", "0"]);
    assert_eq!(run.code, 2, "{run:?}");
    let wrong = world.client.run(&["reconcile", "--customer", "c_1", "--except", "c_2"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
}
