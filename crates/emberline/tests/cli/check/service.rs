//! The service's side: reached, and the way of a user walked.

use std::io::{Read, Write};
use std::net::TcpListener;

use emberline_sandbox::{Action, Edition, Fault, FaultPlan, FaultRule, SandboxSettings};

use super::{Checked, check};
use crate::binary::Emberline;
use crate::far_end::FarEnd;

const PHONE: &str = "13912345678";
const SUBJECT: [&str; 4] = ["--customer", "c_1", "--device", "P/dev1"];

fn faulty(rule: FaultRule) -> FarEnd {
    let faults = FaultPlan::from(rule);
    FarEnd::with(SandboxSettings { faults, ..SandboxSettings::default() })
}

#[test]
fn the_whole_way_of_a_user_is_walked_with_a_test_order() {
    let far_end = FarEnd::start();
    let checked = check(&far_end, "", &SUBJECT);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert_eq!(checked.all("failed"), [""; 0]);
    // The URL of a sandbox is http.
    assert_eq!(checked.all("skipped"), [""; 0]);
    assert_eq!(checked.detail("clock"), "agrees");

    let registry = far_end.sandbox.registry();
    let orders = registry.orders().orders;
    assert_eq!((orders.len(), orders[0].test), (1, true));
    assert_eq!(registry.bindings("c_1").unwrap().all[0].device_id, "P/dev1");
    let totals = far_end.sandbox.ledger().totals();
    assert_eq!((totals.reports_accepted, totals.rejected_calls), (6, 0));
    assert_eq!(far_end.sandbox.ledger().states_of("P/dev1"), [1, 0]);

    // Again: the customer is there, the order is another one.
    let again = check(&far_end, "", &SUBJECT);
    assert_eq!(again.run.code, 0, "{:?}", again.run);
    let orders = registry.orders().orders;
    assert_eq!(orders.len(), 2);
    assert_ne!(orders[0].order_no, orders[1].order_no);
}

/// Money: even where the service would take a formal order, and the settings allow it.
#[test]
fn a_formal_order_is_never_sent() {
    let far_end = FarEnd::with(SandboxSettings {
        authorisations_bought: 10,
        published: true,
        ..SandboxSettings::default()
    });
    let formal = "\n[claims]\nformal_orders = true\nauthorisations = 10\n";
    for item in ["FireInsurance2020", "CarInsurance2021"] {
        let client = Emberline::with_config(&format!("{}{formal}", far_end.section()));
        let run = client.run(&["check", "--only", "service", "--item", item]);
        assert!(run.code == 2 && run.stderr.contains("D-"), "{run:?}");
    }
    assert_eq!(far_end.sandbox.ledger().totals().calls, 0);
    for flags in
        [&["--before-publish"][..], &["--item", "D-CarInsurance2021", "--item-version", "AutoVIP"]]
    {
        let client = Emberline::with_config(&format!("{}{formal}", far_end.section()));
        client.run(&[&["check", "--json"], flags].concat());
        assert_eq!(far_end.sandbox.registry().orders().authorisations_used, 0, "{flags:?}");
    }
    let orders = far_end.sandbox.registry().orders().orders;
    assert!(orders.len() == 2 && orders.iter().all(|order| order.test), "{orders:?}");
}

#[test]
fn read_only_asks_and_changes_nothing() {
    let far_end = FarEnd::start();
    let checked = check(&far_end, "", &["--read-only"]);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert_eq!((checked.state("credentials"), checked.state("order list")), ("ok", "ok"));
    assert!(checked.detail("binding").contains("--read-only"));
    let totals = far_end.sandbox.ledger().totals();
    let made: Vec<_> = totals.by_action.iter().filter(|(_, calls)| calls.accepted > 0).collect();
    assert_eq!(made.len(), 2, "{made:?}");
    assert!(made.iter().all(|(action, _)| action.starts_with("ServiceGet")), "{made:?}");
}

#[test]
fn a_wrong_secret_is_told_as_such_and_the_rest_is_skipped() {
    let far_end = FarEnd::start();
    let client =
        Emberline::with_config(&far_end.section()).env("EMBERLINE__SERVICE__APP_SECRET", "another");
    let checked = Checked::of(client.run(&["check", "--only", "service", "--json"]));
    assert_eq!(checked.run.code, 1, "{:?}", checked.run);
    assert_eq!(checked.all("failed"), ["credentials"]);
    assert!(checked.advice("credentials").contains("service.app_secret"));
    assert_eq!(checked.detail("customer"), "because of the credentials");
    assert_eq!(far_end.sandbox.ledger().totals().calls, 1, "one harmless question");

    let client =
        Emberline::with_config(&far_end.section()).env("EMBERLINE__SERVICE__APP_KEY", "another");
    let checked = Checked::of(client.run(&["check", "--only", "service", "--json"]));
    assert_eq!(checked.all("failed"), ["credentials"]);
}

#[test]
fn an_app_key_that_is_unknown_in_the_services_vaguest_words_is_recognised() {
    let vague = "invalid CustomerId or invalid ServiceAppKey";
    let far_end = faulty(FaultRule::always(Fault::error(vague, vague)));
    let checked = check(&far_end, "", &[]);
    assert!(checked.advice("credentials").contains("service.app_key"), "{:?}", checked.run);
}

#[test]
fn an_address_out_of_reach_is_told_at_its_step() {
    for (url, step) in [
        ("http://no-such-host.invalid/x", "address"),
        ("http://127.0.0.1:1/x", "connection"),
        ("https://127.0.0.1:1/x", "connection"),
    ] {
        let config = format!("[service]\nurl = \"{url}\"\napp_key = \"k\"\napp_secret = \"s\"\n");
        let run = Emberline::with_config(&config).run(&["check", "--only", "service", "--json"]);
        let checked = Checked::of(run);
        assert_eq!(checked.run.code, 1, "{:?}", checked.run);
        assert_eq!(checked.all("failed"), [step], "{url}");
        assert!(!checked.advice(step).is_empty());
        assert_eq!((checked.state("credentials"), checked.state("online")), ("skipped", "skipped"));
    }
}

#[test]
fn a_server_that_is_not_the_service_is_told() {
    let far_end = faulty(FaultRule::always(Fault::Raw { status: 404, body: "<html>".into() }));
    let checked = check(&far_end, "", &[]);
    assert_eq!(checked.all("failed"), ["credentials"]);
    assert!(checked.advice("credentials").contains("service.url"), "{:?}", checked.run);
}

/// A service whose clock is far away, and which refuses calls for it.
fn late_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let body = r#"{"Response":{"Error":{"Code":"InvalidParameterValue","Message":"Timestamp expired"},"RequestId":"r"}}"#;
            let head =
                "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

#[test]
fn a_clock_that_is_wrong_is_told_with_its_distance() {
    let url = late_service();
    let config = format!("[service]\nurl = \"{url}\"\napp_key = \"k\"\napp_secret = \"s\"\n");
    let run = Emberline::with_config(&config).run(&["check", "--only", "service", "--json"]);
    let checked = Checked::of(run);
    assert_eq!(checked.all("failed"), ["clock", "credentials"]);
    assert!(checked.detail("clock").contains("ahead of"), "{:?}", checked.run);
    assert!(checked.advice("clock").contains("NTP"), "{:?}", checked.run);
    assert!(checked.advice("credentials").contains("clock"), "{:?}", checked.run);
}

#[test]
fn the_older_edition_of_the_page_address_is_good_and_named() {
    let far_end = FarEnd::with(SandboxSettings { edition: Edition::Older, ..Default::default() });
    let checked = check(&far_end, "", &[]);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert!(checked.detail("page address").contains("older edition"));
    assert!(!checked.detail("page address").contains('?'), "without its query");
    // One that wants no ItemVNO refuses the first question.
    let rule = FaultRule::first(1, Fault::error("InvalidParameterValue", "ItemVNO is unknown"));
    let far_end = FarEnd::with(SandboxSettings {
        edition: Edition::Older,
        faults: FaultPlan::from(rule.of(Action::GetInsurancePageUrl)),
        ..Default::default()
    });
    assert_eq!(check(&far_end, "", &[]).run.code, 0);
}

#[test]
fn a_refused_customer_ends_the_way_and_says_what_to_give() {
    let far_end = FarEnd::start();
    let checked = check(&far_end, "", &["--phone-number", "not-a-number-7"]);
    assert_eq!(checked.run.code, 1, "{:?}", checked.run);
    assert_eq!(checked.all("failed"), ["customer"]);
    assert!(checked.advice("customer").contains("--phone-number"));
    for step in ["test order", "page address", "binding", "voltage_info", "offline", "data_info"] {
        assert_eq!(checked.detail(step), "because of the customer", "{step}");
    }
    assert!(!checked.run.stdout.contains("not-a-number"), "{:?}", checked.run);
}

#[test]
fn a_customer_that_is_there_already_is_good_unless_it_is_another_one() {
    let refusal = Fault::error("InvalidParameterValue", "customer exists");
    let far_end = faulty(FaultRule::always(refusal).of(Action::CreateCustomer));
    far_end.sandbox.create_customer("c_1", "86", PHONE).unwrap();
    let same = [&SUBJECT[..], &["--phone-number", PHONE]].concat();
    let checked = check(&far_end, "", &same);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert!(checked.detail("customer").contains("was there already"));

    let other = [&SUBJECT[..], &["--phone-number", "13900009999"]].concat();
    let checked = check(&far_end, "", &other);
    assert_eq!(checked.all("failed"), ["customer list"]);
    let output = format!("{:?}", checked.run);
    assert!(output.contains("…5678") && output.contains("…9999"), "{output}");
    assert!(!output.contains("1391234") && !output.contains("13900009"), "{output}");
}

#[test]
fn an_order_whose_answer_got_lost_is_asked_for_and_not_sent_again() {
    let lost = FaultRule::always(Fault::CutBody).of(Action::CreateOrder);
    let far_end = faulty(lost.after_acting());
    let checked = check(&far_end, "", &[]);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert!(checked.detail("test order").contains("its answer got lost"));
    assert_eq!(far_end.sandbox.registry().orders().orders.len(), 1);

    let refused = faulty(FaultRule::always(Fault::status(503)).of(Action::CreateOrder));
    let checked = check(&refused, "", &[]);
    assert_eq!((checked.state("test order"), checked.state("order list")), ("failed", "skipped"));
    assert_eq!(checked.state("offline"), "ok", "the rest does not rest on it");
}

#[test]
fn a_service_that_asks_to_slow_down_is_waited_for() {
    let far_end = faulty(FaultRule::first(3, Fault::slow_down(1)));
    assert_eq!(check(&far_end, "", &[]).run.code, 0);
    // And the configured rate is kept to.
    let limited = FarEnd::with(SandboxSettings { rate_limit: Some(40.0), ..Default::default() });
    let checked = check(&limited, "\n[limits]\nrate = \"20/s\"\n", &[]);
    assert_eq!(checked.run.code, 0, "{:?}", checked.run);
    assert_eq!(limited.sandbox.ledger().totals().throttled_calls, 0);
}

#[test]
fn a_failure_shows_neither_secret_nor_number() {
    let far_end = faulty(FaultRule::share(0.5, Fault::status(500)));
    let client = Emberline::with_config(&far_end.section());
    let flags = ["check", "--only", "service", "--phone-number", PHONE, "--log-level", "trace"];
    let run = client.run(&flags);
    let output = format!("{}{}", run.stdout, run.stderr);
    assert!(!output.contains(PHONE) && !output.contains("ServiceAppSecret"), "{output}");
}

#[test]
fn a_configuration_of_no_use_is_exit_code_2() {
    let run = Emberline::with_config("[service]\nurl = \"http://127.0.0.1:1\"\n").run(&["check"]);
    assert!(run.code == 2 && run.stderr.contains("app_secret"), "{run:?}");
    let far_end = FarEnd::start();
    let client = Emberline::with_config(&far_end.section());
    let run = client.run(&["check", "--item", "D-CarInsurance2021", "--only", "service"]);
    assert!(run.code == 2 && run.stderr.contains("--item-version"), "{run:?}");
    assert_eq!(far_end.sandbox.ledger().totals().calls, 0);
}
